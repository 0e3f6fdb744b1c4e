//! Group members: direct, and expanded through nested groups with limits.

use std::{collections::HashSet, sync::Arc};

use base::Guid;

use super::View;
use crate::{
    error::DirectoryError,
    filter::Filter,
    object::Object,
    recipient::{Recipient, RecipientType},
    schema::DYNAMIC_GROUP,
};

/// Most recipients one expansion yields.
pub const EXPANSION_MAX: usize = 250_000;

/// What a group comes to.
#[derive(Clone, Debug, Default)]
pub struct Expansion {
    /// Every recipient that is not a group, once, in the order found.
    pub members: Vec<Guid>,
    /// Every group that was opened, the first one first, each with the one it was found in.
    pub groups: Vec<(Guid, Option<Guid>)>,
    /// True where [`EXPANSION_MAX`] cut the list short.
    pub truncated: bool,
}

impl View {
    /// The direct members of a group, as stored.
    pub fn members_of(&self, group: Guid) -> impl Iterator<Item = Guid> {
        pairs(&self.members, group)
    }
    /// The groups an object is a direct member of.
    pub fn groups_of(&self, member: Guid) -> impl Iterator<Item = Guid> {
        pairs(&self.member_of, member)
    }
    /// Whether `member` is a direct member of `group`.
    pub fn is_member(&self, group: Guid, member: Guid) -> bool {
        self.members.contains(&(group, member))
    }

    /// The recipients a dynamic group's filter takes in, mail-enabled ones within its container.
    pub fn dynamic_members(&self, group: &Object) -> Result<Vec<Recipient>, DirectoryError> {
        let Some(text) = group.text("RecipientFilter") else { return Ok(Vec::new()) };
        let filter = Filter::parse(text)?;
        let container = group.text("RecipientContainer").and_then(|c| c.parse::<crate::Dn>().ok());
        let within = |r: &Recipient| container.as_ref().is_none_or(|c| r.container.is_within(c));
        let fits = |r: &Recipient| {
            r.kind().is_mail_enabled() && r.guid != group.guid && within(r) && filter.matches(self, r)
        };
        Ok(self.recipients().filter(fits).take(EXPANSION_MAX).collect())
    }

    /// Everyone a group reaches, through groups in groups. Each group is opened once, so loops end.
    /// Members that mail cannot be addressed to are left out. A group whose filter does not parse is empty.
    pub fn expand(&self, group: Guid) -> Expansion {
        let mut expansion = Expansion::default();
        let (mut seen, mut waiting) = (HashSet::from([group]), vec![(group, None)]);
        while let Some((guid, parent)) = waiting.pop() {
            expansion.groups.push((guid, parent));
            for member in self.direct_recipients(guid) {
                if !seen.insert(member.guid) {
                    continue;
                }
                if member.kind().is_mail_group() {
                    waiting.push((member.guid, Some(guid)));
                } else if expansion.members.len() < EXPANSION_MAX {
                    expansion.members.push(member.guid);
                } else {
                    expansion.truncated = true;
                    return expansion;
                }
            }
        }
        expansion
    }

    /// The mail-enabled direct members of a group of either kind.
    pub fn direct_recipients(&self, group: Guid) -> Vec<Recipient> {
        let Some(object): Option<&Arc<Object>> = self.get(group) else { return Vec::new() };
        if *object.class == DYNAMIC_GROUP {
            return self.dynamic_members(object).unwrap_or_default();
        }
        self.members_of(group)
            .filter_map(|guid| self.recipient(guid))
            .filter(|r| r.kind().is_mail_enabled())
            .collect()
    }

    /// Whether a recipient is in a group, directly or through groups in it.
    pub fn is_in_group(&self, group: Guid, recipient: Guid) -> bool {
        let dynamic =
            self.recipient(group).is_some_and(|g| g.kind() == RecipientType::DynamicDistributionGroup);
        if dynamic {
            return self.expand(group).members.contains(&recipient);
        }
        let (mut seen, mut waiting) = (HashSet::new(), vec![recipient]);
        while let Some(guid) = waiting.pop() {
            for above in self.groups_of(guid) {
                if above == group {
                    return true;
                }
                if seen.insert(above) {
                    waiting.push(above);
                }
            }
        }
        false
    }
}

fn pairs(set: &imbl::OrdSet<(Guid, Guid)>, first: Guid) -> impl Iterator<Item = Guid> {
    set.range((first, Guid::EMPTY)..).take_while(move |(own, _)| *own == first).map(|(_, other)| *other)
}
