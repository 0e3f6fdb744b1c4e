//! Accepted domains: whose mail this organisation takes.

use directory::{Edit, schema::ACCEPTED_DOMAIN, verbs};

use crate::{Cmdlet, Noun};

static NOUN: Noun = Noun {
    order: &[&[
        "DomainName",
        "DomainType",
        "MatchSubDomains",
        "AddressBookEnabled",
        "Default",
        "ExternallyManaged",
        "PendingRemoval",
        "PendingCompletion",
    ]],
    special: &[("MakeDefault", |_, _, _, given| {
        Ok(if given.truth() { vec![("Default", Edit::set(true))] } else { Vec::new() })
    })],
    change: |draft, guid, edits| {
        let (default, edits): (Vec<_>, Vec<_>) = edits.into_iter().partition(|(name, _)| *name == "Default");
        let moved = !default.is_empty() && verbs::make_default_domain(draft, guid)?;
        Ok(draft.modify(guid, edits)? || moved)
    },
    ..Noun::new(
        "AcceptedDomain",
        &ACCEPTED_DOMAIN,
        &["Microsoft.Exchange.Data.Directory.SystemConfiguration.AcceptedDomain"],
    )
};

/// `Get-AcceptedDomain`
pub static GET: Cmdlet = Cmdlet::get("Get-AcceptedDomain", &NOUN);
/// `New-AcceptedDomain`
pub static NEW: Cmdlet = Cmdlet::new("New-AcceptedDomain", &NOUN);
/// `Set-AcceptedDomain`
pub static SET: Cmdlet = Cmdlet::set("Set-AcceptedDomain", &NOUN);
/// `Remove-AcceptedDomain`
pub static REMOVE: Cmdlet = Cmdlet::remove("Remove-AcceptedDomain", &NOUN);
