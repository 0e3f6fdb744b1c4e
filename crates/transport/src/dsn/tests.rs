//! Notifications as another program reads them.

use base::{Guid, rng::SeededRng};
use mail_parser::{MessageParser, MimeHeaders};
use wire::smtp::{MailFrom, RcptTo, Ret};

use super::*;
use crate::{
    queue::Origin,
    world::{START, World, address},
};

const ORIGINAL: &[u8] = b"From: Nuno <nuno@rialto.test>\r\nTo: x@ext.example\r\nSubject: Ponte\r\n\
    Message-ID: <m1@rialto.test>\r\n\r\nBom dia\r\n.dot\r\n";

fn message(from: Option<&str>) -> Message {
    let sender = from.map(address);
    Message {
        from: MailFrom { sender, envid: Some("QQ+2B1".into()), ..MailFrom::default() },
        message_id: "<m1@rialto.test>".into(),
        subject: "Ponte\r\nX-Injected: é".into(),
        origin: Origin { helo: "client.example".into(), ..Origin::default() },
        ..Message::blank(Guid::EMPTY, START)
    }
}

fn recipient(to: &str) -> Recipient {
    Recipient::new(RcptTo { orcpt: Some("rfc822;X+2Bx@ext.example".into()), ..RcptTo::new(address(to)) })
}

const GONE: Reply = Reply::new(550, (5, 1, 1), "RESOLVER.ADR.ExRecipNotFound; not found");

fn write(message: &Message, action: Action, status: Reply) -> Notification {
    let postmaster = address("postmaster@rialto.test");
    let writer =
        Writer { fqdn: "ex01.rialto.test", postmaster: &postmaster, attach_max: 1 << 20, diagnostics: true };
    let line = Line {
        until: (action == Action::Delayed).then_some(START),
        ..Line::new(&recipient("x@ext.example"), action, status)
    };
    writer.write(message, &[line], &address("nuno@rialto.test"), ORIGINAL, START, &SeededRng::new(1))
}

#[test]
fn another_parser_reads_a_failure() {
    let ours = Message {
        from: MailFrom { ret: Some(Ret::Full), ..message(Some("nuno@rialto.test")).from },
        ..message(None)
    };
    let notification = write(&ours, Action::Failed, GONE);
    let parsed = MessageParser::default().parse(&notification.bytes[..]).unwrap();
    assert_eq!(parsed.subject(), Some("Undeliverable: Ponte  X-Injected: é"));
    assert!(parsed.header("X-Injected").is_none());
    assert_eq!(parsed.header_raw("Auto-Submitted").unwrap().trim(), "auto-replied");
    assert_eq!(parsed.in_reply_to().as_text(), Some("m1@rialto.test"));
    assert_eq!(parsed.message_id(), Some(notification.message_id.trim_matches(['<', '>'])));
    let content_type = parsed.content_type().unwrap();
    assert_eq!((content_type.ctype(), content_type.subtype()), ("multipart", Some("report")));
    assert_eq!(content_type.attribute("report-type"), Some("delivery-status"));
    assert_eq!(parsed.parts.len(), 4);
    let people = parsed.body_text(0).unwrap();
    assert!(people.contains("Delivery has failed") && people.contains("x@ext.example"));
    assert!(people.contains("returned '550 5.1.1 RESOLVER.ADR.ExRecipNotFound; not found'"), "{people}");
    let report = String::from_utf8(parsed.parts[2].contents().to_vec()).unwrap();
    for field in [
        "Reporting-MTA: dns;ex01.rialto.test\r\n",
        "Original-Envelope-Id: QQ+1\r\n",
        "Received-From-MTA: dns;client.example\r\n",
        "\r\n\r\nOriginal-Recipient: rfc822;X+x@ext.example\r\n",
        "Final-Recipient: rfc822;x@ext.example\r\n",
        "Action: failed\r\n",
        "Status: 5.1.1\r\n",
        "Diagnostic-Code: smtp;550 5.1.1 RESOLVER.ADR.ExRecipNotFound; not found\r\n",
    ] {
        assert!(report.contains(field), "{field} in\n{report}");
    }
    let original = parsed.parts[3].message().expect("message/rfc822");
    assert_eq!(original.subject(), Some("Ponte"));
    assert!(
        notification.bytes.windows(ORIGINAL.len()).any(|window| window == ORIGINAL),
        "returned to the byte"
    );
}

#[test]
fn strangers_get_the_header_back_and_no_line_is_too_long() {
    let status = Reply::said(550, (5, 7, 1), "long ".repeat(400));
    let notification = write(&message(Some("nuno@rialto.test")), Action::Failed, status);
    let parsed = MessageParser::default().parse(&notification.bytes[..]).unwrap();
    let returned = &parsed.parts[3];
    assert_eq!(returned.content_type().unwrap().subtype(), Some("rfc822-headers"));
    assert!(
        returned.contents().ends_with(b"<m1@rialto.test>\r\n\r\n")
            || returned.contents().ends_with(b"<m1@rialto.test>\r\n")
    );
    assert!(!notification.bytes.windows(7).any(|window| window == b"Bom dia"));
    assert!(notification.bytes.split(|b| *b == b'\n').all(|line| line.len() <= 998));
}

#[test]
fn a_delay_says_until_when() {
    let status = Reply::new(451, (4, 4, 0), "Primary target IP address responded with: \"421 4.2.1\"");
    let notification = write(&message(Some("nuno@rialto.test")), Action::Delayed, status);
    let parsed = MessageParser::default().parse(&notification.bytes[..]).unwrap();
    assert!(parsed.subject().unwrap().starts_with("Delivery delayed: Ponte"));
    let report = String::from_utf8(parsed.parts[2].contents().to_vec()).unwrap();
    assert!(report.contains("Action: delayed\r\nStatus: 4.4.0\r\n"), "{report}");
    assert!(report.contains("Will-Retry-Until: Mon, 23 Nov 2026 05:38:01 +0000\r\n"));
    assert!(parsed.header("X-MS-Exchange-Message-Is-Ndr").is_none());
}

#[tokio::test]
async fn who_is_told() {
    let world = World::new().await;
    let view = world.view();
    let asked = |success, failure, delay| Some(Notify { success, failure, delay });
    let ours = message(Some("nuno@rialto.test"));
    let told =
        |message: &Message, recipient: &Recipient, action| addressee(&view, message, recipient, action);
    let nuno = Some(address("nuno@rialto.test"));
    for (notify, failed, delayed, delivered) in [
        (None, true, true, false),
        (asked(false, false, false), false, false, false),
        (asked(true, false, false), false, false, true),
        (asked(true, true, true), true, true, true),
    ] {
        let mut to = recipient("x@ext.example");
        to.to.notify = notify;
        for (action, expected) in
            [(Action::Failed, failed), (Action::Delayed, delayed), (Action::Delivered, delivered)]
        {
            assert_eq!(told(&ours, &to, action).is_some(), expected, "{notify:?} {action:?}");
        }
    }
    let mut to = recipient("x@ext.example");
    assert_eq!(told(&message(None), &to, Action::Failed), None, "never a bounce of a bounce");
    to.return_path = ReturnPath::Null;
    assert_eq!(told(&ours, &to, Action::Failed), None);
    to.return_path = ReturnPath::Address(address("boss@rialto.test"));
    assert_eq!(told(&ours, &to, Action::Failed), Some(address("boss@rialto.test")));
    to.return_path = ReturnPath::Sender;
    assert_eq!(told(&ours, &to, Action::Failed), nuno);
    let remote = world.remote("quiet.example", true).await;
    world.edit(remote, "NDREnabled", false).await;
    let view = world.view();
    let stranger = message(Some("s@quiet.example"));
    assert_eq!(addressee(&view, &stranger, &to, Action::Failed), None);
    to.to.notify = asked(true, true, true);
    assert!(addressee(&view, &stranger, &to, Action::Delivered).is_some());
}
