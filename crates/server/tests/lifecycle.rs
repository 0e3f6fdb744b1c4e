//! The binary as an administrator runs it: setup, serve, a second instance, stopping, starting again.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use xtask::server::{self, Launch, Server};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);
const PASSWORD: &str = "correct horse battery";

fn rialto() -> Command {
    let mut command = Command::new(server::named_or(env!("CARGO_BIN_EXE_rialto")));
    command.env_remove("RIALTO_DATA").env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// Runs to the end with these lines on standard input.
fn run(command: &mut Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What a command that must succeed prints.
fn succeeds(command: &mut Command, input: &str) -> String {
    let output = run(command, input);
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// What a command that must fail says of it.
fn fails(command: &mut Command, input: &str) -> String {
    let output = run(command, input);
    assert!(!output.status.success(), "{command:?}: {}", text(&output.stdout));
    text(&output.stderr)
}

fn setup(data: &Path, ports: u16) -> Command {
    let mut command = rialto();
    command.args(["setup", "--listen", "127.0.0.1", "--ports-from", &ports.to_string(), "--data"]).arg(data);
    command
}

/// A running `rialto serve`.
struct Serving {
    child: Child,
    data: PathBuf,
    ports: u16,
}

impl Serving {
    /// Starts it and waits until IMAP, the last of its own ports to be bound but HTTPS, answers.
    fn start(data: &Path, ports: u16) -> Self {
        let log = std::fs::File::options().create(true).append(true).open(data.join("test.log")).unwrap();
        let child = rialto().args(["serve", "--data"]).arg(data).stderr(log).spawn().unwrap();
        let serving = Self { child, data: data.to_owned(), ports };
        let began = Instant::now();
        while !data.join("admin.sock").exists() || TcpStream::connect(("127.0.0.1", serving.imap())).is_err()
        {
            assert!(began.elapsed() < PATIENCE, "{}", server::tail_of(&data.join("test.log"), 20));
            std::thread::sleep(Duration::from_millis(20));
        }
        serving
    }

    fn imap(&self) -> u16 {
        self.ports + 2
    }

    fn shell(&self, command: &str) -> String {
        succeeds(rialto().args(["shell", "--data"]).arg(&self.data).args(["-Command", command]), "")
    }

    fn terminate(&self) {
        let pid = rustix::process::Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    fn ended(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            match self.child.try_wait().unwrap() {
                Some(status) => return status,
                None => assert!(began.elapsed() < PATIENCE, "it does not stop"),
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn stop(mut self) {
        self.terminate();
        assert!(self.ended().success());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// A line-based conversation.
struct Talk(BufReader<TcpStream>);

impl Talk {
    fn to(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    fn say(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }
}

/// The whole answer to a GET over plain HTTP.
fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn setup_by_flags_serve_and_a_start_on_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let (data, ports) = (folder.path().join("data"), server::free_ports().unwrap());
    let password = folder.path().join("password");
    std::fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    let mut command = setup(&data, ports);
    command.args(["--domain", "contoso.example", "--server-name", "ex01.contoso.example"]);
    command.args(["--organization", "Contoso", "--non-interactive", "--password-file"]).arg(&password);
    let said = succeeds(&mut command, "");
    assert!(said.contains("is ready for contoso.example") && said.contains("rialto serve --data"), "{said}");
    assert!(fails(&mut command, "").contains("is already set up"));

    // The password that was given opens the administrator's mailbox.
    let config = data.join("rialto.toml");
    let settings = std::fs::read_to_string(&config).unwrap();
    let plain_http = server::free_ports().unwrap();
    let listen = format!("[listen]\nallow_plaintext = true\nplain_http = {plain_http}\n");
    std::fs::write(&config, settings.replace("[listen]\n", &listen)).unwrap();
    let serving = Serving::start(&data, ports);
    let mut imap = Talk::to(serving.imap());
    assert!(imap.line().starts_with("* OK "));
    imap.say(&format!("a LOGIN administrator@contoso.example \"{PASSWORD}\"\r\n"));
    let answer = imap.line();
    assert!(answer.starts_with("a OK "), "{answer}");
    // Where it is configured, remote PowerShell does without TLS.
    let session = format!(
        "$p = ConvertTo-SecureString '{PASSWORD}' -AsPlainText -Force; $s = New-PSSession -ConnectionUri \
         http://127.0.0.1:{plain_http}/PowerShell/ -ConfigurationName Microsoft.Exchange -Authentication Basic \
         -Credential (New-Object PSCredential('administrator@contoso.example', $p)) \
         -SessionOption (New-PSSessionOption -NoEncryption); \
         (Invoke-Command -Session $s {{ Get-AcceptedDomain }}).Name"
    );
    let remote = succeeds(rialto().args(["shell", "--standalone", "-Command", &session]), "");
    assert_eq!(remote.trim(), "contoso.example");
    // And nothing else does.
    for path in ["/metrics", "/adminapi/v2.0/openapi.json", "/"] {
        let answer = get(plain_http, path);
        assert!(
            answer.starts_with("HTTP/1.1 404 ") && answer.contains("over HTTPS only"),
            "{path}: {answer}"
        );
    }
    assert!(get(plain_http, "/PowerShell/").starts_with("HTTP/1.1 405 "));
    serving.shell("New-MailContact -Name Ana -ExternalEmailAddress ana@fabrikam.example");
    let names = "(Get-ExchangeServer).Name; (Get-OrganizationConfig).Name; (Get-MailContact).Name";
    let before = serving.shell(names);
    assert_eq!(before.split_whitespace().collect::<Vec<_>>(), ["EX01", "Contoso", "Ana"]);
    serving.stop();

    let serving = Serving::start(&data, ports);
    assert_eq!(serving.shell(names), before);
    serving.stop();
}

#[test]
fn setup_by_answers() {
    let folder = tempfile::tempdir().unwrap();
    let (data, ports) = (folder.path().join("data"), server::free_ports().unwrap());
    // The second question has a suggestion, which an empty line takes.
    let said = succeeds(&mut setup(&data, ports), &format!("fabrikam.example\n\n{PASSWORD}\n"));
    assert!(
        said.contains("an MX record for fabrikam.example that points at mail.fabrikam.example"),
        "{said}"
    );
    let serving = Serving::start(&data, ports);
    let addresses = serving.shell("(Get-Mailbox).PrimarySmtpAddress");
    assert_eq!(addresses.trim(), "administrator@fabrikam.example");
    serving.stop();
}

#[test]
fn serve_says_what_is_wrong_with_its_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("rialto.toml");
    let listen = "server_name = 'mail.contoso.example'\n[listen]\naddress = '127.0.0.1'\nimap = 1\nimaps = 2\n\
                  pop3 = 3\npop3s = 4\nhttps = 5\n";
    for (line, why) in [
        (
            "Sync = ['Get-User', 'Get-Usr']",
            "the session configuration Sync shows \"Get-Usr\", which no cmdlet is called",
        ),
        ("'Microsoft.Exchange' = ['Get-User']", "Microsoft.Exchange is built in"),
        ("Sync = 'Get-User'", "line 10, column 8"),
    ] {
        std::fs::write(&config, format!("{listen}[session_configurations]\n{line}\n")).unwrap();
        let said = fails(rialto().args(["serve", "--data"]).arg(folder.path()), "");
        assert!(said.contains("rialto.toml") && said.contains(why), "{said}");
    }
}

#[test]
fn setup_says_what_is_missing_or_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut command = setup(&data, 20_000);
    assert!(fails(&mut command, "").contains("--domain is needed"));
    assert!(fails(command.arg("--non-interactive"), "contoso.example\n").contains("--domain is needed"));
    command.args(["--domain", "contoso.example"]);
    assert!(fails(&mut command, "").contains("--password-file"));
    command.args(["--password-file", "-"]);
    assert!(fails(&mut command, "short\n").contains("at least 8 characters"));
    assert!(fails(&mut command, "").contains("at least 8 characters"));
    let unfit = fails(&mut setup(&data, 20_000), "not a domain\n");
    assert!(unfit.contains("not a domain"), "{unfit}");
    let unprepared = fails(rialto().args(["serve", "--data"]).arg(&data), "");
    assert!(unprepared.contains("is not a data folder yet: run `rialto setup"), "{unprepared}");
    let no_server = fails(rialto().args(["shell", "-Command", "1", "--data"]).arg(&data), "");
    assert!(no_server.contains("rialto serve"), "{no_server}");
}

#[test]
fn a_second_instance_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let binary = server::named_or(env!("CARGO_BIN_EXE_rialto"));
    let running = Server::start(Launch::new(&binary, folder.path()).unwrap()).unwrap();
    let data = &running.launch().data;
    for verb in ["quickstart", "serve", "setup"] {
        let mut command = rialto();
        command.args([verb, "--data"]).arg(data);
        if verb == "setup" {
            command.arg("--non-interactive");
        }
        let said = fails(&mut command, "");
        let expected = format!("another rialto is already running on {}", data.display());
        assert!(said.contains(&expected), "{verb}: {said}");
    }
    // Nor was the one that runs disturbed.
    succeeds(rialto().args(["shell", "--data"]).arg(data).args(["-Command", "Get-Mailbox"]), "");
    // Another folder, but the same ports: that is said too.
    let ports = running.launch().ports_from.to_string();
    let other = folder.path().join("other");
    let said = fails(rialto().args(["quickstart", "--ports-from", &ports, "--data"]).arg(other), "");
    assert!(said.contains("cannot listen on 127.0.0.1:"), "{said}");
}

#[test]
fn every_subcommand_explains_itself() {
    let overview = succeeds(rialto().arg("--help"), "");
    let listed = overview.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    // A long description goes on in lines that are indented further.
    let verbs = listed.map_while(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let verbs: Vec<&str> = verbs.filter_map(|line| line.split_whitespace().next()).collect();
    for expected in ["quickstart", "setup", "serve", "shell", "completions", "systemd-unit"] {
        assert!(verbs.contains(&expected), "{expected}: {overview}");
    }
    for verb in verbs.iter().filter(|verb| **verb != "help") {
        let help = succeeds(rialto().args([verb, "--help"]), "");
        assert!(help.contains(&format!("Usage: rialto {verb}")), "{help}");
        // Every option says what it does.
        let options = help.lines().skip_while(|line| !line.starts_with("Options:")).skip(1);
        let options: Vec<&str> =
            options.take_while(|line| line.is_empty() || line.starts_with(' ')).collect();
        assert!(!options.is_empty(), "{help}");
        for (option, next) in options.iter().zip(options.iter().skip(1).chain([&""])) {
            if option.trim_start().starts_with("--") {
                let said = option.trim_start().split_once("  ").is_some() || !next.trim().is_empty();
                assert!(said, "{verb}: {option}");
            }
        }
    }
    assert!(fails(rialto().arg("no-such-verb"), "").contains("Usage: rialto"));
    assert!(
        succeeds(rialto().args(["systemd-unit", "--data", "/srv/mail"]), "").contains("--data /srv/mail")
    );
    assert!(succeeds(rialto().args(["completions", "bash"]), "").contains("quickstart"));
}

#[test]
fn a_stop_says_goodbye_to_open_connections() {
    let folder = tempfile::tempdir().unwrap();
    let (data, ports) = (folder.path().join("data"), server::free_ports().unwrap());
    let mut command = setup(&data, ports);
    command.args(["--domain", "contoso.example", "--password-file", "-", "--non-interactive"]);
    succeeds(&mut command, &format!("{PASSWORD}\n"));
    let mut serving = Serving::start(&data, ports);
    let mut imap = Talk::to(serving.imap());
    assert!(imap.line().starts_with("* OK "));
    let mut smtp = Talk::to(ports);
    assert!(smtp.line().starts_with("220 "));
    smtp.say("EHLO client.example\r\n");
    while !smtp.line().starts_with("250 ") {}
    let asked = Instant::now();
    serving.terminate();
    assert_eq!(imap.line(), "* BYE Server shutting down\r\n");
    let goodbye = smtp.line();
    assert!(goodbye.starts_with("421 4.3.2 "), "{goodbye}");
    let mut rest = Vec::new();
    assert_eq!(imap.0.read_to_end(&mut rest).unwrap(), 0);
    drop((imap, smtp));
    assert!(serving.ended().success());
    assert!(asked.elapsed() < Duration::from_secs(20));
    assert!(TcpStream::connect(("127.0.0.1", serving.imap())).is_err());
}

#[test]
fn quickstart_prints_what_automation_needs_and_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let (data, ports) = (folder.path().join("data"), server::free_ports().unwrap());
    let start = || {
        let mut command = rialto();
        command.args(["quickstart", "--json", "--ports-from", &ports.to_string(), "--data"]).arg(&data);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
        (Serving { child, data: data.clone(), ports }, ready)
    };
    let (serving, first) = start();
    let keys: BTreeSet<&str> = first.as_object().unwrap().keys().map(String::as_str).collect();
    for listener in ["smtp", "submission", "imap", "imaps", "pop3", "https"] {
        let address = first[listener].as_str().unwrap();
        assert!(TcpStream::connect(address).is_ok(), "{listener} {address}");
    }
    assert!(keys.is_superset(&BTreeSet::from(["certificate", "admin", "mailboxes"])), "{keys:?}");
    let certificate = std::fs::read_to_string(first["certificate"].as_str().unwrap()).unwrap();
    assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----"));
    for account in first["mailboxes"].as_array().unwrap().iter().chain([&first["admin"]]) {
        assert!(account["address"].as_str().unwrap().ends_with("@rialto.test"));
        assert!(account["password"].as_str().unwrap().len() >= 12);
    }
    assert_eq!(first["mailboxes"].as_array().unwrap().len(), 2);
    serving.shell("New-MailContact -Name Rui -ExternalEmailAddress rui@fabrikam.example");
    serving.stop();
    let (serving, second) = start();
    assert_eq!(first, second, "addresses, passwords and certificate stay");
    assert_eq!(serving.shell("(Get-MailContact).Name").trim(), "Rui");
    serving.stop();
}
