//! From text and values to checked values of an attribute's kind.

use base::{ByteQuantifiedSize, EnhancedTimeSpan, Timestamp, Unlimited};

use super::{Attribute, Kind};
use crate::value::{Secret, Value, ValueError};

/// Most values of a multi-valued attribute stored in the object (group members are kept apart).
const VALUES_MAX: usize = 10_000;

impl Attribute {
    /// Reads one value as an administrator writes it, and checks it. Links, bytes and secrets are not text.
    pub fn parse(&self, text: &str) -> Result<Value, ValueError> {
        let invalid = |what| ValueError::Invalid { what, text: text.chars().take(256).collect() };
        let address = |_| invalid("SMTP address");
        let value = match self.kind {
            Kind::Bool => match text.trim_start_matches('$').to_ascii_lowercase().as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                _ => return Err(invalid("Boolean value")),
            },
            Kind::Int(..) => Value::Int(text.trim().parse().map_err(|_| invalid("number"))?),
            Kind::Text(_) => Value::text(text),
            Kind::Choice(words) => {
                let found = words.iter().find(|word| word.eq_ignore_ascii_case(text.trim()));
                Value::text(*found.ok_or_else(|| self.unknown_word(text, words))?)
            }
            Kind::Flags(words) => Value::from(self.parse_flags(text, words)?),
            Kind::Guid => Value::Guid(text.parse().map_err(|_| invalid("GUID"))?),
            Kind::Time => Value::Time(parse_time(text).ok_or_else(|| invalid("date and time"))?),
            Kind::Span(..) => Value::Span(text.parse().map_err(|_| invalid("time span"))?),
            Kind::Size(_) => Value::Size(text.parse().map_err(|_| invalid("size"))?),
            Kind::Quota(_) => Value::Quota(text.parse().map_err(|_| invalid("size"))?),
            Kind::Count(..) => Value::Count(text.parse().map_err(|_| invalid("number"))?),
            Kind::Lasting => Value::Lasting(text.parse().map_err(|_| invalid("time span"))?),
            Kind::Address => Value::from(text.parse::<base::SmtpAddress>().map_err(address)?),
            Kind::Proxy => Value::Proxy(text.parse()?),
            Kind::Domain => Value::Domain(text.parse().map_err(|_| invalid("SMTP domain"))?),
            Kind::Pattern => Value::Pattern(text.parse()?),
            Kind::Link(_) => Value::Link(text.parse().map_err(|_| invalid("object GUID"))?),
            Kind::Range => Value::Range(Box::new(text.parse()?)),
            Kind::Binding => Value::Binding(Box::new(text.parse()?)),
            Kind::Space => Value::Space(Box::new(text.parse()?)),
            Kind::Bytes(_) => Value::Bytes(text.as_bytes().into()),
            Kind::Secret(_) => Value::Secret(Secret(text.as_bytes().into())),
        };
        self.check(&value).map(|()| value)
    }

    fn unknown_word(&self, text: &str, words: &[&str]) -> ValueError {
        ValueError::Range(format!(
            "\"{}\" isn't a valid value for {}. Possible values are: {}.",
            text.chars().take(256).collect::<String>(),
            self.name,
            words.join(", ")
        ))
    }

    /// The words in the order of the table, each once.
    fn parse_flags(&self, text: &str, words: &[&str]) -> Result<String, ValueError> {
        let given: Vec<&str> =
            text.split(',').map(str::trim).filter(|word| !word.is_empty()).take(64).collect();
        if let Some(stray) = given.iter().find(|g| !words.iter().any(|w| w.eq_ignore_ascii_case(g))) {
            return Err(self.unknown_word(stray, words));
        }
        let kept = words.iter().filter(|w| given.iter().any(|g| w.eq_ignore_ascii_case(g)));
        Ok(kept.copied().collect::<Vec<_>>().join(", "))
    }

    /// Whether the value fits the kind and its limits; several values only where the attribute takes them.
    pub fn check(&self, value: &Value) -> Result<(), ValueError> {
        match value {
            Value::Multi(_) if !self.multi => {
                Err(ValueError::Range(format!("{} takes one value.", self.name)))
            }
            Value::Multi(values) if values.len() > VALUES_MAX => {
                Err(ValueError::Range(format!("{} takes at most {VALUES_MAX} values.", self.name)))
            }
            Value::Multi(values) => values.iter().try_for_each(|one| self.check_one(one)),
            one => self.check_one(one),
        }
    }

    fn check_one(&self, value: &Value) -> Result<(), ValueError> {
        let chars = |text: &str| u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        let len = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        match (self.kind, value) {
            (Kind::Int(min, max), Value::Int(n))
            | (Kind::Count(min, max), Value::Count(Unlimited::Limited(n))) => {
                self.in_range(*n, min, max, |n| n.to_string())
            }
            (Kind::Span(min, max), Value::Span(span)) => {
                let seconds = |n| EnhancedTimeSpan::from_secs(n).micros;
                self.in_range(span.micros, seconds(min), seconds(max), |micros| {
                    EnhancedTimeSpan { micros }.to_string()
                })
            }
            (Kind::Size(max), Value::Size(size))
            | (Kind::Quota(max), Value::Quota(Unlimited::Limited(size))) => {
                self.in_range(size.bytes(), 0, max, |n| ByteQuantifiedSize(n).to_string())
            }
            (Kind::Text(max), Value::Text(text)) => self.check_text(text, chars(text), max),
            (Kind::Bytes(max), Value::Bytes(bytes)) | (Kind::Secret(max), Value::Secret(Secret(bytes))) => {
                self.in_range(len(bytes), 0, max, |n| n.to_string())
            }
            (Kind::Choice(words), Value::Text(text)) if !words.contains(&&**text) => {
                Err(self.unknown_word(text, words))
            }
            (Kind::Flags(words), Value::Text(text)) => match self.parse_flags(text, words)? {
                canonical if canonical == **text => Ok(()),
                _ => Err(self.unknown_word(text, words)),
            },
            (kind, value) if fits(kind, value) => Ok(()),
            _ => Err(ValueError::Range(format!("{} doesn't take such a value.", self.name))),
        }
    }

    fn check_text(&self, text: &str, chars: u32, max: u32) -> Result<(), ValueError> {
        if chars > max {
            return Err(ValueError::Range(format!(
                "The value of {} is too long: {chars} characters. The maximum is {max}.",
                self.name
            )));
        }
        // A line break, NUL or Unicode line separator could forge a line in a header or log later.
        let forbidden = |c: char| (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}');
        let multiline = matches!(self.name, "Notes" | "StreetAddress" | "MailTip" | "RetentionComment");
        match text.chars().find(|c| forbidden(*c) && !(multiline && matches!(c, '\r' | '\n'))) {
            Some(c) => Err(ValueError::Range(format!(
                "The value of {} contains the character U+{:04X}, which isn't allowed.",
                self.name,
                u32::from(c)
            ))),
            None => Ok(()),
        }
    }

    fn in_range<T: PartialOrd>(
        &self,
        n: T,
        min: T,
        max: T,
        show: impl Fn(T) -> String,
    ) -> Result<(), ValueError> {
        if (&min..=&max).contains(&&n) {
            return Ok(());
        }
        Err(ValueError::Range(format!(
            "The value {} of {} is out of range. The range is {} to {}.",
            show(n),
            self.name,
            show(min),
            show(max)
        )))
    }
}

/// Kinds whose values need no further check.
fn fits(kind: Kind, value: &Value) -> bool {
    matches!(
        (kind, value),
        (Kind::Bool, Value::Bool(_))
            | (Kind::Choice(_), Value::Text(_))
            | (Kind::Guid, Value::Guid(_))
            | (Kind::Time, Value::Time(_))
            | (Kind::Quota(_), Value::Quota(_))
            | (Kind::Count(..), Value::Count(_))
            | (Kind::Lasting, Value::Lasting(_))
            | (Kind::Address, Value::Address(_))
            | (Kind::Proxy, Value::Proxy(_))
            | (Kind::Domain, Value::Domain(_))
            | (Kind::Pattern, Value::Pattern(_))
            | (Kind::Link(_), Value::Link(_))
            | (Kind::Range, Value::Range(_))
            | (Kind::Binding, Value::Binding(_))
            | (Kind::Space, Value::Space(_))
    )
}

/// RFC 3339, or `MM/DD/YYYY [hh:mm[:ss]] [AM|PM]` and `YYYY-MM-DD[ hh:mm[:ss]]`, both taken as UTC.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    const FORMS: [&str; 9] = [
        "%m/%d/%Y %I:%M:%S %p",
        "%m/%d/%Y %I:%M %p",
        "%m/%d/%Y %H:%M:%S",
        "%m/%d/%Y %H:%M",
        "%m/%d/%Y",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%d",
    ];
    FORMS.iter().find_map(|form| {
        let broken = jiff::fmt::strtime::parse(form, text).ok()?;
        let date = broken.to_date().ok()?;
        let time = broken.to_time().unwrap_or_default();
        date.to_datetime(time).to_zoned(jiff::tz::TimeZone::UTC).ok().map(|z| z.timestamp().into())
    })
}

#[cfg(test)]
mod tests {
    use crate::schema::{RECEIVE_CONNECTOR, REMOTE_DOMAIN, USER};

    #[test]
    fn ranges_words_and_lengths() {
        let hops = RECEIVE_CONNECTOR.attribute("maxhopcount").unwrap();
        assert!(hops.parse("500").is_ok());
        assert_eq!(
            hops.parse("501").unwrap_err().to_string(),
            "The value 501 of MaxHopCount is out of range. The range is 1 to 500."
        );
        let oof = REMOTE_DOMAIN.attribute("AllowedOOFType").unwrap();
        assert_eq!(oof.parse("externallegacy").unwrap().to_string(), "ExternalLegacy");
        assert!(
            oof.parse("Everyone")
                .unwrap_err()
                .to_string()
                .ends_with("Possible values are: External, ExternalLegacy, InternalLegacy, None.")
        );
        let auth = RECEIVE_CONNECTOR.attribute("AuthMechanism").unwrap();
        assert_eq!(auth.parse("basicauth,TLS").unwrap().to_string(), "Tls, BasicAuth");
        let alias = USER.attribute("Alias").unwrap();
        assert!(alias.parse(&"x".repeat(65)).is_err());
        assert!(USER.attribute("Title").unwrap().parse("a\r\nBcc: b").is_err());
        assert!(USER.attribute("StreetAddress").unwrap().parse("a\r\nb").is_ok());
    }

    #[test]
    fn times() {
        for text in ["2026-11-23T05:38:01Z", "11/23/2026 5:38:01 AM", "2026-11-23 05:38:01"] {
            let time = super::parse_time(text).map(|t| t.to_string());
            assert_eq!(time.as_deref(), Some("2026-11-23T05:38:01.000Z"), "{text}");
        }
        assert!(super::parse_time("11/23/2026").is_some());
        assert!(super::parse_time("tomorrow").is_none());
    }
}
