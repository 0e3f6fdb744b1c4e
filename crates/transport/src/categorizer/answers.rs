//! The categorizer's answers, in the words administrators search for.

use wire::smtp::Reply;

/// The address is in one of our domains and nobody has it.
pub const NOT_FOUND: Reply = Reply::new(550, (5, 1, 1), "RESOLVER.ADR.ExRecipNotFound; not found");
/// The address is in one of our domains, and this server's directory does not say yet whether somebody has it.
pub const NOT_KNOWN_YET: Reply =
    Reply::new(451, (4, 3, 0), "RESOLVER.ADR.RecipientTransient; the directory is not up to date yet");
/// The domain cannot be one that takes mail.
pub const BAD_DOMAIN: Reply = Reply::new(550, (5, 1, 2), "RESOLVER.ADR.InvalidDomain; not a mail domain");
/// A contact or mail user without an address.
pub const NO_TARGET: Reply = Reply::new(550, (5, 2, 0), "RESOLVER.CON.NoTarget; no external address");
/// Forwarding leads in a circle in which nobody keeps a copy.
pub const LOOP: Reply = Reply::new(554, (5, 4, 6), "RESOLVER.FWD.Loop; forwarding loop detected");
/// The message carries more trace fields than a message may.
pub const HOP_COUNT: Reply = Reply::new(554, (5, 4, 6), "Hop count exceeded - possible mail loop");
/// The recipient takes smaller messages only.
pub const TOO_LARGE: Reply =
    Reply::new(550, (5, 2, 3), "RESOLVER.RST.RecipSizeLimit; message too large for this recipient");
/// The sender may only send smaller messages.
pub const SENDER_TOO_LARGE: Reply =
    Reply::new(550, (5, 2, 3), "RESOLVER.RST.SendSizeLimit; message too large for this sender");
/// The group takes authenticated senders only.
pub const GROUP_NEEDS_LOGON: Reply = Reply::new(
    550,
    (5, 7, 133),
    "RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; Delivery restriction check failed",
);
/// The mailbox, contact or mail user takes authenticated senders only.
pub const MAILBOX_NEEDS_LOGON: Reply = Reply::new(
    550,
    (5, 7, 134),
    "RESOLVER.RST.SenderNotAuthenticatedForMailbox; authentication required; Delivery restriction check failed",
);
/// The recipient does not take mail from this sender.
pub const NOT_AUTHORIZED: Reply = Reply::new(550, (5, 7, 1), "RESOLVER.RST.NotAuthorized; not authorized");
/// An auto-forward was stopped by the settings of its remote domain.
pub const AUTO_FORWARD_BLOCKED: Reply =
    Reply::new(250, (2, 1, 5), "RESOLVER.MSGTYPE.AF; handled AutoForward addressed to external recipient");
/// A recipient was forwarded.
pub const FORWARDED: Reply = Reply::new(250, (2, 1, 5), "RESOLVER.FWD.Forwarded; recipient forward");
/// A group was expanded.
pub const EXPANDED: Reply = Reply::new(250, (2, 1, 5), "RESOLVER.GRP.Expanded; distribution list expanded");
/// The hosted kind of organisation lets nothing be forwarded outside.
pub const FORWARDING_NOT_ALLOWED: Reply = Reply::new(
    550,
    (5, 7, 520),
    "Access denied, Your organization does not allow external forwarding. Please contact your administrator \
     for further assistance. AS(7555)",
);
