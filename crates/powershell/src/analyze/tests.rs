//! What analysis says of the scripts administrators have.

use std::io;

use super::*;
use crate::{
    cmdlet::{ErrorRecord, Invocation, Streams},
    facts::Facts,
};

static FACTS: Facts = Facts::new("Example", include_str!("../../../cmdlets/data/cmdlets.jsonl"));

/// Knows everything; mailboxes are built, but for one parameter.
struct Known;

impl CommandSource for Known {
    fn find(&self, name: &str) -> Option<Arc<CommandInfo>> {
        FACTS.find(name).map(Arc::new)
    }
    fn names(&self) -> Vec<Arc<str>> {
        FACTS.names().map(Arc::from).collect()
    }
    fn invoke(&self, call: &Invocation, _: &mut dyn Streams) -> Result<(), ErrorRecord> {
        Err(ErrorRecord::not_implemented(&call.command.name))
    }
    fn is_built(&self, command: &str, parameter: Option<&str>) -> bool {
        command.ends_with("Mailbox") && parameter != Some("Archive")
    }
}

/// Two files beside the scripts.
struct Beside;

impl Files for Beside {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        match path {
            "in/lib.ps1" => Ok(b". .\\deeper.ps1; function Get-Own($Name, [switch]$All) { }".to_vec()),
            "in/deeper.ps1" => Ok(b"function Deep { } ; Set-Alias gx Get-Mailbox".to_vec()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
    fn write(&self, _: &str, _: &[u8], _: bool) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }
    fn exists(&self, _: &str) -> bool {
        false
    }
}

fn report(text: &str) -> Report {
    Analyzer::new(Arc::new(Known)).with_files(Arc::new(Beside)).analyze("in/script.ps1", text)
}

/// `line:column command status`, of those that do not run.
fn problems(text: &str) -> Vec<String> {
    let report = report(text);
    let bad = report.statements.iter().filter(|finding| finding.status != Status::Runs);
    bad.map(|f| format!("{}:{} {} {}", f.line, f.column, f.command, f.status.text())).collect()
}

fn message(text: &str) -> String {
    let report = report(text);
    let bad = report.statements.iter().find(|finding| finding.status != Status::Runs);
    bad.map_or_else(String::new, |finding| finding.message.clone())
}

#[test]
fn what_runs() {
    for text in [
        "",
        "Get-Mailbox",
        "Mailbox nuno",
        "Get-Mailbox -Filter $filter -ResultSize $(if ($all) { 'Unlimited' } else { 10 })",
        "Get-Mailbox | Set-Mailbox -Alias x",
        "Set-Mailbox @parameters",
        "Set-Mailbox –Identity “nuno” –ForwardingAddress ‘ana’",
        "$p = @{ Identity = 'nuno' }; $p.Alias = 'x'; Set-Mailbox @p",
        "$p = @{ Alias = 'nuno' }; if ($x) { $p.Add('Identity', 'nuno') }; Set-Mailbox @p",
        "Get-Mailbox | ForEach { Set-Mailbox $_.Identity -Alias $_.Name }",
        "Get-Mailbox | ? { $_.Name -like 'a*' } | ft Name, Alias -AutoSize",
        "function Do-It([string]$Name) { Get-Mailbox $Name }; Do-It nuno; Do-It -Name ana; Do-It ana -Loud",
        "Later 1; function Later { Get-Mailbox }",
        "Set-Alias gmb Get-Mailbox; gmb nuno",
        "New-Alias -Name gmb -Value Get-Mailbox; gmb nuno",
        ". .\\lib.ps1; Get-Own -All nuno; Deep; gx",
        ". $PSScriptRoot\\lib.ps1; Get-Own",
        "& { param($x) Get-Mailbox $x } nuno",
        "& $command -Whatever 1",
        "[string]$x = [DateTime]::Now; [Math]::Max(1, 2)",
        "\"Mailboxes: $((Get-Mailbox).Count)\"",
        "try { Get-Mailbox x -ErrorAction Stop } catch [System.Exception] { Write-Warning $_ } finally { }",
        "Get-Mailbox -WhatIf:$false -ea 0 2>$null > out.txt",
        "Set-Mailbox nuno -EmailAddresses @{ Add = 'a@x.test', $other }",
    ] {
        let bad = problems(text);
        let expected: &[String] =
            if text.contains("WhatIf:$false") { &["1:1 Get-Mailbox bind-error".to_owned()] } else { &[] };
        assert_eq!(bad, expected, "{text}: {}", message(text));
    }
}

#[test]
fn what_does_not() {
    for (text, expected) in [
        ("Get-Mailbox\n  Get-MailboxDatabase DB01", "2:3 Get-MailboxDatabase not-built"),
        ("Get-Mailbox -Archive", "1:1 Get-Mailbox not-built"),
        ("Get-Nothing", "1:1 Get-Nothing not-built"),
        ("ping localhost", "1:1 ping not-built"),
        ("Get-Mailbox -Fooo 1", "1:1 Get-Mailbox bind-error"),
        ("Set-Mailbox -Alias x", "1:1 Set-Mailbox bind-error"),
        ("$p = @{ Alias = 'x' }; Set-Mailbox @p", "1:24 Set-Mailbox bind-error"),
        ("$p = @{ Identity = 'x'; Nope = 1 }; Set-Mailbox @p", "1:37 Set-Mailbox bind-error"),
        ("Set-Mailbox nuno -HiddenFromAddressListsEnabled yes", "1:1 Set-Mailbox bind-error"),
        ("Get-Mailbox | % { if ($_) { \"$(Get-Queue)\" } }", "1:32 Get-Queue not-built"),
        ("function F([Parameter(Mandatory)]$A) { }; F", "1:43 F bind-error"),
        ("function F { [CmdletBinding()] param($A) }; F -B 1", "1:45 F bind-error"),
        ("$x = [System.Net.Mail.SmtpClient]::new()", "1:6 [System.Net.Mail.SmtpClient] not-built"),
        ("Get-Mailbox |\n  Where {", "2:10  parse-error"),
        ("Get-Date | Get-Queue", "1:12 Get-Queue not-built"),
        ("$a = @(Get-Queue); foreach ($q in Get-Queue) { }", "1:8 Get-Queue not-built"),
    ] {
        assert_eq!(problems(text).first().map(String::as_str), Some(expected), "{text}");
    }
    let both = problems("$a = @(Get-Queue); foreach ($q in Get-Queue) { }");
    assert_eq!(both.len(), 2);
}

#[test]
fn imported_commands_are_known_by_their_prefix() {
    assert_eq!(problems("Import-PSSession $s -Prefix Far; Get-FarMailbox nuno"), [""; 0]);
    assert_eq!(problems("Import-PSSession $s -Pre:Far; Get-FarQueue"), ["1:31 Get-FarQueue not-built"]);
    assert_eq!(problems("Import-PSSession $s; Get-FarMailbox")[..], ["1:22 Get-FarMailbox not-built"]);
}

#[test]
fn messages_say_what_to_do() {
    for (text, expected) in [
        ("Get-Mailbx", "Did you mean Get-Mailbox?"),
        ("Get-Mailbox -ResultSiz 1 -Databse x", "Did you mean -Database?"),
        ("Get-Mailbox -Archive", "its parameter -Archive not yet"),
        ("Get-Mailbox nuno -Arbitration $true", "-Arbitration is a switch: write -Arbitration"),
        ("Get-Queue", "Get-Queue is known but not built yet."),
        ("Connect-ExchangeServer -auto", "Leave it out"),
        ("function Get-Thing {}; Get-Thingy", "the script's own Get-Thing?"),
        ("Import-Module ActiveDirectory; Get-Wombat", "may bring it"),
        (".\\other.ps1 -X 1", "analyze it, too"),
        ("Get-Mailbox |", "The file ends before"),
        ("ipconfig /all", "programs of the operating system aren't called"),
    ] {
        let said = message(text);
        assert!(said.contains(expected), "{text}: {said}");
    }
}

#[test]
fn positions_are_of_characters() {
    assert_eq!(problems("\u{feff}'é' ; Get-Queue"), ["1:7 Get-Queue not-built"]);
    assert_eq!(problems("1\r\n\r\n\tGet-Queue"), ["3:2 Get-Queue not-built"]);
}

#[test]
fn thousands_of_lines_take_no_time() {
    let line = "Get-Mailbox -Identity $x -ResultSize 10 | Where { $_.Alias -eq 'a' } | Set-Mailbox -Alias $y; Gt-Mailbx1\n";
    let report = report(&line.repeat(3000));
    assert_eq!(report.statements.len(), 12_000);
    assert_eq!(report.statements.last().map(|finding| finding.line), Some(3000));
}
