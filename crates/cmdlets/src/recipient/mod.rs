//! Recipients: mailboxes, contacts, mail users, groups.

pub mod distribution_group;
pub mod distribution_group_member;
pub mod dynamic_distribution_group;
pub mod mail_contact;
pub mod mail_user;
pub mod mailbox;
#[expect(clippy::module_inception, reason = "the noun is called that")]
pub mod recipient;
pub mod user;

use base::{Fault, SmtpAddress};
use directory::{Object, Scope, View, verbs::MailIdentity};

use crate::call::Call;

/// A text parameter, owned.
fn optional(call: &Call<'_>, name: &str) -> Option<String> {
    call.text(name).map(|text| text.to_string())
}

/// A parameter that is an SMTP address, with or without `smtp:` before it.
fn address(call: &Call<'_>, name: &str) -> Result<Option<SmtpAddress>, Fault> {
    let parse = |text: std::sync::Arc<str>| {
        let bare = text
            .get(..5)
            .filter(|prefix| prefix.eq_ignore_ascii_case("smtp:"))
            .map_or(&*text, |_| &text[5..]);
        bare.parse::<SmtpAddress>().map_err(|error| Fault::invalid(error.to_string()))
    };
    call.text(name).map(parse).transpose()
}

/// `-Alias` and `-PrimarySmtpAddress`, as New- and Enable- cmdlets take them.
fn identity_of(call: &Call<'_>) -> Result<MailIdentity, Fault> {
    Ok(MailIdentity {
        alias: optional(call, "Alias"),
        primary_smtp_address: address(call, "PrimarySmtpAddress")?,
    })
}

/// Whether an object's link leads to what an identity means.
fn limited_to(view: &View, object: &Object, link: &str, identity: &str) -> bool {
    view.resolve(identity, Scope::Any).is_ok_and(|target| object.link(link) == Some(target.guid))
}

/// The recipients that a parameter names.
fn recipients(call: &Call<'_>, view: &View, parameter: &str) -> Result<Vec<base::Guid>, Fault> {
    let given = call.get(parameter).cloned().unwrap_or_default();
    let resolve =
        |item: &powershell::Value| view.resolve(&crate::call::identity_text(item), Scope::Recipients);
    given.into_items().iter().map(|item| Ok(resolve(item)?.guid)).collect()
}
