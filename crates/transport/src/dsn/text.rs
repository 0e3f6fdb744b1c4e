//! The words of a notification for people. English; other languages are tables of the same shape.

use wire::smtp::Reply;

use super::Action;

/// What the first lines say.
pub(super) const fn heading(action: Action) -> &'static str {
    match action {
        Action::Failed => "Delivery has failed to these recipients or groups:",
        Action::Delayed => {
            "Delivery to these recipients or groups is delayed. Nothing needs to be done: the \
                            message is tried again until it can be delivered or expires."
        }
        Action::Delivered => "Your message has been delivered to these recipients or groups:",
        Action::Relayed => {
            "Your message was handed to these recipients' servers, which send no delivery \
                            notifications of their own:"
        }
        Action::Expanded => "Your message was sent on to the members of these groups:",
    }
}

/// What stands before the subject.
pub(super) const fn subject(action: Action) -> &'static str {
    match action {
        Action::Failed => "Undeliverable",
        Action::Delayed => "Delivery delayed",
        Action::Delivered => "Delivered",
        Action::Relayed => "Relayed",
        Action::Expanded => "Expanded",
    }
}

/// Explanations by class, subject and detail; the first that fits. `None` fits any number.
const EXPLANATIONS: &[(u8, u16, Option<u16>, &str)] = &[
    (5, 1, Some(1), "The address wasn't found. Check how it is written and send the message again."),
    (5, 1, Some(10), "The address wasn't found. Check how it is written and send the message again."),
    (5, 1, Some(2), "The domain of the address can't receive mail. Check how it is written."),
    (5, 1, None, "Something is wrong with the recipient's address."),
    (5, 2, Some(2), "The recipient's mailbox is full and can't take messages now."),
    (5, 2, Some(3), "The message is larger than the recipient or the sender is allowed to exchange."),
    (5, 2, None, "The recipient's mailbox can't take this message."),
    (5, 3, Some(4), "The message is larger than a server on its way takes."),
    (
        5,
        4,
        Some(6),
        "The message goes in a circle: forwarding settings lead back to where they begin. \
                     The recipient's administrator can mend this.",
    ),
    (5, 4, Some(7), "The recipient's server could not be reached in time. Send the message again later."),
    (4, 4, Some(7), "The recipient's server could not be reached in time. Send the message again later."),
    (5, 4, None, "The recipient's server could not be reached."),
    (5, 6, None, "The message's form is not one the recipient's server takes."),
    (5, 7, Some(133), "Only people of the organization may send to this group."),
    (5, 7, Some(134), "Only people of the organization may send to this mailbox."),
    (5, 7, Some(520), "The organization doesn't let messages be forwarded automatically to the outside."),
    (5, 7, None, "You don't have permission to send to this recipient."),
    (4, 2, Some(2), "The recipient's mailbox is full and can't take messages now."),
    (4, 4, None, "The recipient's server can't be reached now."),
];

/// A sentence about what went wrong, in plain words.
pub(super) fn explanation(status: &Reply) -> &'static str {
    let (class, subject, detail) = match status.status {
        Some(code) => (code.class, code.subject, code.detail),
        None => (if status.is_transient() { 4 } else { 5 }, 0, 0),
    };
    let fits = |row: &&(u8, u16, Option<u16>, &str)| {
        row.0 == class && row.1 == subject && row.2.is_none_or(|row| row == detail)
    };
    match (EXPLANATIONS.iter().find(fits), class) {
        (Some(row), _) => row.3,
        (None, 2) => "",
        (None, 4) => "There was a problem on the way that may pass.",
        (None, _) => "The recipient's server doesn't take this message.",
    }
}
