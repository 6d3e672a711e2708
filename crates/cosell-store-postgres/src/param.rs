//! Values on their way into a statement and out of a row.
//!
//! PostgreSQL's text cannot hold the character U+0000, which the contract allows. So a text is kept with U+0000 as U+0001
//! U+0001, and U+0001 as U+0001 U+0002: that keeps the order of texts by their bytes, and every other text as it is.
//! Nothing here may know a table.

use bytes::{BufMut, Bytes, BytesMut};
use cosell_store::Value;
use std::borrow::Cow;
use std::error::Error;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// A parameter of a statement.
#[derive(Clone, Debug)]
pub(crate) enum Param<'a> {
    Null,
    Int(i64),
    Bool(bool),
    /// UTF-8.
    Text(&'a [u8]),
    Blob(&'a [u8]),
    Ints(Vec<i64>),
    MaybeInts(Vec<Option<i64>>),
    Bools(Vec<bool>),
    Texts(Vec<&'a [u8]>),
    OwnTexts(Vec<Vec<u8>>),
    MaybeTexts(Vec<Option<&'a [u8]>>),
    Blobs(Vec<&'a [u8]>),
}

impl<'a> Param<'a> {
    pub(crate) fn text(text: &'a str) -> Self {
        Param::Text(text.as_bytes())
    }

    /// A number of the contract, which validation has held to 2^63-1.
    pub(crate) fn number(number: u64) -> Self {
        Param::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }

    pub(crate) fn count(count: usize) -> Self {
        Param::Int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    pub(crate) fn maybe_text(text: Option<&'a str>) -> Self {
        text.map_or(Param::Null, Param::text)
    }
}

impl<'a> From<&'a Value> for Param<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Param::Null,
            Value::Integer(number) => Param::Int(*number),
            Value::Text(text) => Param::text(text),
        }
    }
}

/// Checked UTF-8 bytes, escaped as they are written.
#[derive(Debug)]
struct Escaped<'a>(&'a [u8]);

impl ToSql for Escaped<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let mut rest = self.0;
        while let Some(place) = memchr::memchr2(0, 1, rest) {
            out.put_slice(&rest[..place]);
            out.put_slice(if rest[place] == 0 { &[1, 1] } else { &[1, 2] });
            rest = &rest[place + 1..];
        }
        out.put_slice(rest);
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        <&str as ToSql>::accepts(ty)
    }

    to_sql_checked!();
}

/// The text that was escaped, or what is wrong with it.
fn unescape(raw: &[u8]) -> Result<Cow<'_, [u8]>, Box<dyn Error + Sync + Send>> {
    let Some(first) = memchr::memchr(1, raw) else {
        return Ok(Cow::Borrowed(raw));
    };
    let mut text = Vec::with_capacity(raw.len());
    text.extend_from_slice(&raw[..first]);
    let mut rest = raw[first..].iter();
    while let Some(byte) = rest.next() {
        text.push(match (byte, byte == &1) {
            (_, false) => *byte,
            (_, true) => match rest.next() {
                Some(1) => 0,
                Some(2) => 1,
                _ => return Err("a text has an escape that nobody wrote".into()),
            },
        });
    }
    Ok(Cow::Owned(text))
}

/// A text column.
pub(crate) struct Text(pub String);

impl<'a> FromSql<'a> for Text {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let text = unescape(raw)?.into_owned();
        Ok(Text(String::from_utf8(text)?))
    }

    fn accepts(ty: &Type) -> bool {
        <&str as FromSql>::accepts(ty)
    }
}

/// The bytes of a text or blob column.
pub(crate) struct Raw(pub Bytes);

impl<'a> FromSql<'a> for Raw {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        if *ty == Type::BYTEA {
            return Ok(Raw(Bytes::copy_from_slice(raw)));
        }
        Ok(Raw(Bytes::copy_from_slice(&unescape(raw)?)))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::BYTEA || <&str as FromSql>::accepts(ty)
    }
}

/// The value of an index column.
pub(crate) struct Column(pub Value);

impl<'a> FromSql<'a> for Column {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Column(match *ty {
            Type::INT8 => Value::Integer(i64::from_sql(ty, raw)?),
            _ => Value::Text(Text::from_sql(ty, raw)?.0),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Column(Value::Null))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::INT8 || <&str as FromSql>::accepts(ty)
    }
}

impl ToSql for Param<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Param::Null => Ok(IsNull::Yes),
            Param::Int(number) => number.to_sql_checked(ty, out),
            Param::Bool(is) => is.to_sql_checked(ty, out),
            Param::Text(text) => Escaped(text).to_sql_checked(ty, out),
            Param::Blob(bytes) => bytes.to_sql_checked(ty, out),
            Param::Ints(all) => all.to_sql_checked(ty, out),
            Param::MaybeInts(all) => all.to_sql_checked(ty, out),
            Param::Bools(all) => all.to_sql_checked(ty, out),
            Param::Texts(all) => {
                let all: Vec<_> = all.iter().map(|text| Escaped(text)).collect();
                all.to_sql_checked(ty, out)
            }
            Param::OwnTexts(all) => {
                let all: Vec<_> = all.iter().map(|text| Escaped(text)).collect();
                all.to_sql_checked(ty, out)
            }
            Param::MaybeTexts(all) => {
                let all: Vec<_> = all.iter().map(|text| text.map(Escaped)).collect();
                all.to_sql_checked(ty, out)
            }
            Param::Blobs(all) => all.to_sql_checked(ty, out),
        }
    }

    // Which type fits depends on the variant, so each is checked as it is written.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> Vec<u8> {
        let mut out = BytesMut::new();
        Escaped(text.as_bytes()).to_sql(&Type::TEXT, &mut out).unwrap();
        out.to_vec()
    }

    #[test]
    fn every_text_reads_back_and_keeps_its_place_in_the_order() {
        let mut texts = vec![
            "",
            "a",
            "a\0",
            "a\0b",
            "a\u{1}",
            "a\u{1}\0",
            "a\u{2}",
            "b",
            "\0",
            "\u{1}",
            "\0\u{1}\0",
            "\u{10ffff}",
            "ü",
        ];
        texts.sort_unstable();
        let kept: Vec<_> = texts.iter().map(|text| escaped(text)).collect();
        assert!(kept.is_sorted());
        for (text, kept) in texts.iter().zip(&kept) {
            assert!(!kept.contains(&0));
            assert_eq!(Text::from_sql(&Type::TEXT, kept).unwrap().0, **text);
        }
    }

    #[test]
    fn an_escape_that_nobody_wrote_is_damage() {
        for raw in [&[b'a', 1][..], &[1, 3], &[1, b'x']] {
            assert!(Text::from_sql(&Type::TEXT, raw).is_err());
        }
    }
}
