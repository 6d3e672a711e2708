//! What a client hears that sends far more than the server takes.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail by panicking too")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

struct Server(Child, String);

impl Server {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_cosell"))
            .args(["dev", "--ephemeral", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let endpoint = lines
            .map(Result::unwrap)
            .find(|line| line.starts_with("endpoint"))
            .unwrap();
        let address = endpoint.rsplit("//").next().unwrap().to_owned();
        Self(child, address)
    }

    /// Sends a request whole before it looks at the answer, as blocking clients do.
    fn send(&self, headers: &str, bytes: usize) -> String {
        let mut stream = TcpStream::connect(&self.1).unwrap();
        let head = format!(
            "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {bytes}\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&vec![b' '; bytes]).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_client_that_sends_its_whole_body_first_still_hears_why_it_is_refused() {
    const BYTES: usize = 24 * 1024 * 1024;
    let server = Server::start();
    let signed = format!(
        "X-Amz-Date: 20261121T000000Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential=111122223333/20261121/us-east-1/partnercentral-selling/aws4_request, SignedHeaders=host;x-amz-date, Signature={}\r\n",
        "0".repeat(64)
    );
    let answer = server.send(&signed, BYTES);
    assert!(
        answer.starts_with("HTTP/1.1 413") && answer.contains("RequestEntityTooLarge"),
        "{answer}"
    );
    let answer = server.send("", BYTES);
    assert!(answer.contains("MissingAuthenticationTokenException"), "{answer}");
}
