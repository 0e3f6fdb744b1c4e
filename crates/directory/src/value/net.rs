//! Addresses of connectors: where they listen, whom they answer, and what a send connector is for.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

use super::{DomainPattern, ValueError};

fn invalid(what: &'static str, text: &str) -> ValueError {
    ValueError::Invalid { what, text: text.chars().take(256).collect() }
}

/// A local address and port to listen on: `0.0.0.0:25`, `[::]:25`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Binding(pub SocketAddr);

impl Binding {
    /// True where both cannot listen at once: same port and family, same or unspecified address.
    pub fn overlaps(&self, other: &Binding) -> bool {
        let (a, b) = (self.0, other.0);
        a.port() == b.port()
            && a.is_ipv4() == b.is_ipv4()
            && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
    }
}

impl FromStr for Binding {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let trimmed = text.trim();
        if let Ok(address) = trimmed.parse() {
            return Ok(Self(address));
        }
        // `:25` means every IPv4 address, `:::25` and `::]:25` are not accepted.
        match trimmed.strip_prefix(':').map(str::parse::<u16>) {
            Some(Ok(port)) => Ok(Self((Ipv4Addr::UNSPECIFIED, port).into())),
            _ => Err(invalid("IP address and port binding", text)),
        }
    }
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An inclusive range of addresses of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IpRange {
    /// The lowest address.
    pub first: IpAddr,
    /// The highest address.
    pub last: IpAddr,
}

impl IpRange {
    /// Every IPv4 address.
    pub const ALL_V4: IpRange =
        IpRange { first: IpAddr::V4(Ipv4Addr::UNSPECIFIED), last: IpAddr::V4(Ipv4Addr::BROADCAST) };
    /// Every IPv6 address.
    pub const ALL_V6: IpRange = IpRange {
        first: IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        last: IpAddr::V6(Ipv6Addr::from_bits(u128::MAX)),
    };

    /// True where the address lies inside. An IPv4-mapped IPv6 address counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && self.first <= address && address <= self.last
    }
    /// True where an address lies in both.
    pub fn overlaps(&self, other: &IpRange) -> bool {
        self.first.is_ipv4() == other.first.is_ipv4() && self.first <= other.last && other.first <= self.last
    }
    /// How many addresses lie inside, less one: smaller is more specific.
    pub fn width(&self) -> u128 {
        bits(self.last) - bits(self.first)
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

impl FromStr for IpRange {
    type Err = ValueError;
    /// Reads `192.0.2.1`, `192.0.2.1-192.0.2.9`, `192.0.2.0/24`, `192.0.2.0(255.255.255.0)`; IPv6 likewise.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        parse_range(text.trim()).ok_or_else(|| invalid("IP address range", text))
    }
}

fn parse_range(text: &str) -> Option<IpRange> {
    if let Some((first, last)) = text.split_once('-') {
        let (first, last): (IpAddr, IpAddr) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        return (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(IpRange { first, last });
    }
    if let Some((base, mask)) = text.strip_suffix(')').and_then(|t| t.split_once('(')) {
        let mask: Ipv4Addr = mask.parse().ok()?;
        let prefix = mask.to_bits().leading_ones();
        (mask.to_bits().count_ones() == prefix).then_some(())?;
        return masked(base.trim().parse().ok()?, prefix);
    }
    match text.split_once('/') {
        Some((base, prefix)) => masked(base.parse().ok()?, prefix.parse().ok()?),
        None => text.parse().ok().map(|address| IpRange { first: address, last: address }),
    }
}

fn masked(base: IpAddr, prefix: u32) -> Option<IpRange> {
    let width = if base.is_ipv4() { 32 } else { 128 };
    (prefix <= width).then_some(())?;
    let host = u128::MAX.checked_shr(128 - (width - prefix)).unwrap_or(0);
    let (first, last) = (bits(base) & !host, bits(base) | host);
    Some(match base {
        IpAddr::V4(_) => IpRange {
            first: Ipv4Addr::from_bits(u32::try_from(first).ok()?).into(),
            last: Ipv4Addr::from_bits(u32::try_from(last).ok()?).into(),
        },
        IpAddr::V6(_) => {
            IpRange { first: Ipv6Addr::from_bits(first).into(), last: Ipv6Addr::from_bits(last).into() }
        }
    })
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { self.first.fmt(f) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

/// What a send connector carries: `SMTP:*.contoso.com;1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressSpace {
    /// The address type, upper case; almost always `SMTP`.
    pub kind: Box<str>,
    /// The domains.
    pub domain: DomainPattern,
    /// 1 to 100; lower is preferred among equally specific ones.
    pub cost: u8,
}

impl FromStr for AddressSpace {
    type Err = ValueError;
    /// Reads `*`, `contoso.com`, `*.contoso.com;5`, `SMTP:*;1`. `--` (any sub-domain) is not read.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let fail = || invalid("address space", text);
        let (kind, rest) = text.trim().split_once(':').unwrap_or(("SMTP", text.trim()));
        let (domain, cost) = rest.split_once(';').unwrap_or((rest, "1"));
        let cost = cost.trim().parse::<u8>().ok().filter(|c| (1..=100).contains(c)).ok_or_else(fail)?;
        if !kind.eq_ignore_ascii_case("smtp") {
            return Err(fail());
        }
        Ok(Self { kind: "SMTP".into(), domain: domain.parse().map_err(|_| fail())?, cost })
    }
}

impl fmt::Display for AddressSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{};{}", self.kind, self.domain, self.cost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (text, inside, outside) in [
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("192.0.2.1-192.0.2.9", "192.0.2.9", "192.0.2.10"),
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.0(255.255.255.0)", "192.0.2.7", "192.0.1.7"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("0.0.0.0/0", "::ffff:10.0.0.1", "2001:db8::1"),
            ("::/0", "2001:db8::1", "10.0.0.1"),
        ] {
            let range: IpRange = text.parse().unwrap();
            assert!(range.contains(inside.parse().unwrap()), "{text} {inside}");
            assert!(!range.contains(outside.parse().unwrap()), "{text} {outside}");
            assert_eq!(range.to_string().parse::<IpRange>().unwrap(), range);
        }
        for bad in
            ["", "1.2.3.4/33", "2.0.0.0-1.0.0.0", "1.2.3.4(255.0.255.0)", "::1/129", "x", "1.1.1.1-::1"]
        {
            assert!(bad.parse::<IpRange>().is_err(), "{bad}");
        }
        assert_eq!(IpRange::ALL_V6.to_string(), "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    }

    #[test]
    fn bindings_and_address_spaces() {
        let any: Binding = ":25".parse().unwrap();
        assert_eq!(any.to_string(), "0.0.0.0:25");
        assert!(any.overlaps(&"127.0.0.1:25".parse().unwrap()));
        assert!(!any.overlaps(&"[::]:25".parse().unwrap()));
        assert!(!any.overlaps(&"0.0.0.0:2525".parse().unwrap()));
        assert_eq!("*".parse::<AddressSpace>().unwrap().to_string(), "SMTP:*;1");
        assert_eq!("smtp:*.x.test;5".parse::<AddressSpace>().unwrap().to_string(), "SMTP:*.x.test;5");
        for bad in ["", "x.test;0", "x.test;101", "X400:c=us;1", "SMTP:"] {
            assert!(bad.parse::<AddressSpace>().is_err(), "{bad}");
        }
    }
}
