//! Server-sent events as they are read: pieces of bytes in, events out.

/// Longest line that is taken: an event's data is one line.
const LONGEST: usize = 8 << 20;

/// An event of a stream.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// Its data.
    pub data: String,
    /// Where the stream goes on behind it.
    pub id: Option<String>,
}

/// Reads a stream.
#[derive(Default)]
pub struct Reader {
    line: Vec<u8>,
    data: Option<String>,
    /// Where the stream goes on behind what was read.
    pub id: Option<String>,
}

impl Reader {
    /// A reader of what comes behind that place.
    pub fn behind(id: Option<String>) -> Self {
        Self {
            id,
            ..Self::default()
        }
    }

    /// Takes a piece in; the events that it ends. `Err` where a line is too long to be one.
    pub fn take(&mut self, piece: &[u8]) -> Result<Vec<Message>, &'static str> {
        let mut found = Vec::new();
        for &byte in piece {
            if byte != b'\n' {
                self.line.push(byte);
                if self.line.len() > LONGEST {
                    return Err("sent a line that is too long for an event");
                }
                continue;
            }
            let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
            let line = line.strip_suffix('\r').unwrap_or(&line);
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "" if line.is_empty() => {
                    found.extend(self.data.take().map(|data| Message {
                        data,
                        id: self.id.clone(),
                    }));
                }
                "data" => match &mut self.data {
                    None => self.data = Some(value.to_owned()),
                    Some(data) => {
                        data.push('\n');
                        data.push_str(value);
                    }
                },
                "id" => self.id = Some(value.to_owned()),
                // Comments, names of events and delays tell nothing that is needed.
                _ => {}
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_wherever_the_pieces_are_cut() {
        let text = b"retry: 1\nid: 4\n\n: alive\nid: 5\nevent: A B\ndata: {\"a\": 1}\n\ndata: x\r\ndata:y\nid: 6\n\n";
        for cut in 0..text.len() {
            let mut reader = Reader::default();
            let mut found = reader.take(&text[..cut]).unwrap();
            found.extend(reader.take(&text[cut..]).unwrap());
            let told: Vec<(&str, Option<&str>)> = found
                .iter()
                .map(|message| (message.data.as_str(), message.id.as_deref()))
                .collect();
            assert_eq!(told, [("{\"a\": 1}", Some("5")), ("x\ny", Some("6"))], "{cut}");
            assert_eq!(reader.id.as_deref(), Some("6"));
        }
        let mut reader = Reader::default();
        assert!(reader.take(&vec![b'x'; LONGEST + 1]).is_err());
    }
}
