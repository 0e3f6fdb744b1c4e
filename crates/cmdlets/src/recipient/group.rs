//! Groups of every kind, mail-enabled or not.

use directory::{RecipientType, Scope, schema::GROUP, verbs};

use super::{ADDRESSES, KIND};
use crate::{Cmdlet, Noun, Shows};

static NOUN: Noun = Noun {
    scope: Scope::Kinds(&[
        RecipientType::Group,
        RecipientType::MailUniversalDistributionGroup,
        RecipientType::MailUniversalSecurityGroup,
    ]),
    shows: Shows::LikeSet("Set-Group"),
    order: &[&[
        "DisplayName",
        "GroupType",
        "ManagedBy",
        "SamAccountName",
        "Members",
        "WindowsEmailAddress",
        "Notes",
        "OrganizationalUnit",
        "RecipientType",
        "RecipientTypeDetails",
    ]],
    extend: Some(|_, view, object, out| {
        let members = view.members_of(object.guid).filter_map(|guid| view.get(guid));
        let members = members.map(|member| crate::convert::identity(member)).collect();
        out.set("Members", powershell::Value::multi(members));
    }),
    conditions: &KIND,
    special: &[ADDRESSES[3]],
    change: verbs::set_recipient,
    ..Noun::new("Group", &GROUP, &["Microsoft.Exchange.Data.Directory.Management.WindowsGroup"])
};

/// `Get-Group`
pub static GET: Cmdlet = Cmdlet::get("Get-Group", &NOUN);
/// `Set-Group`
pub static SET: Cmdlet = Cmdlet::set("Set-Group", &NOUN);
