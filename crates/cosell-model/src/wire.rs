//! How generated types are read from JSON, written, checked and shown: the macros and helpers behind them.
//!
//! Reading is one pass without an intermediate tree. It must stay lenient where the protocol is (nulls, unknown members,
//! duplicates) and must never judge a value beyond its JSON type: judging is [`Check`]'s work.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use crate::Timestamp;

thread_local! {
    // A counter beside the reader, because serde hands no context through; one request is read on one thread.
    static UNKNOWN_MEMBERS: Cell<u32> = const { Cell::new(0) };
}

/// The number of unknown members skipped on this thread since the last call.
pub(crate) fn take_unknown_members() -> u32 {
    UNKNOWN_MEMBERS.take()
}

/// Whether a value obeys every bound of its shape. The quick yes-or-no beside [`crate::decode::check_input`], which
/// finds and names what is wrong.
pub trait Check {
    /// True when nothing is wrong, here and below.
    fn check(&self) -> bool;
}

/// A value that can be read from the wire. Differs from serde's trait in lists and maps, which drop nulls here.
pub trait Read<'de>: Sized {
    /// Reads one value that is not null.
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// A value or null; null counts as absent.
pub struct Nullable<T>(pub Option<T>);

impl<'de, T: Read<'de>> Deserialize<'de> for Nullable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Present<T>(PhantomData<T>);
        impl<'de, T: Read<'de>> Visitor<'de> for Present<T> {
            type Value = Nullable<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or null")
            }
            fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Nullable(None))
            }
            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Nullable(None))
            }
            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
                T::read(deserializer).map(|value| Nullable(Some(value)))
            }
        }
        deserializer.deserialize_option(Present(PhantomData))
    }
}

macro_rules! read_as_serde_does {
    ($($type:ty),*) => {$(
        impl<'de> Read<'de> for $type {
            fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::deserialize(deserializer)
            }
        }
    )*};
}
read_as_serde_does!(String, i32, Timestamp);

impl<'de, T: Read<'de>> Read<'de> for Vec<T> {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements<T>(PhantomData<T>);
        impl<'de, T: Read<'de>> Visitor<'de> for Elements<T> {
            type Value = Vec<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(element) = elements.next_element::<Nullable<T>>()? {
                    all.extend(element.0);
                }
                Ok(all)
            }
        }
        deserializer.deserialize_seq(Elements(PhantomData))
    }
}

impl<'de, T: Read<'de>> Read<'de> for BTreeMap<String, T> {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);
        impl<'de, T: Read<'de>> Visitor<'de> for Entries<T> {
            type Value = BTreeMap<String, T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut all = BTreeMap::new();
                while let Some((key, value)) = entries.next_entry::<String, Nullable<T>>()? {
                    match value.0 {
                        Some(value) => all.insert(key, value),
                        None => all.remove(&key),
                    };
                }
                Ok(all)
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

/// Reads a member's name as a structure's own key, without copying it.
pub(crate) struct KeySeed<K>(pub fn(&str) -> Option<K>);

impl<'de, K> DeserializeSeed<'de> for KeySeed<K> {
    type Value = Option<K>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<K>, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<K> Visitor<'_> for KeySeed<K> {
    type Value = Option<K>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }
    fn visit_str<E: Error>(self, name: &str) -> Result<Option<K>, E> {
        Ok((self.0)(name))
    }
}

/// Passes over the value of an unknown member and counts it, unless it is null (which is the same as absent).
pub(crate) fn skip_unknown<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    if map.next_value::<Option<IgnoredAny>>()?.is_some() {
        UNKNOWN_MEMBERS.set(UNKNOWN_MEMBERS.get().saturating_add(1));
    }
    Ok(())
}

/// Stands in for a sensitive value in debug output.
pub(crate) struct Hidden;

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

pub(crate) fn optional<T>(value: &Option<T>, check: impl FnOnce(&T) -> bool) -> bool {
    value.as_ref().is_none_or(check)
}

pub(crate) fn required<T>(value: &T, check: impl FnOnce(&T) -> bool) -> bool {
    check(value)
}

/// Whether `count` lies within inclusive bounds.
pub(crate) fn count(count: usize, min: usize, max: usize) -> bool {
    (min..=max).contains(&count)
}

/// Implements serde's traits, [`Read`], [`Check`] and `Debug` for one generated structure. One line for each member, in
/// the contract's order: field, type, wire name, `required` or `optional`, `shown` or `hidden`, and the check of its value.
macro_rules! wire {
    ($name:ident, $kind:ident { $($field:ident: $type:ty = $wire:literal, $need:ident, $show:ident, $check:expr;)* }) => {
        impl<'de> crate::wire::Read<'de> for $name {
            fn read<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
                enum Key { $($field),* }
                fn key(name: &str) -> Option<Key> {
                    match name { $($wire => Some(Key::$field),)* _ => None }
                }
                struct Members;
                impl<'de> serde::de::Visitor<'de> for Members {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("an object (", stringify!($name), ")"))
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        $(let mut $field: Option<$type> = None;)*
                        while let Some(key) = map.next_key_seed(crate::wire::KeySeed(key))? {
                            match key {
                                $(Some(Key::$field) => $field = map.next_value::<crate::wire::Nullable<$type>>()?.0,)*
                                None => crate::wire::skip_unknown(&mut map)?,
                            }
                        }
                        Ok($name { $($field: wire!(@take $need $field $wire),)* })
                    }
                }
                deserializer.deserialize_map(Members)
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <Self as crate::wire::Read>::read(deserializer)
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap;
                #[allow(unused_mut, reason = "a structure without members writes nothing")]
                let mut map = serializer.serialize_map(None)?;
                $(wire!(@put $need self $field map $wire);)*
                map.end()
            }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                #[allow(unused_mut, reason = "a structure without members shows nothing")]
                let mut shown = f.debug_struct(stringify!($name));
                $(wire!(@show $need $show self $field shown);)*
                shown.finish()
            }
        }
        impl crate::wire::Check for $name {
            fn check(&self) -> bool {
                wire!(@count $kind self $($field)*) $(&& crate::wire::$need(&self.$field, $check))*
            }
        }
    };
    (@take optional $field:ident $wire:literal) => { $field };
    (@take required $field:ident $wire:literal) => {
        match $field { Some(value) => value, None => return Err(serde::de::Error::missing_field($wire)) }
    };
    (@put optional $self:ident $field:ident $map:ident $wire:literal) => {
        if let Some(value) = &$self.$field { $map.serialize_entry($wire, value)?; }
    };
    (@put required $self:ident $field:ident $map:ident $wire:literal) => { $map.serialize_entry($wire, &$self.$field)? };
    (@show optional shown $self:ident $field:ident $out:ident) => {
        if let Some(value) = &$self.$field { $out.field(stringify!($field), value); }
    };
    (@show optional hidden $self:ident $field:ident $out:ident) => {
        if $self.$field.is_some() { $out.field(stringify!($field), &crate::wire::Hidden); }
    };
    (@show required shown $self:ident $field:ident $out:ident) => { $out.field(stringify!($field), &$self.$field); };
    (@show required hidden $self:ident $field:ident $out:ident) => { $out.field(stringify!($field), &crate::wire::Hidden); };
    (@count structure $self:ident $($field:ident)*) => { true };
    (@count union $self:ident $($field:ident)*) => { 0 $(+ usize::from($self.$field.is_some()))* == 1 };
}
pub(crate) use wire;

/// Defines one generated enum: known values, and a last variant for any other text, so that values stored by an older or
/// newer contract survive. `read_only` values may stand in answers and are refused in requests.
macro_rules! text_enum {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $value:literal,)* } read_only { $($old:ident = $old_value:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $(#[doc = concat!("`", $value, "`")] $variant,)*
            $(#[doc = concat!("`", $old_value, "`, in answers only")] $old,)*
            /// A value that the contract does not know.
            Unrecognized(Box<str>),
        }
        impl $name {
            /// The values that requests may carry, in the contract's order.
            pub const VALUES: &'static [&'static str] = &[$($value),*];
            /// The values that answers may carry and requests may not.
            pub const READ_ONLY: &'static [&'static str] = &[$($old_value),*];

            /// The value on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $value,)*
                    $(Self::$old => $old_value,)*
                    Self::Unrecognized(text) => text,
                }
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($value => Self::$variant,)*
                    $($old_value => Self::$old,)*
                    _ => Self::Unrecognized(text.into()),
                }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
        impl<'de> crate::wire::Read<'de> for $name {
            fn read<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(crate::wire::Text(|text| Self::from(text)))
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <Self as crate::wire::Read>::read(deserializer)
            }
        }
        impl crate::wire::Check for $name {
            fn check(&self) -> bool {
                !matches!(self, $(Self::$old |)* Self::Unrecognized(_))
            }
        }
    };
}
pub(crate) use text_enum;

/// Reads a string and makes a value of it without copying.
pub(crate) struct Text<T>(pub fn(&str) -> T);

impl<T> Visitor<'_> for Text<T> {
    type Value = T;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok((self.0)(text))
    }
}
