//! Address ranges as `-RemoteIPRanges` writes them: one address, `first-last`, or CIDR.

use std::{fmt, net::IpAddr, str::FromStr};

/// The text is not an address range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" isn't a valid IP address range. Use an address, first-last, or address/prefix length.")]
pub struct RangeError(String);

/// Addresses from `first` to `last`, both included, of one family. Prints as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpRange {
    first: u128,
    last: u128,
    v6: bool,
    text: Box<str>,
}

impl IpRange {
    /// Every IPv4 address.
    pub fn all_v4() -> Self {
        Self { first: 0, last: u128::from(u32::MAX), v6: false, text: "0.0.0.0-255.255.255.255".into() }
    }

    /// Every IPv6 address.
    pub fn all_v6() -> Self {
        let text = "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff".into();
        Self { first: 0, last: u128::MAX, v6: true, text }
    }

    /// Whether `address` lies within; an IPv4-mapped IPv6 address counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (number, v6) = number(address.to_canonical());
        v6 == self.v6 && (self.first..=self.last).contains(&number)
    }

    /// How many addresses beyond the first: the smaller, the more specific.
    pub fn breadth(&self) -> u128 {
        self.last - self.first
    }

    /// Whether both cover exactly the same addresses.
    pub fn same_as(&self, other: &Self) -> bool {
        (self.first, self.last, self.v6) == (other.first, other.last, other.v6)
    }
}

fn number(address: IpAddr) -> (u128, bool) {
    match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), false),
        IpAddr::V6(v6) => (v6.to_bits(), true),
    }
}

impl FromStr for IpRange {
    type Err = RangeError;
    fn from_str(text: &str) -> Result<Self, RangeError> {
        bounds(text.trim())
            .map(|(first, last, v6)| Self { first, last, v6, text: text.trim().into() })
            .ok_or_else(|| RangeError(text.chars().take(100).collect()))
    }
}

fn bounds(text: &str) -> Option<(u128, u128, bool)> {
    if let Some((first, last)) = text.split_once('-') {
        let (first, v6) = number(first.trim().parse().ok()?);
        let (last, last_v6) = number(last.trim().parse().ok()?);
        return (v6 == last_v6 && first <= last).then_some((first, last, v6));
    }
    let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
    let (address, v6) = number(address.parse().ok()?);
    let width = if v6 { 128 } else { 32 };
    let prefix = prefix.map_or(Some(width), |p| p.parse().ok().filter(|p| *p <= width))?;
    let host_bits = u128::MAX.checked_shr(128 - (width - prefix)).unwrap_or(0);
    Some((address & !host_bits, address | host_bits, v6))
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_three_forms() {
        for (text, inside, outside) in [
            ("10.0.0.7", "10.0.0.7", "10.0.0.8"),
            ("10.0.0.0-10.0.0.9", "10.0.0.9", "10.0.0.10"),
            ("10.1.2.3/8", "10.255.255.255", "11.0.0.0"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "::1", "1.2.3.4"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("127.0.0.0/8", "::ffff:127.0.0.1", "::1"),
        ] {
            let range: IpRange = text.parse().unwrap();
            assert!(range.contains(inside.parse().unwrap()), "{text}");
            assert!(!range.contains(outside.parse().unwrap()), "{text}");
            assert_eq!(range.to_string(), text);
        }
        for bad in ["", "10", "10.0.0.9-10.0.0.0", "1.2.3.4-::1", "1.2.3.4/33", "::/129", "a-b", "1.2.3.4/-1"]
        {
            assert!(bad.parse::<IpRange>().is_err(), "{bad}");
        }
    }

    #[test]
    fn narrower_is_more_specific() {
        let host: IpRange = "10.0.0.7".parse().unwrap();
        assert!(host.breadth() < IpRange::all_v4().breadth());
        assert!(IpRange::all_v4().breadth() < IpRange::all_v6().breadth());
        assert!("0.0.0.0/0".parse::<IpRange>().unwrap().same_as(&IpRange::all_v4()));
    }
}
