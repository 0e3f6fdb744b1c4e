//! What is a command and what is not.

use proptest::prelude::*;

use super::*;
use crate::smtp::{Body, Notify, Ret};

fn parse(line: &str) -> Result<Command, SyntaxError> {
    Command::parse(line.as_bytes(), "here.example")
}

#[test]
fn commands_without_arguments() {
    for (line, command) in [
        ("DATA", Command::Data),
        ("data ", Command::Data),
        ("RSET", Command::Rset),
        ("NOOP whatever", Command::Noop),
        ("vrfy nuno", Command::Vrfy),
        ("EXPN list", Command::Expn),
        ("HELP", Command::Help),
        ("QUIT", Command::Quit),
        ("StartTLS", Command::StartTls),
    ] {
        assert_eq!(parse(line), Ok(command), "{line}");
    }
}

#[test]
fn greetings_name_a_host() {
    for name in ["mail.example", "[192.0.2.1]", "[IPv6:2001:db8::1]", "MY_PC"] {
        assert_eq!(parse(&format!("EHLO {name}")), Ok(Command::Ehlo(name.into())));
        assert_eq!(parse(&format!("helo  {name} ")), Ok(Command::Helo(name.into())));
    }
    for bad in ["EHLO", "HELO ", "EHLO a b", "EHLO a(b)", "EHLO é"] {
        assert_eq!(parse(bad), Err(SyntaxError::Domain), "{bad}");
    }
    assert_eq!(parse(&format!("EHLO {}", "x".repeat(256))), Err(SyntaxError::Domain));
}

#[test]
fn mail_with_every_parameter() {
    let line = "MAIL FROM:<nuno@contoso.com> SIZE=1024 body=8bitmime SMTPUTF8 RET=HDRS ENVID=a+2Bb AUTH=<>";
    let Ok(Command::Mail(mail)) = parse(line) else { panic!("refused") };
    assert_eq!(mail.sender.unwrap().as_str(), "nuno@contoso.com");
    assert_eq!((mail.size, mail.body, mail.smtputf8), (Some(1024), Body::EightBitMime, true));
    assert_eq!((mail.ret, mail.envid.as_deref()), (Some(Ret::Headers), Some("a+2Bb")));
    assert_eq!(mail.auth.as_deref(), Some("<>"));
}

#[test]
fn rcpt_with_every_parameter() {
    let line = "RCPT TO:<ana@contoso.com> NOTIFY=success,DELAY ORCPT=rfc822;ana+2Bx@contoso.com";
    let Ok(Command::Rcpt(rcpt)) = parse(line) else { panic!("refused") };
    assert_eq!(rcpt.notify, Some(Notify { success: true, failure: false, delay: true }));
    assert_eq!(rcpt.orcpt.as_deref(), Some("rfc822;ana+2Bx@contoso.com"));
}

#[test]
fn senders_and_recipients() {
    for (line, address) in [
        ("MAIL FROM:<>", None),
        ("mail from: <a@b>", Some("a@b")),
        ("MAIL FROM:a@b", Some("a@b")),
        ("MAIL FROM:<@relay.example:a@b>", Some("a@b")),
        ("MAIL FROM:<\"a b\"@c>", Some("\"a b\"@c")),
    ] {
        let Ok(Command::Mail(mail)) = parse(line) else { panic!("{line}") };
        assert_eq!(mail.sender.as_ref().map(|a| a.as_str()), address, "{line}");
    }
    for (line, address) in [
        ("RCPT TO:<postmaster>", "postmaster@here.example"),
        ("RCPT TO:<@a,@b:u@d>", "u@d"),
        ("RCPT TO:<victim%ext.example@here.example>", "victim%ext.example@here.example"),
        ("RCPT TO:<ext.example!victim@here.example>", "ext.example!victim@here.example"),
        ("RCPT TO:<u@[192.0.2.1]>", "u@[192.0.2.1]"),
    ] {
        let Ok(Command::Rcpt(rcpt)) = parse(line) else { panic!("{line}") };
        assert_eq!(rcpt.address.as_str(), address);
    }
}

#[test]
fn what_is_refused_and_how() {
    use SyntaxError::{Arguments, ChunkSize, Parameter, Recipient, Sender, Unrecognized};
    for (line, error) in [
        ("", Unrecognized),
        ("FOO", Unrecognized),
        ("MAILFROM:<a@b>", Unrecognized),
        ("DATA\t", Unrecognized),
        ("DATA x", Arguments),
        ("QUIT now", Arguments),
        ("NOOP \0", Arguments),
        ("MAIL", Arguments),
        ("MAIL TO:<a@b>", Arguments),
        ("MAIL FROM:", Sender),
        ("MAIL FROM:<a>", Sender),
        ("MAIL FROM:<a@b>SIZE=1", Sender),
        ("MAIL FROM:<a@b> SIZE", Arguments),
        ("MAIL FROM:<a@b> SIZE=-1", Arguments),
        ("MAIL FROM:<a@b> SIZE=99999999999999999999", Arguments),
        ("MAIL FROM:<a@b> SIZE=1 SIZE=1", Arguments),
        ("MAIL FROM:<a@b> BODY=9BIT", Arguments),
        ("MAIL FROM:<a@b> SMTPUTF8=yes", Arguments),
        ("MAIL FROM:<a@b> FOO=1", Parameter),
        ("RCPT TO:<>", Recipient),
        ("RCPT TO:<nuno>", Recipient),
        ("RCPT TO:<a@b> NOTIFY=NEVER,SUCCESS", Arguments),
        ("RCPT TO:<a@b> NOTIFY=", Arguments),
        ("RCPT TO:<a@b> ORCPT=rfc822", Arguments),
        ("RCPT TO:<a@b> SIZE=1", Parameter),
        ("AUTH", Arguments),
        ("AUTH PLAIN a b", Arguments),
        ("BDAT", ChunkSize),
        ("BDAT -1", ChunkSize),
        ("BDAT 10 FIRST", ChunkSize),
        ("BDAT 9999999999999999999", ChunkSize),
    ] {
        assert_eq!(parse(line), Err(error), "{line}");
    }
    assert_eq!(Command::parse(b"MAIL FROM:<\xff@b>", ""), Err(Arguments));
}

#[test]
fn auth_and_bdat() {
    let auth = |initial: Option<&str>| {
        Ok(Command::Auth { mechanism: "PLAIN".into(), initial: initial.map(str::to_owned) })
    };
    assert_eq!(parse("AUTH plain"), auth(None));
    assert_eq!(parse("AUTH PLAIN ="), auth(Some("=")));
    assert_eq!(parse("auth Plain AGEAYg=="), auth(Some("AGEAYg==")));
    assert_eq!(parse("BDAT 0"), Ok(Command::Bdat { size: 0, last: false }));
    assert_eq!(parse("bdat 86 last"), Ok(Command::Bdat { size: 86, last: true }));
}

proptest! {
    #[test]
    fn never_panics(line: Vec<u8>) {
        let _ = Command::parse(&line, "here.example");
    }

    #[test]
    fn never_panics_near_the_grammar(
        verb in "(MAIL FROM:|RCPT TO:|AUTH |BDAT |EHLO )",
        rest in "[<>@\",:\\\\ a-zA-Z0-9=+.;é\u{0}-]{0,60}",
    ) {
        let _ = parse(&format!("{verb}{rest}"));
    }
}
