//! Who decides about a database that every server of the organisation has a copy of.

use std::collections::BTreeSet;

use super::{ServerId, Wanted};

/// More than this many need not decide: each of them would have to be asked about every change.
const VOTERS_MAX: usize = 7;

/// As many voters as are of use: an even number would tolerate no more losses than one fewer. Those who decide now
/// go on where they can.
pub fn electorate(servers: &BTreeSet<ServerId>, now: &BTreeSet<ServerId>) -> Wanted {
    let useful = servers.len().min(VOTERS_MAX);
    let useful = if useful.is_multiple_of(2) { useful.saturating_sub(1) } else { useful };
    let voters: BTreeSet<ServerId> =
        servers.intersection(now).chain(servers.difference(now)).take(useful).copied().collect();
    Wanted { learners: servers.difference(&voters).copied().collect(), voters, witnesses: BTreeSet::new() }
}

#[cfg(test)]
mod tests {
    use base::Guid;

    use super::*;

    #[test]
    fn an_odd_number_decides_and_stays() {
        let servers = |numbers: &[u8]| numbers.iter().map(|n| Guid([*n; 16])).collect::<BTreeSet<_>>();
        let voters = |all: &[u8], now: &[u8]| electorate(&servers(all), &servers(now)).voters;
        assert_eq!(voters(&[1], &[]), servers(&[1]));
        assert_eq!(voters(&[1, 2], &[2]), servers(&[2]));
        assert_eq!(voters(&[1, 2, 3], &[2]), servers(&[1, 2, 3]));
        assert_eq!(voters(&[1, 2, 3, 4], &[2, 3, 4]), servers(&[2, 3, 4]));
        assert_eq!(voters(&[1, 2, 3, 4, 5, 6, 7, 8, 9], &[9]).len(), 7);
        assert_eq!(electorate(&servers(&[1, 2]), &servers(&[2])).learners, servers(&[1]));
    }
}
