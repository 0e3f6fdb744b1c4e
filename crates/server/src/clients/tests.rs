//! Clients at one server whose mailbox is on another: everything they notice, and that is nothing as long as it lives.

mod house;

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use house::{House, PASSWORD};

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(240), test).await.expect("hangs") });
}

const MESSAGE: &str = "Subject: hello\r\n\r\nto everybody\r\n";

fn append(tag: &str) -> String {
    format!("{tag} APPEND INBOX {{{}+}}\r\n{MESSAGE}\r\n", MESSAGE.len())
}

#[test]
fn imap_at_another_server_is_imap() {
    run(async {
        let house = House::new().await;
        let [front, back] = &house.servers;
        let mut client = front.imap().await;
        // All at once: what comes after the log-on is for the other server.
        let login = format!("a0 ID (\"name\" \"mutt\")\r\na1 LOGIN nuno \"{PASSWORD}\"\r\n");
        client.say(&format!("{login}{}a3 SELECT INBOX\r\na4 FETCH 1 BODY[]\r\n", append("a2"))).await;
        client.until("a0 OK").await;
        let logged_on = client.expect("a1 OK [CAPABILITY IMAP4rev1").await;
        assert!(!logged_on.contains("AUTH="), "{logged_on}");
        client.expect("a2 OK [APPENDUID").await;
        assert!(client.until("a3 OK").await.contains(&"* 1 EXISTS\r\n".to_owned()));
        assert!(client.until("a4 OK").await.concat().contains(MESSAGE));

        client.say("a5 IDLE\r\n").await;
        client.until("+ idling").await;
        let mut other = back.imap_as("nuno").await;
        other.say(&append("b1")).await;
        other.expect("b1 OK").await;
        client.expect("* 2 EXISTS").await;
        client.say("DONE\r\na6 LOGOUT\r\n").await;
        client.until("a5 OK").await;
        client.expect("* BYE").await;
        client.ends_with("a6 OK").await;
    });
}

#[test]
fn every_way_to_log_on_leads_there() {
    run(async {
        let house = House::new().await;
        let front = &house.servers[0];
        let base64 = |text: &str| BASE64_STANDARD.encode(text);
        let plain = base64(&format!("\0ana\0{PASSWORD}"));
        let (user, password) = (base64("ana"), base64(PASSWORD));
        for conversation in [
            vec![format!("a AUTHENTICATE PLAIN {plain}\r\na NOOP\r\n")],
            vec!["a AUTHENTICATE PLAIN\r\n".into(), format!("{plain}\r\n")],
            vec!["a AUTHENTICATE LOGIN\r\n".into(), format!("{user}\r\n"), format!("{password}\r\n")],
        ] {
            let mut client = front.imap().await;
            for (nth, line) in conversation.iter().enumerate() {
                if nth > 0 {
                    client.expect("+ ").await;
                }
                client.say(line).await;
            }
            client.expect("a OK [CAPABILITY").await;
            client.say("a LOGOUT\r\n").await;
            client.until("* BYE").await;
        }
        for conversation in [
            vec![format!("USER ana\r\nPASS {PASSWORD}\r\n")],
            vec![format!("AUTH PLAIN {plain}\r\n")],
            vec!["AUTH LOGIN\r\n".into(), format!("{user}\r\n"), format!("{password}\r\n")],
        ] {
            let mut client = front.pop3().await;
            for (nth, line) in conversation.iter().enumerate() {
                if nth > 0 {
                    client.expect("+ ").await;
                }
                client.say(line).await;
            }
            client.until("+OK 0 messages").await;
            client.say("STAT\r\nQUIT\r\n").await;
            client.expect("+OK 0 0").await;
            client.ends_with("+OK Goodbye").await;
        }
    });
}

#[test]
fn refusals_come_from_where_they_belong_and_sessions_are_counted_in_one_place() {
    run(async {
        let house = House::new().await;
        let [front, back] = &house.servers;
        let mut client = front.imap().await;
        client.say("a LOGIN nuno wrong\r\n").await;
        client.expect("a NO [AUTHENTICATIONFAILED]").await;
        let mut open = Vec::new();
        for _ in 0..8 {
            open.push(front.imap_as("nuno").await);
            open.push(back.imap_as("nuno").await);
        }
        client.say(&format!("b LOGIN nuno \"{PASSWORD}\"\r\n")).await;
        client.expect("b NO [LIMIT]").await;
        // The session is as before.
        client.say("c NOOP\r\n").await;
        client.expect("c OK").await;
        // Room that another server's client leaves is room here.
        open.remove(0);
        loop {
            let mut client = back.imap().await;
            client.say(&format!("d LOGIN nuno \"{PASSWORD}\"\r\n")).await;
            let answer = client.line().await.unwrap();
            if answer.starts_with("d OK") {
                break;
            }
            assert!(answer.starts_with("d NO [LIMIT]"), "{answer}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
}

#[test]
fn a_server_that_is_lost_ends_its_sessions_and_log_ons_say_try_again() {
    run(async {
        let house = House::new().await;
        let front = &house.servers[0];
        let (imap, mut idle, pop3) =
            (front.imap_as("nuno").await, front.imap_as("nuno").await, front.pop3_as("ana").await);
        idle.say("a SELECT INBOX\r\nb IDLE\r\n").await;
        idle.until("+ idling").await;
        house.cut();
        imap.ends_with("* BYE [UNAVAILABLE]").await;
        idle.ends_with("* BYE [UNAVAILABLE]").await;
        pop3.ends_with("-ERR [SYS/TEMP]").await;

        let (mut imap, mut pop3) = (front.imap().await, front.pop3().await);
        imap.say(&format!("a LOGIN nuno \"{PASSWORD}\"\r\nb NOOP\r\n")).await;
        pop3.say(&format!("USER ana\r\nPASS {PASSWORD}\r\nNOOP\r\n")).await;
        imap.expect("a NO [UNAVAILABLE]").await;
        imap.expect("b OK").await;
        pop3.expect("+OK").await;
        pop3.expect("-ERR [SYS/TEMP]").await;
        pop3.expect("-ERR Authenticate first").await;
    });
}

#[test]
fn a_server_that_stops_says_goodbye_through_the_other() {
    run(async {
        let house = House::new().await;
        let [front, back] = &house.servers;
        let (client, pop3) = (front.imap_as("nuno").await, front.pop3_as("nuno").await);
        back.stop();
        client.ends_with("* BYE Server shutting down").await;
        pop3.ends_with("-ERR [SYS/TEMP]").await;
    });
}

#[test]
fn a_database_that_is_dismounted_ends_its_sessions_at_once() {
    run(async {
        let house = House::new().await;
        let [front, back] = &house.servers;
        let mut ends = Vec::new();
        for server in [front, back] {
            let waiting = server.imap_as("nuno").await;
            let mut idle = server.imap_as("nuno").await;
            idle.say("a SELECT INBOX\r\nb IDLE\r\n").await;
            idle.until("+ idling").await;
            ends.extend([waiting, idle].map(|client| (client, "* BYE [UNAVAILABLE]")));
            ends.push((server.pop3_as("ana").await, "-ERR [SYS/TEMP]"));
        }
        house.dismount(1).await;
        for (client, end) in ends {
            client.ends_with(end).await;
        }
    });
}

#[test]
fn a_long_answer_ends_when_its_database_does() {
    run(async {
        let house = House::new().await;
        let back = &house.servers[1];
        let mut writer = back.imap_as("nuno").await;
        let body = "0123456789abcdef".repeat(8 << 10);
        let message = format!("Subject: long\r\n\r\n{body}\r\n");
        for nth in 0..40 {
            writer.say(&format!("a{nth} APPEND INBOX {{{}+}}\r\n{message}\r\n", message.len())).await;
            writer.expect(&format!("a{nth} OK")).await;
        }
        for server in &house.servers {
            let mut reader = server.imap_as("nuno").await;
            reader.say("a SELECT INBOX\r\nb FETCH 1:* BODY[]\r\n").await;
            reader.until("* 1 FETCH").await;
            house.dismount(1).await;
            let mut lines = Vec::new();
            while let Some(line) = reader.line().await {
                assert!(!line.starts_with("b "), "{line}");
                lines.push(line);
            }
            assert!(lines.last().unwrap().starts_with("* BYE [UNAVAILABLE]"), "{:?}", lines.last());
            assert!(lines.iter().filter(|line| line.contains(" FETCH (")).count() < 39, "all was sent");
            house.mount(1).await;
        }
    });
}

#[test]
fn a_log_on_during_a_failover_takes_a_little_longer() {
    run(async {
        let house = House::new().await;
        let [front, back] = &house.servers;
        let mut before = front.imap_as("nuno").await;
        before.say(&append("a")).await;
        before.expect("a OK").await;
        house.dismount(1).await;
        before.ends_with("* BYE [UNAVAILABLE]").await;
        // Both still believe that the second has it.
        let mut clients = [front.imap().await, front.imap().await];
        for client in &mut clients {
            client.say(&format!("b LOGIN nuno \"{PASSWORD}\"\r\nc SELECT INBOX\r\n")).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        house.mount(0).await;
        for client in &mut clients {
            client.expect("b OK").await;
            assert!(client.until("c OK").await.contains(&"* 1 EXISTS\r\n".to_owned()));
        }
        // And the other way round from now on.
        let mut other = back.pop3_as("nuno").await;
        other.say("STAT\r\n").await;
        other.expect("+OK 1 ").await;
    });
}

#[test]
fn servers_that_each_believe_the_other_has_it_send_nobody_in_circles() {
    run(async {
        let house = House::new().await;
        let [front, _] = &house.servers;
        // The second has it, but believes that the first has.
        house.say_active(1, 0).await;
        let mut client = front.imap().await;
        client.say(&format!("a LOGIN nuno \"{PASSWORD}\"\r\n")).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        house.say_active(1, 1).await;
        client.expect("a OK").await;
    });
}
