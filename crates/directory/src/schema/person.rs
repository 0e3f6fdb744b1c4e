//! What is known of a person: names, job, telephone numbers. Users and contacts.

use super::{
    Attribute, Kind, Target,
    attribute::{number, text},
};

/// `Set-User`, `Set-Contact`.
pub(super) static PERSON: &[Attribute] = &[
    text("AssistantName", 256),
    text("City", 128),
    text("Company", 64),
    text("CountryOrRegion", 128),
    text("Department", 64),
    text("Fax", 64),
    text("FirstName", 64),
    text("GeoCoordinates", 64),
    text("HomePhone", 64),
    text("Initials", 6),
    text("LastName", 64),
    Attribute::new("Manager", Kind::Link(Target::Recipient)),
    text("MobilePhone", 64),
    text("Notes", 1024),
    text("Office", 128),
    text("OtherFax", 64).multi(),
    text("OtherHomePhone", 64).multi(),
    text("OtherTelephone", 64).multi(),
    text("Pager", 64),
    text("Phone", 64),
    text("PhoneticDisplayName", 256),
    text("PostalCode", 40),
    text("PostOfficeBox", 40).multi(),
    number("SeniorityIndex", 0, 100),
    text("StateOrProvince", 128),
    text("StreetAddress", 1024),
    text("TelephoneAssistant", 64),
    text("Title", 128),
    text("WebPage", 2048),
];
