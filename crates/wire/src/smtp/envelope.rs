//! The SMTP envelope: what `MAIL` and `RCPT` say, with the parameters of SIZE (RFC 1870), 8BITMIME
//! (RFC 6152), BINARYMIME (RFC 3030), SMTPUTF8 (RFC 6531), DSN (RFC 3461) and AUTH (RFC 4954).

use base::SmtpAddress;
use serde::{Deserialize, Serialize};

/// Who sends to whom: all that travels outside the message itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The reverse path and its parameters.
    pub from: MailFrom,
    /// The accepted recipients, in the order given.
    pub to: Vec<RcptTo>,
}

/// `MAIL FROM:<…>` with its parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailFrom {
    /// The reverse path; `None` is the null sender `<>`, to which nothing is ever returned.
    pub sender: Option<SmtpAddress>,
    /// `SIZE=`: what the client expects to send, bytes.
    pub size: Option<u64>,
    /// `BODY=`
    pub body: Body,
    /// `SMTPUTF8`: addresses or headers may be UTF-8.
    pub smtputf8: bool,
    /// `RET=`: how much of the message a report returns.
    pub ret: Option<Ret>,
    /// `ENVID=`: the sender's name for this transaction, still in xtext.
    pub envid: Option<String>,
    /// `AUTH=`: who submitted it first, still in xtext (`<>` for unknown). A claim, not a proof.
    pub auth: Option<String>,
}

/// `RCPT TO:<…>` with its parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RcptTo {
    /// The forward path, source route removed.
    pub address: SmtpAddress,
    /// `NOTIFY=`; `None` where the client did not say (failures are reported, delays may be).
    pub notify: Option<Notify>,
    /// `ORCPT=`: address type and original address in xtext, as received: `rfc822;ana@contoso.com`.
    pub orcpt: Option<String>,
}

impl RcptTo {
    /// A recipient without parameters.
    pub fn new(address: SmtpAddress) -> Self {
        Self { address, notify: None, orcpt: None }
    }
}

/// What the message's lines may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// Nothing was declared; in practice 8-bit lines.
    #[default]
    SevenBit,
    /// Lines of 8-bit text.
    EightBitMime,
    /// Any octets: only `BDAT` can carry it.
    BinaryMime,
}

/// `RET=`: what a delivery status notification returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ret {
    /// The whole message.
    Full,
    /// Its headers.
    Headers,
}

/// `NOTIFY=`: the events a sender wants reported. All false means `NEVER`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// Report a delivery.
    pub success: bool,
    /// Report a failure.
    pub failure: bool,
    /// Report a delay.
    pub delay: bool,
}

impl Notify {
    /// `NOTIFY=NEVER`.
    pub const NEVER: Notify = Notify { success: false, failure: false, delay: false };
}
