//! A receiver of webhooks: takes what is sent, and answers as it is told.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

/// A delivery as it came.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The header webhook-id.
    pub id: String,
    timestamp: String,
    signature: String,
    body: Vec<u8>,
}

impl Delivery {
    /// The envelope.
    pub fn event(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Whether one of its signatures was made with that secret.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{}.", self.id, self.timestamp).as_bytes());
        mac.update(&self.body);
        let made = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        self.signature.split(' ').any(|given| given == made)
    }

    /// How many signatures it has.
    pub fn signatures(&self) -> usize {
        self.signature.split(' ').count()
    }
}

/// What a receiver answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// This status.
    Status(u16),
    /// Nothing: it takes the delivery and keeps silent.
    Silence,
}

struct Kept {
    deliveries: Vec<Delivery>,
    reply: Reply,
}

/// A receiver, as long as the test lasts.
#[derive(Clone)]
pub struct Receiver {
    address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
}

impl Receiver {
    /// One that answers so.
    pub fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            kept: Arc::new(Mutex::new(Kept {
                deliveries: Vec::new(),
                reply,
            })),
        };
        let kept = Arc::clone(&receiver.kept);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || serve(stream, &kept));
            }
        });
        receiver
    }

    /// Where it takes deliveries.
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Answers so from now on.
    pub fn answer(&self, reply: Reply) {
        self.kept.lock().unwrap().reply = reply;
    }

    /// Everything that came so far.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.kept.lock().unwrap().deliveries.clone()
    }

    /// Everything that came, once there is so much.
    #[track_caller]
    pub fn wait(&self, count: usize) -> Vec<Delivery> {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let found = self.deliveries();
            if found.len() >= count {
                return found;
            }
            assert!(Instant::now() < end, "{} of {count} deliveries came", found.len());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn serve(stream: TcpStream, kept: &Mutex<Kept>) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    loop {
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            match reader.read_line(&mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) if line.trim().is_empty() => break,
                Ok(_) => headers.push(line.trim().to_owned()),
            }
        }
        let header = |name: &str| {
            let found = headers.iter().find_map(|line| {
                let (given, value) = line.split_once(':')?;
                given.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            });
            found.unwrap_or_default()
        };
        let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let delivery = Delivery {
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp"),
            signature: header("webhook-signature"),
            body,
        };
        let reply = {
            let mut kept = kept.lock().unwrap();
            kept.deliveries.push(delivery);
            kept.reply
        };
        match reply {
            Reply::Status(status) => {
                let answer = format!("HTTP/1.1 {status} So\r\ncontent-length: 0\r\n\r\n");
                if writer.write_all(answer.as_bytes()).is_err() {
                    return;
                }
            }
            // Until the other side has had enough.
            Reply::Silence => {
                let _ = reader.read(&mut [0]);
                return;
            }
        }
    }
}
