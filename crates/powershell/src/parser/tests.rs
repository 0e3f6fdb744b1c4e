//! What parses, what does not, and that nothing hangs or panics.

use proptest::prelude::*;

use super::*;

fn parsed(text: &str) -> Result<Arc<ScriptBlock>, ParseError> {
    parse(Source { name: "".into(), text: text.into() }).map_err(|(error, _)| error)
}

#[test]
fn what_administrators_paste_parses() {
    for line in [
        "Set-ReceiveConnector –Identity \"Receive connector name\" –TransportRole FrontendTransport",
        "Set-IPBlockListProvidersConfig -BypassedRecipients @{Add=”email1”,”email2”; Remove=”email3”}",
        "Update-StoreMailboxState -Database “db_name” -Identity “mailbox_guid”",
        "Get-MailboxStatistics -Database “db_name” | ForEach {Update-StoreMailboxState -Database $_.Database \
         -Identity $_.MailboxGuid -Confirm:$False}",
        "Get-MailboxStatistics -Database “db_name” | Where {$_.DisconnectReason -ne $null } | ForEach \
         {Update-StoreMailboxState -Database $_.Database -Identity $_.MailboxGuid -Confirm:$False}",
        "Get-MailboxCalendarFolder “user”:\\Calendar",
        "$exchangeSession = New-PSSession -ConfigurationName Microsoft.Exchange -ConnectionUri \"\" -Credential \
         $O365cred -Authentication Basic -AllowRedirection",
        "Get-RemoteDomain ExternalDomain | Select DomainName, AutoDorwardEnabled",
        "if ($a -eq 1) { 'x' } elseif ($b) { 'y' } else { 'z' }",
        "$x = if ($a) { 1 } else { 2 }",
        "foreach ($m in Get-Mailbox) { $m.Name }",
        "1..10 | % { $_ * 2 } | ? { $_ -gt 5 }",
        "$h = @{ a = 1; 'b c' = 2\n c = 3 }",
        "[PSCustomObject]@{ Name = 'x'; Size = 5GB }",
        "@'\nhere 'it' is\n'@",
        "function Get-It([string]$Name = 'x', [switch]$Force) { process { $_ } }",
        "param([Parameter(Mandatory=$true, Position=0)][string[]]$Name, $B = 5)\n$Name",
        "try { throw 'x' } catch [System.Exception] { $_ } finally { 1 }",
        "switch -wildcard ($x) { 'a*' { 1 } default { 2 } }",
        "$a,$b = 1,2; $a[0].Name[1..3]; $x.Foo().Bar",
        "Get-Mailbox `\n  -ResultSize Unlimited |\n  Sort Name",
        "[math]::Round(5.55, 1); [int]'5' + 1; -not $true; !$x; -join 'a','b'",
        "\"$($a.b) and ${x y} `$z \"\"q\"\"\"",
        "& { $args } 1 2 > $null 2>&1",
        "do { $i++ } while ($i -lt 5)",
        ":outer for ($i = 0; $i -lt 3; $i++) { break outer }",
        "$x -replace 'a','b' -split ',' | select -f 1",
        "Get-X @params -Switch:$false -Other:'v' 5,6 , 7",
        "<# comment #> 1 # end",
        "",
    ] {
        assert!(parsed(line).is_ok(), "{line}: {:?}", parsed(line).unwrap_err());
    }
}

#[test]
fn what_is_wrong_is_said_as_powershell_says_it() {
    for (text, id, incomplete) in [
        ("if ($a", "MissingEndParenthesisInExpression", true),
        ("{ 1", "MissingEndCurlyBrace", true),
        ("'abc", "TerminatorExpectedAtEndOfString", true),
        ("@'\nabc", "TerminatorExpectedAtEndOfString", true),
        ("Get-X |", "EmptyPipeElement", true),
        ("Get-X | | Y", "EmptyPipeElement", false),
        ("1 +", "ExpectedValueExpression", true),
        ("1 + )", "ExpectedValueExpression", false),
        ("1 2", "UnexpectedToken", false),
        ("a && b", "InvalidEndOfLine", false),
        ("$x = ", "ExpectedValueExpression", true),
        ("1 = 2", "InvalidLeftHandSide", false),
        ("try { }", "MissingCatchOrFinally", true),
        ("function { }", "MissingNameAfterKeyword", false),
        ("@{ a = 1", "IncompleteHashLiteral", true),
        (")", "UnexpectedToken", false),
        ("1 | 2", "ExpressionsMustBeFirstInPipeline", false),
        ("a < b", "RedirectionNotSupported", false),
        ("<# never closed", "MissingTerminatorMultiLineComment", true),
        ("class X { }", "ReservedKeywordNotAllowed", false),
    ] {
        let error = parsed(text).unwrap_err();
        assert_eq!((error.id, error.incomplete), (id, incomplete), "{text}: {error}");
    }
}

#[test]
fn depth_is_bounded_and_chains_are_flat() {
    assert_eq!(parsed(&"(".repeat(100_000)).unwrap_err().id, "TooDeeplyNested");
    assert_eq!(parsed(&"{".repeat(100_000)).unwrap_err().id, "TooDeeplyNested");
    assert_eq!(parsed(&"\"$(".repeat(100_000)).unwrap_err().id, "TooDeeplyNested");
    assert_eq!(parsed(&"!".repeat(100_000)).unwrap_err().id, "TooDeeplyNested");
    assert!(parsed(&vec!["1"; 100_000].join(" + ")).is_ok());
    assert!(parsed(&vec!["1"; 100_000].join(",")).is_ok());
    assert!(parsed(&format!("$a{}", ".b".repeat(100_000))).is_ok());
    assert!(parsed(&format!("if (1) {{ }} {}", "elseif (2) { }".repeat(10_000))).is_ok());
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,200}") {
        let _ = parsed(&text);
    }

    #[test]
    fn arbitrary_tokens_never_panic(tokens in proptest::collection::vec(prop_oneof![
        Just("$a"), Just("("), Just(")"), Just("{"), Just("}"), Just("["), Just("]"), Just("\""), Just("'"),
        Just("@("), Just("@{"), Just("$("), Just("@'\n"), Just("\n'@"), Just("if"), Just("foreach"), Just(" in "),
        Just("switch"), Just("-eq"), Just("-"), Just("+"), Just(","), Just(";"), Just("|"), Just("\n"), Just(" "),
        Just("param"), Just("function f"), Just("begin"), Just("="), Just("::"), Just("."), Just(".."), Just("5"),
        Just("1.5e"), Just("`"), Just("#"), Just("<#"), Just("2>&1"), Just(">"), Just("&"), Just("–"), Just("“"),
        Just("[int]"), Just("try"), Just("catch"), Just("$"), Just("${"), Just("++"), Just("-not"), Just("Get-X"),
    ], 0..60)) {
        let _ = parsed(&tokens.concat());
    }
}
