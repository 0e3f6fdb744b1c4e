//! An attribute: its name, what it holds, what it is when nobody set it; and the words to declare one.

use base::{ByteQuantifiedSize, EnhancedTimeSpan, Unlimited};

use crate::{object::Object, value::Value};

/// What an attribute holds, with its limits (inclusive).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `$true`, `$false`.
    Bool,
    /// A whole number in a range.
    Int(i64, i64),
    /// Text of at most so many characters.
    Text(u32),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any of these words, printed with `, `.
    Flags(&'static [&'static str]),
    /// An identifier.
    Guid,
    /// A moment.
    Time,
    /// A length of time between so many seconds.
    Span(i64, i64),
    /// A size of at most so many bytes.
    Size(u64),
    /// A size of at most so many bytes, or `Unlimited`.
    Quota(u64),
    /// A number in a range, or `Unlimited`.
    Count(i64, i64),
    /// A length of time, or `Unlimited`.
    Lasting,
    /// An SMTP address.
    Address,
    /// An address with its type.
    Proxy,
    /// A domain.
    Domain,
    /// A domain or a pattern.
    Pattern,
    /// Another object.
    Link(Target),
    /// A range of IP addresses.
    Range,
    /// An address and port to listen on.
    Binding,
    /// What a send connector carries.
    Space,
    /// Opaque bytes, at most so many.
    Bytes(u32),
    /// Bytes never shown, at most so many.
    Secret(u32),
}

/// What a link may point at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Anything mail can be addressed to.
    Recipient,
    /// A user, with or without a mailbox.
    User,
    /// An object of the class of that name.
    Class(&'static str),
    /// Whom a management role may be assigned to: a user, a group, a role assignment policy.
    Assignee,
}

/// The value when nobody set one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Preset {
    /// None: `$null`, or an empty list.
    None,
    /// A boolean.
    Bool(bool),
    /// A number.
    Int(i64),
    /// Text, a choice or flags.
    Text(&'static str),
    /// Seconds.
    Span(i64),
    /// Bytes.
    Size(u64),
    /// Bytes, `None` for `Unlimited`.
    Quota(Option<u64>),
    /// A number, `None` for `Unlimited`.
    Count(Option<i64>),
    /// Seconds, `None` for `Unlimited`.
    Lasting(Option<i64>),
}

impl Preset {
    /// As a value; `None` where there is none.
    pub fn value(self) -> Option<Value> {
        fn limit<T>(n: Option<T>) -> Unlimited<T> {
            n.map_or(Unlimited::Unlimited, Unlimited::Limited)
        }
        Some(match self {
            Preset::None => return None,
            Preset::Bool(b) => Value::Bool(b),
            Preset::Int(n) => Value::Int(n),
            Preset::Text(text) => Value::text(text),
            Preset::Span(secs) => Value::Span(EnhancedTimeSpan::from_secs(secs)),
            Preset::Size(bytes) => Value::Size(ByteQuantifiedSize(bytes)),
            Preset::Quota(bytes) => Value::Quota(limit(bytes.map(ByteQuantifiedSize))),
            Preset::Count(n) => Value::Count(limit(n)),
            Preset::Lasting(secs) => Value::Lasting(limit(secs.map(EnhancedTimeSpan::from_secs))),
        })
    }
}

/// How an attribute's values are found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    /// Not at all.
    No,
    /// Unique in the organisation, in the key space of that letter.
    Unique(char),
    /// Found by identity resolution, several objects may share it.
    Shared,
}

/// One attribute of a class.
#[derive(Clone, Copy, Debug)]
pub struct Attribute {
    /// The name an administrator sees; what is stored.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What it is when nobody set it.
    pub preset: Preset,
    /// Several values.
    pub multi: bool,
    /// Set by the system only.
    pub read_only: bool,
    /// Cannot be cleared.
    pub required: bool,
    /// How it is found.
    pub index: Index,
    /// Computed from the object instead of stored.
    pub derive: Option<fn(&Object) -> Option<Value>>,
}

/// Within one class an attribute is its name.
impl PartialEq for Attribute {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
impl Eq for Attribute {}

impl Attribute {
    /// An attribute with no value until set.
    pub(super) const fn new(name: &'static str, kind: Kind) -> Self {
        Attribute {
            name,
            kind,
            preset: Preset::None,
            multi: false,
            read_only: false,
            required: false,
            index: Index::No,
            derive: None,
        }
    }
    const fn preset(self, preset: Preset) -> Self {
        Attribute { preset, ..self }
    }
    /// Several values.
    pub(super) const fn multi(self) -> Self {
        Attribute { multi: true, ..self }
    }
    /// Set by the system only.
    pub(super) const fn read_only(self) -> Self {
        Attribute { read_only: true, ..self }
    }
    /// Cannot be cleared.
    pub(super) const fn required(self) -> Self {
        Attribute { required: true, ..self }
    }
    /// Indexed.
    pub(super) const fn indexed(self, index: Index) -> Self {
        Attribute { index, ..self }
    }
    /// Computed, never stored, never set.
    pub(super) const fn derived(self, derive: fn(&Object) -> Option<Value>) -> Self {
        Attribute { derive: Some(derive), read_only: true, ..self }
    }
}

/// The largest size the product's quotas take: 1.999999999 TB.
const QUOTA_MAX: u64 = 2_199_023_254_528;
/// The largest 32-bit number.
pub(super) const INT_MAX: i64 = i32::MAX as i64;
/// Seconds of 24855.03:14:07, the longest span most parameters take.
pub(super) const SPAN_MAX: i64 = INT_MAX;

/// `$true` or `$false`.
pub(super) const fn flag(name: &'static str, preset: bool) -> Attribute {
    Attribute::new(name, Kind::Bool).preset(Preset::Bool(preset))
}
/// `$true`, `$false` or `$null` until set.
pub(super) const fn maybe(name: &'static str) -> Attribute {
    Attribute::new(name, Kind::Bool)
}
/// A number with a default.
pub(super) const fn int(name: &'static str, preset: i64, min: i64, max: i64) -> Attribute {
    Attribute::new(name, Kind::Int(min, max)).preset(Preset::Int(preset))
}
/// A number, none until set.
pub(super) const fn number(name: &'static str, min: i64, max: i64) -> Attribute {
    Attribute::new(name, Kind::Int(min, max))
}
/// Text, none until set.
pub(super) const fn text(name: &'static str, max: u32) -> Attribute {
    Attribute::new(name, Kind::Text(max))
}
/// Text with a default.
pub(super) const fn text_or(name: &'static str, preset: &'static str, max: u32) -> Attribute {
    Attribute::new(name, Kind::Text(max)).preset(Preset::Text(preset))
}
/// One of several words; the default is the first argument after the name, `""` for none.
pub(super) const fn choice(
    name: &'static str,
    preset: &'static str,
    words: &'static [&'static str],
) -> Attribute {
    let attribute = Attribute::new(name, Kind::Choice(words));
    if preset.is_empty() { attribute } else { attribute.preset(Preset::Text(preset)) }
}
/// Any of several words.
pub(super) const fn flags(
    name: &'static str,
    preset: &'static str,
    words: &'static [&'static str],
) -> Attribute {
    Attribute::new(name, Kind::Flags(words)).preset(Preset::Text(preset))
}
/// A length of time with a default, seconds.
pub(super) const fn span(name: &'static str, preset: i64, min: i64, max: i64) -> Attribute {
    Attribute::new(name, Kind::Span(min, max)).preset(Preset::Span(preset))
}
/// A size with a default and a maximum, bytes.
pub(super) const fn size(name: &'static str, preset: u64, max: u64) -> Attribute {
    Attribute::new(name, Kind::Size(max)).preset(Preset::Size(preset))
}
/// A size or `Unlimited`.
pub(super) const fn quota(name: &'static str, preset: Option<u64>) -> Attribute {
    Attribute::new(name, Kind::Quota(QUOTA_MAX)).preset(Preset::Quota(preset))
}
/// A number or `Unlimited`.
pub(super) const fn count(name: &'static str, preset: Option<i64>, min: i64, max: i64) -> Attribute {
    Attribute::new(name, Kind::Count(min, max)).preset(Preset::Count(preset))
}
/// A length of time or `Unlimited`, the default in seconds.
pub(super) const fn lasting(name: &'static str, preset: Option<i64>) -> Attribute {
    Attribute::new(name, Kind::Lasting).preset(Preset::Lasting(preset))
}
/// A link to one recipient.
pub(super) const fn recipient(name: &'static str) -> Attribute {
    Attribute::new(name, Kind::Link(Target::Recipient))
}
/// A link to an object of a class.
pub(super) const fn link(name: &'static str, class: &'static str) -> Attribute {
    Attribute::new(name, Kind::Link(Target::Class(class)))
}
