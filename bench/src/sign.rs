//! Signature Version 4 for the load generator: the derived key is kept, everything else is done anew for each request.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

const SERVICE: &str = "partnercentral-selling";
const REGION: &str = "us-east-1";

/// Signs requests of one access key.
pub struct Signer {
    key_id: String,
    secret: String,
    host: String,
    /// The day of the derived key, and the key.
    derived: (String, [u8; 32]),
}

impl Signer {
    /// A signer for requests to `host` (address and port).
    pub fn new(key_id: &str, secret: &str, host: &str) -> Self {
        Self {
            key_id: key_id.into(),
            secret: secret.into(),
            host: host.into(),
            derived: (String::new(), [0; 32]),
        }
    }

    /// A whole HTTP/1.1 request, signed at this moment.
    pub fn request(&mut self, operation: &str, body: &[u8]) -> Vec<u8> {
        #[expect(clippy::disallowed_methods, reason = "a client signs with the machine's time")]
        let date = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = &date[..8];
        if self.derived.0 != day {
            let mut key = hmac(format!("AWS4{}", self.secret).as_bytes(), day.as_bytes());
            for part in [REGION, SERVICE, "aws4_request"] {
                key = hmac(&key, part.as_bytes());
            }
            self.derived = (day.to_owned(), key);
        }
        let target = format!("AWSPartnerCentralSelling.{operation}");
        let signed = "content-type;host;x-amz-date;x-amz-target";
        let canonical = format!(
            "POST\n/\n\ncontent-type:application/x-amz-json-1.0\nhost:{}\nx-amz-date:{date}\nx-amz-target:{target}\n\n{signed}\n{}",
            self.host,
            hex(&Sha256::digest(body))
        );
        let scope = format!("{day}/{REGION}/{SERVICE}/aws4_request");
        let text = format!(
            "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
            hex(&Sha256::digest(canonical.as_bytes()))
        );
        let signature = hex(&hmac(&self.derived.1, text.as_bytes()));
        let mut request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nX-Amz-Target: {target}\r\nContent-Type: application/x-amz-json-1.0\r\n\
             X-Amz-Date: {date}\r\nAuthorization: AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed}, \
             Signature={signature}\r\nContent-Length: {}\r\n\r\n",
            self.host,
            self.key_id,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        request
    }
}

fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mac) => mac.chain_update(data).finalize().into_bytes().into(),
        // HMAC takes keys of any length.
        Err(_) => [0; 32],
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    out
}
