//! Percent-encoding as paths and queries use it. Decodes; says `None` where a text is not what it claims to be.

/// The text that was encoded; `None` for a broken escape or what is not UTF-8. `plus` says whether `+` is a space, as in
/// queries.
pub(crate) fn decode(text: &str, plus: bool) -> Option<String> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => digit(bytes.next()?)? << 4 | digit(bytes.next()?)?,
            b'+' if plus => b' ',
            byte => byte,
        });
    }
    String::from_utf8(out).ok()
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn escapes_are_read_and_broken_ones_are_not() {
        assert_eq!(decode("a%40b+c", true).as_deref(), Some("a@b c"));
        assert_eq!(decode("a%40b+c", false).as_deref(), Some("a@b+c"));
        assert_eq!(decode("%C3%A4", false).as_deref(), Some("ä"));
        for broken in ["%", "%4", "%zz", "%+1", "%C3", "a%"] {
            assert_eq!(decode(broken, true), None, "{broken}");
        }
    }
}
