//! Sessions, imported commands and remote pipelines as an administrator uses them, against a server in memory.
#![expect(clippy::unwrap_used, reason = "tests")]

mod server;

use std::sync::Arc;

use powershell::{
    ErrorRecord, Flow, Runspace, Streams, Value,
    cmdlet::{Collected, NoCommands, Progress},
    remote::Answer,
};
use server::Server;

const OPEN: &str = "$c = New-Object PSCredential('nuno', (ConvertTo-SecureString secret -AsPlainText -Force)); \
                    $s = New-PSSession -ConfigurationName Microsoft.Exchange -ConnectionUri \
                    https://mail.example.com/PowerShell/ -Credential $c -Authentication Basic -AllowRedirection; ";

fn exchange() -> Arc<Server> {
    Arc::new(Server::with(&[
        ("Get-Mailbox", &["Identity", "ResultSize", "ErrorAction"]),
        ("Set-Mailbox", &["Identity", "Quota", "Force?", "WhatIf", "Confirm"]),
        ("Test-Streams", &["Verbose", "Debug"]),
        ("Test-Secret", &["Password"]),
        ("Test-Endless", &[]),
        ("Test-Question", &[]),
        ("Get-Date", &["Format"]),
        ("Get-Command", &[]),
        ("Bad;Name", &[]),
    ]))
}

fn shell(server: &Arc<Server>) -> Runspace {
    Runspace::new(Arc::new(NoCommands)).with_remoting(server.clone())
}

/// What a fresh shell says after it has opened a session.
fn run(server: &Arc<Server>, text: &str) -> Collected {
    said(&mut shell(server), &format!("{OPEN}{text}"))
}

fn said(shell: &mut Runspace, text: &str) -> Collected {
    let mut out = Collected::default();
    shell.run(text, &mut out);
    out
}

fn texts(values: &[Value]) -> Vec<String> {
    values.iter().map(Value::to_string).collect()
}

fn ids(out: &Collected) -> Vec<String> {
    out.errors.iter().map(|error| error.fully_qualified_id()).collect()
}

#[test]
fn a_session_opens_is_listed_and_is_closed() {
    let server = exchange();
    let mut shell = shell(&server);
    let out = said(
        &mut shell,
        &format!(
            "{OPEN} Get-PSSession | % {{ \"$($_.Id) $($_.ComputerName) $($_.State) \
        $($_.ConfigurationName) $($_.Availability)\" }}; Disconnect-PSSession $s | % {{ \"$($_.State)\" }}; \
        Connect-PSSession -Id 1 | % {{ \"$($_.State)\" }}; Remove-PSSession $s; \"$($s.State)\"; @(Get-PSSession).Count"
        ),
    );
    assert_eq!(out.errors, []);
    let expected =
        ["1 mail.example.com Opened Microsoft.Exchange Available", "Disconnected", "Opened", "Closed", "0"];
    assert_eq!(texts(&out.output), expected);
    assert_eq!(server.log(), ["create Microsoft.Exchange", "delete"]);
}

#[test]
fn a_shell_that_ends_closes_its_sessions() {
    let server = exchange();
    run(&server, "");
    assert_eq!(server.log(), ["create Microsoft.Exchange", "delete"]);
}

#[test]
fn commands_are_imported_and_run_on_the_server() {
    let server = exchange();
    let out = run(
        &server,
        "Import-PSSession $s -DisableNameChecking | Out-Null; Get-Mailbox nuno -Res 3 -ErrorAction Stop \
        | % { \"$($_.Name) $($_.PSObject.TypeNames[0])\" }; Get-Command Get-Mailbox | % { $_.CommandType }",
    );
    assert_eq!(out.errors, []);
    let name = "Deserialized.Microsoft.Exchange.Data.Directory.Management.Mailbox";
    let expected =
        [format!("user0 {name}"), format!("user1 {name}"), format!("user2 {name}"), "Function".into()];
    assert_eq!(texts(&out.output), expected);
    assert_eq!(server.log()[1], "Get-Mailbox {-ResultSize:=Int(3)} {=nuno} {-ErrorAction:=Stop}");
    assert_eq!(
        out.warnings,
        [
            "Proxy creation has been skipped for the following command: 'Get-Date', because it would shadow an existing \
          local command.  Use the AllowClobber parameter if you want to shadow existing local commands."
        ]
    );
}

#[test]
fn imports_have_prefixes_and_go_with_their_session() {
    let server = exchange();
    let out = run(
        &server,
        "$m = Import-PSSession $s -Prefix On -CommandName Get-Mailbox, Get-Date -AllowClobber; \
        $m.ExportedCommands; @(Get-OnMailbox).Count; Get-Module $m.Name | % { $_.ModuleType }; \
        Remove-PSSession $s; Get-OnMailbox",
    );
    assert_eq!(texts(&out.output), ["Get-OnMailbox", "Get-OnDate", "3", "Script"]);
    assert_eq!(ids(&out), ["CommandNotFoundException"]);
    let out =
        run(&server, "$m = Import-PSSession $s -CommandName Set-Mailbox; Remove-Module $m; Set-Mailbox x");
    assert_eq!(ids(&out), ["CommandNotFoundException"]);
    let out = run(&server, "Import-PSSession $s -CommandName Get-Date");
    assert_eq!(ids(&out), ["ErrorNoCommandsImportedBecauseOfSkipping"]);
    let out = run(&server, "Import-PSSession $s -CommandName Nothing-Here");
    assert_eq!(ids(&out), ["ErrorNoResultsFromRemoteEnd"]);
}

#[test]
fn two_configurations_stand_side_by_side() {
    let (exchange, sync) = (exchange(), Arc::new(Server::with(&[("Get-ADSyncScheduler", &[])])));
    let mut first = shell(&exchange);
    said(&mut first, &format!("{OPEN} $null = Import-PSSession $s"));
    first = first.with_remoting(sync.clone());
    let second = OPEN.replace("$s", "$t").replace("Microsoft.Exchange", "Rialto.DirectorySync");
    let out = said(
        &mut first,
        &format!("{second} $null = Import-PSSession $t; Get-ADSyncScheduler; @(Get-Mailbox).Count"),
    );
    assert_eq!((texts(&out.output), out.errors), (vec!["3".to_owned()], vec![]));
    assert_eq!(sync.log(), ["create Rialto.DirectorySync", "Get-ADSyncScheduler"]);
}

#[test]
fn pipelines_go_in_and_come_out() {
    let server = exchange();
    let out = run(
        &server,
        "$null = Import-PSSession $s; 'a','b' | Set-Mailbox -Quota 1GB -Force -WhatIf:$false; \
        Get-Mailbox | Set-Mailbox | % Name",
    );
    assert_eq!(
        (texts(&out.output), &out.errors),
        (vec!["a".into(), "b".into(), "user0".into(), "user1".into(), "user2".into()], &vec![])
    );
    let log = server.log();
    assert_eq!(log[1], "Set-Mailbox {-Quota:=Int(1073741824)} {-Force:=Bool(true)} {-WhatIf:=Bool(false)}");
    assert_eq!(log[2..4], ["input a", "input b"]);
}

#[test]
fn every_stream_arrives() {
    let out = run(
        &exchange(),
        "$null = Import-PSSession $s; Test-Streams -Verbose -Debug -ErrorVariable e; $e.Count; \
        Invoke-Command -Session $s { Test-Failure }; 'after'",
    );
    assert_eq!(out.warnings[1..], ["careful"]);
    assert_eq!((out.verbose, out.debug), (vec!["details".to_owned()], vec!["innards".to_owned()]));
    assert_eq!(texts(&out.information), ["hello"]);
    assert_eq!(texts(&out.output), ["1", "after"]);
    let [first, second] = &out.errors[..] else { panic!("{:?}", out.errors) };
    assert_eq!(first.category_info(), "ObjectNotFound: (:) [Get-Mailbox], ManagementObjectNotFoundException");
    assert_eq!((&*first.fully_qualified_id(), &*second.message), ("NotFound,Get-Mailbox", "It is over."));
}

#[test]
fn invoke_command_sends_commands_and_scripts() {
    let server = exchange();
    let out = run(
        &server,
        "$id = 'nuno'; \
        Invoke-Command -Session $s { Get-Mailbox -Identity nuno -Force | Select-Object Name } | % { $_.PSComputerName } | select -First 1; \
        Invoke-Command -Session $s { Get-Nothing $using:id -x:5 @('a', $true) }; \
        Invoke-Command -Session $s { param($a) Get-Nothing $a } -ArgumentList 7; \
        Invoke-Command -Session $s { $x = 1; Get-Nothing $x } -ArgumentList 8; \
        Invoke-Command -ScriptBlock { 'here' }",
    );
    assert_eq!((texts(&out.output), &out.errors), (vec!["mail.example.com".into(), "here".into()], &vec![]));
    let log: Vec<String> = server.log().into_iter().filter(|line| line != "stop").collect();
    assert_eq!(log[1], "Get-Mailbox {-Identity=Nil} {=nuno} {-Force=Nil} | Select-Object {=Name}");
    assert!(log[2].starts_with("Get-Nothing {=nuno} {-x:=Int(5)} {="), "{}", log[2]);
    assert_eq!(log[3..5], ["Get-Nothing {=Int(7)}", "script $x = 1; Get-Nothing $x {=Int(8)}"]);
}

#[test]
fn secrets_travel_under_a_key() {
    let server = exchange();
    let out = run(
        &server,
        "$null = Import-PSSession $s; Test-Secret -Password (ConvertTo-SecureString hunter2 \
        -AsPlainText -Force); Test-Secret -Password (ConvertTo-SecureString again -AsPlainText -Force)",
    );
    assert_eq!((texts(&out.output), out.errors), (vec!["hunter2".to_owned(), "again".to_owned()], vec![]));
}

#[test]
fn a_pipeline_that_nobody_reads_is_stopped() {
    let server = exchange();
    let out = run(&server, "$null = Import-PSSession $s; Test-Endless | Select-Object -First 2; 'after'");
    assert_eq!((texts(&out.output), out.errors), (vec!["0".into(), "1".into(), "after".into()], vec![]));
    assert!(server.log().iter().any(|line| line == "stop"));
}

/// Somebody who presses Ctrl+C after the third object.
#[derive(Default)]
struct Pressing(Collected);

impl Streams for Pressing {
    fn output(&mut self, value: Value) -> Flow {
        self.0.output(value)
    }
    fn error(&mut self, record: ErrorRecord) -> Flow {
        self.0.error(record)
    }
    fn warning(&mut self, _: &str) {}
    fn verbose(&mut self, _: &str) {}
    fn debug(&mut self, _: &str) {}
    fn progress(&mut self, _: &Progress) {}
    fn information(&mut self, _: Value) {}
    fn stopping(&self) -> bool {
        self.0.output.len() >= 3
    }
}

#[test]
fn ctrl_c_stops_the_pipeline_on_the_server() {
    let server = exchange();
    let mut out = Pressing::default();
    let mut shell = shell(&server);
    shell.run(&format!("{OPEN}$null = Import-PSSession $s; Test-Endless; 'after'"), &mut out);
    assert_eq!(texts(&out.0.output), ["0", "1", "2"]);
    assert!(server.log().iter().any(|line| line == "stop"));
    assert_eq!(said(&mut shell, "@(Get-Mailbox).Count").output, [Value::Int(3)], "the session is as it was");
}

#[test]
fn questions_reach_nobody_here() {
    let server = exchange();
    run(&server, "$null = Import-PSSession $s; Test-Question");
    assert!(server.log().iter().any(|line| line == "answer Nil"), "an error is the answer");
}

#[test]
fn lines_run_where_one_has_entered() {
    let server = exchange();
    let mut shell = shell(&server);
    said(&mut shell, &format!("{OPEN} Enter-PSSession $s"));
    assert_eq!(shell.entered(), Some("mail.example.com"));
    assert_eq!(said(&mut shell, "Get-Mailbox").output.len(), 3);
    said(&mut shell, "if ($true) { 5 }");
    assert_eq!(server.log()[2], "script if ($true) { 5 }");
    said(&mut shell, "exit");
    assert_eq!(shell.entered(), None);
    assert_eq!(texts(&said(&mut shell, "5").output), ["5"]);
}

#[test]
fn sessions_that_do_not_open_say_why() {
    let server = exchange();
    for (find, replace, id) in [
        ("mail.example.com", "nowhere.example.com", "ComputerNotFound,PSSessionOpenFailed"),
        (
            "(ConvertTo-SecureString secret",
            "(ConvertTo-SecureString wrong",
            "AccessDenied,PSSessionOpenFailed",
        ),
        ("https://", "http://", "UnencryptedDisabled"),
        ("https://", "ftp://", "InvalidUri"),
        ("Basic", "Kerberos", "AuthenticationNotImplemented"),
        ("-Credential $c", "", "MissingCredential"),
    ] {
        let out = said(&mut shell(&server), &OPEN.replace(find, replace));
        assert_eq!(ids(&out), [id], "{replace}");
    }
    let out = said(&mut Runspace::new(Arc::new(NoCommands)), OPEN);
    assert_eq!(ids(&out), ["RemotingNotAvailable"]);
}

#[test]
fn redirections_are_followed_only_where_allowed() {
    let to = |to: &str| Answer { status: 302, location: Some(to.into()), body: Vec::new() };
    let elsewhere = Arc::new(Server::answering(to("https://nowhere.example.com/")));
    assert_eq!(ids(&said(&mut shell(&elsewhere), OPEN)), ["ComputerNotFound,PSSessionOpenFailed"]);
    let out = said(&mut shell(&elsewhere), &OPEN.replace("-AllowRedirection", ""));
    assert_eq!(ids(&out), ["URLRedirectionReported,PSSessionOpenFailed"]);
    // Never to where a password could be read, and not for ever.
    for to in [to("http://mail.example.com/"), to("https://mail.example.com/")] {
        let server = Arc::new(Server::answering(to));
        assert_eq!(ids(&said(&mut shell(&server), OPEN)), ["URLRedirectionReported,PSSessionOpenFailed"]);
    }
}

#[test]
fn nonsense_is_an_error() {
    for (status, body, id) in [
        (200, "<html/>", "ProtocolError,PSSessionOpenFailed"),
        (503, "", "HttpStatus503,PSSessionOpenFailed"),
        (500, "", "ProtocolError,PSSessionOpenFailed"),
    ] {
        let server = Arc::new(Server::answering(Answer { status, location: None, body: body.into() }));
        assert_eq!(ids(&said(&mut shell(&server), OPEN)), [id]);
    }
}
