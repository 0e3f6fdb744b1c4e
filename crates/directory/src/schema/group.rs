//! Groups with members of their own. The members are kept apart from the object (see `view::groups`).

use super::{
    Attribute, Class, IdentityForm, Index, Kind, Place, Target,
    attribute::{choice, flag, flags, number, text},
    mail_recipient::MAIL_RECIPIENT,
};

const UPDATE: &[&str] = &["Closed", "Open", "ApprovalRequired"];

/// What groups of both kinds have beyond every recipient.
pub(super) static GROUP_DELIVERY: &[Attribute] = &[
    text("ExpansionServer", 512),
    Attribute::new("ManagedBy", Kind::Link(Target::Recipient)).multi(),
    text("Notes", 1024),
    text("PhoneticDisplayName", 256),
    flag("ReportToManagerEnabled", false),
    flag("ReportToOriginatorEnabled", true),
    flag("SendOofMessageToOriginatorEnabled", false),
];

/// `Get-Group`, `Get-DistributionGroup`. A new group takes authenticated senders only: seeded by the verb.
pub static GROUP: Class = Class {
    name: "Group",
    object_class: &["top", "group"],
    place: Place::Domain("Users"),
    identity: IdentityForm::Canonical,
    recipient: true,
    tables: &[
        MAIL_RECIPIENT,
        GROUP_DELIVERY,
        &[
            flag("BypassNestedModerationEnabled", false),
            text("Description", 1024),
            flags("GroupType", "Universal", &["Universal", "Global", "DomainLocal", "SecurityEnabled"])
                .read_only(),
            flag("IsHierarchicalGroup", false),
            choice("MemberDepartRestriction", "Open", UPDATE),
            choice("MemberJoinRestriction", "Closed", UPDATE),
            // What makes it a role group: its members have the roles assigned to it.
            choice("RoleGroupType", "", &["Standard", "Linked", "PartnerLinked"]).read_only(),
            flag("RoomList", false),
            text("SamAccountName", 256).indexed(Index::Unique('s')),
            number("SeniorityIndex", 0, 100),
        ],
    ],
};
