//! Where the copies of a member's own databases go that no administrator places: its mail queue.

use std::collections::BTreeSet;

use base::Guid;

/// Copies of one queue.
pub const COPIES: usize = 3;

/// The servers that have copies of a member's queue: itself and those that follow it in the order of their names,
/// round the group. A member that comes or goes changes little. With fewer than three members a queue has one copy:
/// two would take no mail as soon as either is lost.
pub fn ring(members: &[(&str, Guid)], owner: Guid) -> BTreeSet<Guid> {
    let mut order: Vec<(String, Guid)> =
        members.iter().map(|(name, server)| (name.to_ascii_lowercase(), *server)).collect();
    order.sort();
    match order.iter().position(|(_, server)| *server == owner) {
        Some(at) if order.len() >= COPIES => {
            order.iter().cycle().skip(at).take(COPIES).map(|(_, server)| *server).collect()
        }
        _ => BTreeSet::from([owner]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(number: u8) -> Guid {
        Guid([number; 16])
    }

    fn of(names: &[(&'static str, u8)], owner: u8) -> Vec<u8> {
        let members: Vec<_> = names.iter().map(|(name, number)| (*name, server(*number))).collect();
        ring(&members, server(owner)).iter().map(|server| server.0[0]).collect()
    }

    #[test]
    fn each_member_has_two_others_and_all_carry_alike() {
        let five = [("EX1", 1), ("ex3", 3), ("EX2", 2), ("EX5", 5), ("EX4", 4)];
        assert_eq!(of(&five, 1), [1, 2, 3]);
        assert_eq!(of(&five, 3), [3, 4, 5]);
        assert_eq!(of(&five, 5), [1, 2, 5]);
        let carried = |by: u8| (1..=5).filter(|owner| of(&five, *owner).contains(&by)).count();
        assert!((1..=5).all(|by| carried(by) == COPIES));
    }

    #[test]
    fn too_few_members_and_strangers_keep_their_queues_alone() {
        assert_eq!(of(&[("EX1", 1), ("EX2", 2)], 1), [1]);
        assert_eq!(of(&[("EX1", 1), ("EX2", 2), ("EX3", 3)], 9), [9]);
        assert_eq!(of(&[], 9), [9]);
    }
}
