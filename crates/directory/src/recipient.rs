//! Recipients seen as what they are: kinds, addresses, forwarding, quotas; typed, for those who deliver.

use std::{fmt, ops::Deref, sync::Arc};

use base::{ByteQuantifiedSize, Guid, SmtpAddress, Unlimited};

use crate::{
    object::Object,
    schema::{CONTACT, DYNAMIC_GROUP, GROUP, USER},
    value::{ProxyAddress, Value},
};

/// What a recipient is (`RecipientType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecipientType {
    /// An account that mail cannot be addressed to.
    User,
    /// A mailbox.
    UserMailbox,
    /// An account whose mail goes elsewhere.
    MailUser,
    /// A person outside without an address here.
    Contact,
    /// A person outside.
    MailContact,
    /// A group that mail cannot be addressed to.
    Group,
    /// A group for mail.
    MailUniversalDistributionGroup,
    /// A group for mail and for rights.
    MailUniversalSecurityGroup,
    /// Whoever fits a filter.
    DynamicDistributionGroup,
}

impl fmt::Display for RecipientType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl RecipientType {
    /// True where mail can be addressed to it.
    pub fn is_mail_enabled(self) -> bool {
        !matches!(self, RecipientType::User | RecipientType::Contact | RecipientType::Group)
    }
    /// True for groups of every kind that mail can be addressed to.
    pub fn is_mail_group(self) -> bool {
        matches!(
            self,
            RecipientType::MailUniversalDistributionGroup
                | RecipientType::MailUniversalSecurityGroup
                | RecipientType::DynamicDistributionGroup
        )
    }
}

/// What an object is as a recipient; `None` where its class is none.
pub fn recipient_type(object: &Object) -> Option<RecipientType> {
    let mail = object.class.recipient && object.stored_value("Alias").is_some();
    Some(match object.class.name {
        name if name == USER.name && mail && object.link("Database").is_some() => RecipientType::UserMailbox,
        name if name == USER.name && mail && object.stored_value("ExternalEmailAddress").is_some() => {
            RecipientType::MailUser
        }
        name if name == USER.name => RecipientType::User,
        name if name == CONTACT.name && mail => RecipientType::MailContact,
        name if name == CONTACT.name => RecipientType::Contact,
        name if name == DYNAMIC_GROUP.name => RecipientType::DynamicDistributionGroup,
        name if name == GROUP.name && !mail => RecipientType::Group,
        name if name == GROUP.name && object.has_flag("GroupType", "SecurityEnabled") => {
            RecipientType::MailUniversalSecurityGroup
        }
        name if name == GROUP.name => RecipientType::MailUniversalDistributionGroup,
        _ => return None,
    })
}

/// `RecipientTypeDetails`: the type, with the kinds of mailbox and group told apart.
pub fn recipient_type_details(object: &Object) -> Option<String> {
    let kind = recipient_type(object)?;
    Some(match kind {
        RecipientType::UserMailbox => object.text("MailboxType").unwrap_or("UserMailbox").to_owned(),
        RecipientType::User if object.flag("AccountDisabled") => "DisabledUser".to_owned(),
        RecipientType::Group if object.text("RoleGroupType").is_some() => "RoleGroup".to_owned(),
        RecipientType::Group if object.has_flag("GroupType", "SecurityEnabled") => {
            "UniversalSecurityGroup".to_owned()
        }
        RecipientType::Group => "UniversalDistributionGroup".to_owned(),
        RecipientType::MailUniversalDistributionGroup if object.flag("RoomList") => "RoomList".to_owned(),
        other => other.to_string(),
    })
}

/// A recipient object. Cheap to clone; derefs to [`Object`].
#[derive(Clone, Debug)]
pub struct Recipient(Arc<Object>);

impl Deref for Recipient {
    type Target = Object;
    fn deref(&self) -> &Object {
        &self.0
    }
}

impl Recipient {
    /// The object as a recipient, where its class is one.
    pub fn new(object: Arc<Object>) -> Option<Self> {
        object.class.recipient.then_some(Self(object))
    }
    /// The object.
    pub fn object(&self) -> &Arc<Object> {
        &self.0
    }
    /// What it is.
    pub fn kind(&self) -> RecipientType {
        recipient_type(&self.0).unwrap_or(RecipientType::User)
    }
    /// The display name, or the name.
    pub fn display_name(&self) -> &str {
        self.text("DisplayName").unwrap_or(&self.name)
    }
    /// The address replies go to.
    pub fn primary_smtp_address(&self) -> Option<SmtpAddress> {
        primary_smtp(&self.0)
    }
    /// Every proxy address.
    pub fn email_addresses(&self) -> impl Iterator<Item = &ProxyAddress> {
        self.values("EmailAddresses").iter().filter_map(Value::as_proxy)
    }
    /// Where mail to a contact or mail user goes.
    pub fn external_email_address(&self) -> Option<SmtpAddress> {
        self.class.attribute("ExternalEmailAddress")?;
        self.stored_value("ExternalEmailAddress")?.as_proxy()?.smtp_address()
    }
    /// The mailbox's own identifier; not the object's.
    pub fn mailbox_guid(&self) -> Option<Guid> {
        self.user_guid("ExchangeGuid")
    }
    fn user_guid(&self, name: &str) -> Option<Guid> {
        if *self.class == USER { self.guid_of(name) } else { None }
    }
    /// The mailbox database.
    pub fn database(&self) -> Option<Guid> {
        if *self.class == USER { self.link("Database") } else { None }
    }
    /// The recipient mail is forwarded to. Beats [`Recipient::forwarding_smtp_address`].
    pub fn forwarding_address(&self) -> Option<Guid> {
        if *self.class == USER { self.link("ForwardingAddress") } else { None }
    }
    /// The address mail is forwarded to, subject to remote domains; ignored where
    /// [`Recipient::forwarding_address`] is set.
    pub fn forwarding_smtp_address(&self) -> Option<SmtpAddress> {
        self.class.attribute("ForwardingSmtpAddress")?;
        self.stored_value("ForwardingSmtpAddress")?.as_proxy()?.smtp_address()
    }
    /// Whether forwarded mail is kept here as well.
    pub fn deliver_to_mailbox_and_forward(&self) -> bool {
        *self.class == USER && self.flag("DeliverToMailboxAndForward")
    }
    /// The largest message it takes; the organisation's limit holds where `Unlimited`.
    pub fn max_receive_size(&self) -> Unlimited<ByteQuantifiedSize> {
        self.size("MaxReceiveSize")
    }
    /// The largest message it may send.
    pub fn max_send_size(&self) -> Unlimited<ByteQuantifiedSize> {
        self.size("MaxSendSize")
    }
    /// Whether only authenticated senders may write to it.
    pub fn requires_authenticated_sender(&self) -> bool {
        self.flag("RequireSenderAuthenticationEnabled")
    }
    /// Whether a client protocol may open the mailbox: `ImapEnabled`, `PopEnabled` and so on.
    pub fn protocol_enabled(&self, attribute: &str) -> bool {
        *self.class == USER && self.maybe(attribute).unwrap_or(true)
    }
}

fn primary_smtp(object: &Object) -> Option<SmtpAddress> {
    let proxies = object.stored_value("EmailAddresses")?.each().iter().filter_map(Value::as_proxy);
    proxies.filter(|proxy| proxy.is_smtp() && proxy.is_primary()).find_map(ProxyAddress::smtp_address)
}

/// Computed attributes, as the schema names them.
pub(crate) mod derive {
    use super::{Object, Value};

    pub(crate) fn primary_smtp_address(object: &Object) -> Option<Value> {
        super::primary_smtp(object).map(Value::from)
    }
    pub(crate) fn recipient_type(object: &Object) -> Option<Value> {
        super::recipient_type(object).map(|kind| Value::from(kind.to_string()))
    }
    pub(crate) fn recipient_type_details(object: &Object) -> Option<Value> {
        super::recipient_type_details(object).map(Value::from)
    }
}
