//! Recipients: mailboxes, contacts, mail users, groups; and what their cmdlets share.

pub mod cas_mailbox;
pub mod contact;
pub mod distribution_group;
pub mod distribution_group_member;
pub mod dynamic_distribution_group;
pub mod group;
pub mod mail_contact;
pub mod mail_user;
pub mod mailbox;
pub mod mailbox_content;
#[expect(clippy::module_inception, reason = "the noun is called that")]
pub mod recipient;
mod senders;
pub mod user;

use std::sync::Arc;

use base::{Guid, SmtpAddress};
use directory::{
    Edit, Object, Scope, View, recipient_type, recipient_type_details, schema::Class, verbs::MailIdentity,
};
use powershell::{Value, value::PsObject};

use crate::{
    Context, Edits, Failure, Noun, Outcome,
    call::{Call, identity_text},
    cmdlet::text_of,
    convert,
    get::one_of,
    noun::spaced,
};
use senders::{accept_from, reject_from};

/// What `Enable-` takes of a recipient whose mail goes outside.
const OUTSIDE: &[&str] = &[
    "Alias",
    "ExternalEmailAddress",
    "PrimarySmtpAddress",
    "DisplayName",
    "MacAttachmentFormat",
    "MessageBodyFormat",
    "MessageFormat",
    "UsePreferMessageFormat",
];

/// The properties every mail-enabled recipient has, in the product's order.
const MAIL: &[&str] = &[
    "AcceptMessagesOnlyFrom",
    "AcceptMessagesOnlyFromDLMembers",
    "AcceptMessagesOnlyFromSendersOrMembers",
    "Alias",
    "ArbitrationMailbox",
    "BypassModerationFromSendersOrMembers",
    "OrganizationalUnit",
    "CustomAttribute1",
    "CustomAttribute10",
    "CustomAttribute11",
    "CustomAttribute12",
    "CustomAttribute13",
    "CustomAttribute14",
    "CustomAttribute15",
    "CustomAttribute2",
    "CustomAttribute3",
    "CustomAttribute4",
    "CustomAttribute5",
    "CustomAttribute6",
    "CustomAttribute7",
    "CustomAttribute8",
    "CustomAttribute9",
    "ExtensionCustomAttribute1",
    "ExtensionCustomAttribute2",
    "ExtensionCustomAttribute3",
    "ExtensionCustomAttribute4",
    "ExtensionCustomAttribute5",
    "DisplayName",
    "EmailAddresses",
    "GrantSendOnBehalfTo",
    "HiddenFromAddressListsEnabled",
    "LegacyExchangeDN",
    "MaxSendSize",
    "MaxReceiveSize",
    "ModeratedBy",
    "ModerationEnabled",
    "EmailAddressPolicyEnabled",
    "PrimarySmtpAddress",
    "RecipientType",
    "RecipientTypeDetails",
    "RejectMessagesFrom",
    "RejectMessagesFromDLMembers",
    "RejectMessagesFromSendersOrMembers",
    "RequireSenderAuthenticationEnabled",
    "SimpleDisplayName",
    "SendModerationNotifications",
    "WindowsEmailAddress",
    "MailTip",
    "MailTipTranslations",
];

/// Parameters of every mail-enabled recipient that are not attributes of their name.
const ADDRESSES: [(&str, crate::Special); 4] = [
    ("AcceptMessagesOnlyFromSendersOrMembers", accept_from),
    ("RejectMessagesFromSendersOrMembers", reject_from),
    ("PrimarySmtpAddress", |_, _, _, given| smtp_edit("PrimarySmtpAddress", given)),
    ("WindowsEmailAddress", |_, _, _, given| smtp_edit("WindowsEmailAddress", given)),
];

/// A new reply address: the directory's verb keeps the proxies in order.
fn smtp_edit(name: &'static str, given: &Value) -> Outcome<Edits> {
    let address = match given {
        Value::Null => return Ok(vec![(name, Edit::clear())]),
        given => smtp_address(&text_of(given))?,
    };
    Ok(vec![(name, Edit::set(directory::Value::from(address)))])
}

/// `-ExternalEmailAddress`: without a type it is SMTP, and always the primary of its type.
fn external_edit(_: &Context, _: &View, _: Option<&Object>, given: &Value) -> Outcome<Edits> {
    let text = text_of(given);
    let proxy = match text.split_once(':') {
        Some((kind, rest)) => format!("{}:{rest}", kind.to_ascii_uppercase()),
        None => format!("SMTP:{}", smtp_address(&text)?),
    };
    let proxy = proxy.parse().map_err(directory::DirectoryError::from)?;
    Ok(vec![("ExternalEmailAddress", Edit::set(directory::Value::Proxy(proxy)))])
}

/// Computed properties of every mail-enabled recipient.
fn extend_mail(view: &View, object: &Object, out: &mut PsObject) {
    senders::extend(view, object, out);
}

/// Conditions on what kind of recipient something is.
const KIND: [(&str, crate::Condition); 2] = [
    ("RecipientType", |_, object, value| {
        recipient_type(object).is_some_and(|kind| one_of(&kind.to_string(), value))
    }),
    ("RecipientTypeDetails", |_, object, value| {
        recipient_type_details(object).is_some_and(|kind| one_of(&kind, value))
    }),
];

/// A text parameter, owned.
fn optional(call: &Call<'_>, name: &str) -> Option<String> {
    call.text(name).map(|text| text.to_string())
}

/// An SMTP address with or without `smtp:` before it.
fn smtp_address(text: &str) -> Outcome<SmtpAddress> {
    let prefixed = text.get(..5).is_some_and(|prefix| prefix.eq_ignore_ascii_case("smtp:"));
    let bare = if prefixed { &text[5..] } else { text };
    bare.parse::<SmtpAddress>().map_err(|error| Failure::invalid(error.to_string()))
}

/// A parameter that is an SMTP address.
fn address(call: &Call<'_>, name: &str) -> Outcome<Option<SmtpAddress>> {
    call.text(name).map(|text| smtp_address(&text)).transpose()
}

/// The address outside that contacts and mail users must have.
fn external_address(call: &Call<'_>) -> Outcome<SmtpAddress> {
    address(call, "ExternalEmailAddress")?.ok_or_else(|| Failure::missing("ExternalEmailAddress"))
}

/// `-Alias` and `-PrimarySmtpAddress`, as New- and Enable- cmdlets take them.
fn identity_of(call: &Call<'_>) -> Outcome<MailIdentity> {
    Ok(MailIdentity {
        alias: optional(call, "Alias"),
        primary_smtp_address: address(call, "PrimarySmtpAddress")?,
    })
}

/// Whether one of an object's links leads to what an identity means.
fn limited_to(view: &View, object: &Object, links: &str, identity: &str) -> bool {
    view.resolve(identity, Scope::Any).is_ok_and(|target| object.links(links).any(|guid| guid == target.guid))
}

/// The recipients that a parameter names.
pub(crate) fn recipients(call: &Call<'_>, view: &View, parameter: &str) -> Outcome<Vec<Guid>> {
    let given = call.get(parameter).cloned().unwrap_or_default();
    let resolve = |item: &Value| view.resolve(&identity_text(item), Scope::Recipients);
    given.into_items().iter().map(|item| Ok(resolve(item)?.guid)).collect()
}

/// A verb of the directory that makes an object of this class mail-enabled.
type Enable =
    Box<dyn FnOnce(&mut directory::Draft<'_>, Guid) -> Result<Arc<Object>, directory::DirectoryError> + Send>;

/// Attributes that `Enable-` sets along.
const ALONG: &[&str] = &[
    "ActiveSyncMailboxPolicy",
    "AddressBookPolicy",
    "DisplayName",
    "MacAttachmentFormat",
    "ManagedFolderMailboxPolicy",
    "MessageBodyFormat",
    "MessageFormat",
    "RetentionPolicy",
    "RoleAssignmentPolicy",
    "UsePreferMessageFormat",
];

/// `Enable-`: gives an object of `class` what mail needs, and writes it.
fn enable(call: &mut Call<'_>, noun: &'static Noun, class: &'static Class, verb: Enable) -> Outcome {
    let view = call.cx.directory.snapshot();
    let object = view.resolve(&call.identity("Identity").unwrap_or_default(), Scope::Class(class))?;
    let mut edits = Vec::new();
    for (name, value) in ALONG.iter().filter_map(|name| Some((*name, call.get(name)?))) {
        if let Some(attribute) = class.attribute(name) {
            edits.push((name, convert::to_edit(&view, attribute, value)?));
        }
    }
    let action = format!("Enabling {} \"{}\"", spaced(noun.name), object.identity());
    let whole = move |draft: &mut directory::Draft<'_>| {
        // Names go in first: addresses are made from them.
        draft.modify(object.guid, edits)?;
        verb(draft, object.guid)
    };
    noun.make(call, &action, Box::new(whole))
}

/// `Disable-`: takes from an object what mail needs; the object stays.
fn disable(
    call: &mut Call<'_>,
    noun: &'static Noun,
    verb: fn(&mut directory::Draft<'_>, Guid) -> Result<(), directory::DirectoryError>,
) -> Outcome {
    let object = noun.named(call, &call.cx.directory.snapshot())?;
    let action = format!(
        "Disabling {} \"{}\" will remove its mail properties; the object stays",
        spaced(noun.name),
        object.identity()
    );
    if call.should_process(&action)? {
        call.commit(move |draft| verb(draft, object.guid))?;
    }
    Ok(())
}

/// The name of the server that a mailbox's database is on.
fn server_name(view: &View, object: &Object) -> Value {
    let server = object.link("Database").and_then(|guid| view.get(guid)).and_then(|db| db.link("Server"));
    server.and_then(|guid| view.get(guid)).map_or(Value::Null, |server| Value::string(&*server.name))
}

/// Computed properties of recipients that have nothing else to compute.
fn extend(_: &Context, view: &View, object: &Object, out: &mut PsObject) {
    extend_mail(view, object, out);
}
