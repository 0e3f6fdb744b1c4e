//! A script cannot take more than it was given.

use std::{sync::Arc, time::Duration};

use crate::support::{Console, Ticking};
use powershell::Limits;

/// Scripts that never end or grow without end, and the identifier each ends with.
const HOSTILE: &[(&str, &str)] = &[
    ("while ($true) { }", "StepLimit"),
    ("for (;;) { $i++ }", "StepLimit"),
    ("do { continue } while (1)", "StepLimit"),
    ("function f { f }; f; 'on'", "CallDepthOverflow"),
    ("$f = { & $f }; & $f", "CallDepthOverflow"),
    ("$s = 'x' * 1MB; while ($true) { $s += $s }", "MemoryLimit"),
    ("$a = 1..1000; while ($true) { $a = $a + $a }", "MemoryLimit"),
    ("$h = @{}; $i = 0; while ($true) { $h[$i] = $i; $i++ }", "Limit"),
    ("$l = New-Object System.Collections.ArrayList; while (1) { [void]$l.Add('x') }", "Limit"),
    ("1..1000000 | % { $_ } | sort { $_ } | select -Last 1", "Limit"),
    ("try { while ($true) { } } catch { 'caught' } finally { 'finally' }", "StepLimit"),
    ("trap { }; 1", ""),
    ("('a' * 10MB) -replace 'a', ('b' * 1000)", "Limit"),
    ("'{0,999999999}' -f 1; ('x').PadLeft(2000000000)", ""),
    ("$x = @{}; $x.self = $x; $x | ConvertTo-Json; $x | fl; \"$x\"; $x.self.self.self.Count", ""),
    ("$a = @(0); $a[0] = $a; $a | Out-String; $a -join ','; $a | ConvertTo-Json -Depth 100", ""),
    ("$a = @(0); $a[0] = $a; ,$a | ConvertTo-CliXml; ,$a | Export-Clixml x.xml; 'on'", "on"),
    ("$o = [pscustomobject]@{ a = 1 }; $o.a = $o; $o; $o | fl; $o | ConvertTo-Csv", ""),
    ("Invoke-Expression ('(' * 100000)", "TooDeeplyNested"),
    ("$x = '1'; 1..20000 | % { $x += '+1' }; Invoke-Expression $x", ""),
    (":a while ($true) { while ($true) { break a } }; 'out'", ""),
    ("break", ""),
    ("[regex]::Match(('a' * 30), '(a+)+$').Success", ""),
    ("'x' * 1GB", "ArgumentOutOfRange"),
    ("1..1000000000 | % { $_ } | Out-Null", "StepLimit"),
    ("foreach ($i in 1..1000000000) { }", "StepLimit"),
    ("$s = 'x' * 16MB; (,$s * 1000) -join ''", "Limit"),
    ("$s = 'x' * 8MB; '{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}' -f $s", "OutOfMemory"),
    ("$s = 'x' * 8MB; \"$s$s$s$s$s$s$s$s$s$s\"", "Limit"),
    ("$a = 1; 1..60 | % { $a = @($a, $a) }; $a | ConvertTo-Json -Depth 100", "Limit"),
    ("$a = 1; 1..60 | % { $a = @($a, $a) }; $a | Export-Clixml x.xml -Depth 16", ""),
    (
        "$a = @(1); 1..50000 | % { $a = @(,$a) }; $o = [pscustomobject]@{ a = $a }; $o, $o | select -Unique",
        "",
    ),
    ("$s = 'x' * 8MB; 1..100 | % { $s } | Out-String", "MemoryLimit"),
    ("$s = 'x' * 8MB; 1..100 | % { $s } | Set-Content f.txt", "MemoryLimit"),
    ("$s = 'x' * 8MB; 1..100 | % { [pscustomobject]@{ A = $s } } | ConvertTo-Csv", "MemoryLimit"),
    ("while ($true) { Write-Warning 'again' 3>> w.txt }", "Limit"),
    ("& { while ($true) { Write-Error 'again' } } 2>$null", "Limit"),
    ("& { while ($true) { Write-Warning 'w' } } -WarningVariable w 3>$null", "Limit"),
    ("('a' * 1MB) -like ('*a' * 5000 + 'b')", "PatternTooLong"),
    ("('a' * 4MB) -match '^(a?){50}(a+)+$'; 'on'", ""),
    ("'a' -match '(a{1000}){1000}'", "InvalidRegularExpression"),
    ("[double]::NaN, 1, 'x', 2, [double]::NaN, '1z', 10, 2 | sort; 'sorted'", "sorted"),
    ("'[' * 100000 | ConvertFrom-Json", "Invalid JSON"),
    ("function g { while ($true) { 1 } }; g | % { $_ } | Out-Null", "StepLimit"),
    ("$e = { $_ }; 1..1000000 | select @{ n = 'x'; e = $e } | Out-Null", "StepLimit"),
    ("$t = @{}; 1..1000000 | % { $t.\"k$_\" = 'v' * 100 }", "Limit"),
    ("$n = 'x'; 1..1000000 | % { $n = $n.Insert(0, $n) }", "Limit"),
    ("Get-Date -UFormat ('%!' * 1000) | Out-Null; 'on'", "on"),
    ("'x'.PadLeft(10MB).PadLeft(16MB).Replace(' ', 'y' * 1000)", "OutOfRange"),
];

/// Ways to call oneself, each through other parts of the evaluator.
const RECURSIONS: &[&str] = &[
    "function g { 1 | % { g } }; g",
    "function g { \"$(g)\" }; g",
    "function g { @(1) | sort { g } }; g",
    "function g { @(1,2).ForEach({ g }) }; g",
    "function g { @(1,2).Where({ g }) }; g",
    "function g { Invoke-Expression 'g' }; g",
    "function g { 1 | select @{ n = 'x'; e = { g } } }; g",
    "function g { 1 | where { g } | group { g } | ft { g } }; g",
    "function g { switch (1) { { g } { } } }; g",
    "function g { try { g } catch { g } finally { g } }; g",
    "function g { . { & { g } } }; g",
    "function g { g | g | g }; g",
    "function g { Get-Mailbox ana | % { g } }; g",
    "function g { if ((((((((g)))))))) { } }; g",
    "function g($a = (g)) { }; g",
    "function g { param([ValidateScript({ g })]$a) }; g 1",
    "function g { [CmdletBinding()]param([Parameter(ValueFromPipeline)]$a) process { 1 | g } }; 1 | g",
    "function g { Invoke-Command { g } }; g",
    "function g { foreach ($x in @(g; g)) { while (g) { } } }; g",
    "function g { $x = @{ a = @{ b = @( (g) ) } }; -not -not !(g) }; g",
];

#[test]
fn recursion_ends_on_our_own_stack() {
    let limits = Limits { steps: 15_000, bytes: 64 << 20, ..Limits::SESSION };
    for script in RECURSIONS {
        let mut console = Console::bounded(limits);
        console.type_line(script);
        assert_eq!(console.type_line("1 + 1"), "2\n", "the session goes on after: {script}");
    }
}

#[test]
fn hostile_scripts_end() {
    let limits = Limits { steps: 300_000, bytes: 64 << 20, time: Duration::from_secs(60), ..Limits::SESSION };
    for (script, id) in HOSTILE {
        let mut console = Console::bounded(limits);
        let shown = console.type_line(script);
        assert!(shown.contains(id), "{script}\n{}", &shown[..shown.len().min(2000)]);
        assert!(!shown.lines().any(|l| l == "caught" || l == "finally"), "nothing catches a limit");
        assert_eq!(console.type_line("1 + 1"), "2\n", "the session goes on after: {script}");
    }
}

/// A source that wants no more after a while: Ctrl+C, or a client that sent a stop.
#[test]
fn a_stop_request_ends_what_never_ends() {
    for script in [
        "while ($true) { }",
        "1..1000000000 | Out-Null",
        "Start-Sleep 86400",
        "for (;;) { try { } catch { } }",
    ] {
        let mut console = Console::new();
        console.stop_after(Duration::from_millis(30));
        let shown = console.type_line(script);
        assert!(shown.contains("PipelineStopped"), "{script}\n{shown}");
        console.stop_after(Duration::from_secs(3600));
        assert_eq!(console.type_line("1 + 1"), "2\n", "the session goes on after: {script}");
    }
}

#[test]
fn time_is_bounded() {
    let limits = Limits { time: Duration::from_millis(50), ..Limits::SESSION };
    let mut console = Console::with_clock(limits, Arc::new(Ticking::default()));
    assert!(console.type_line("while ($true) { }").contains("TimeLimit"));
    assert_eq!(console.type_line("1 + 1"), "2\n");
}

#[test]
fn pipelines_stop_when_nobody_reads() {
    let mut console = Console::bounded(Limits { steps: 10_000, ..Limits::SESSION });
    // The range is made at once, but only three of it are run.
    assert_eq!(console.type_line("1..100000 | % { $_ * 2 } | select -First 3"), "2\n4\n6\n");
    let shown = console.type_line("function g { $i = 0; while ($true) { $i; $i++ } }; g | select -First 2");
    assert_eq!(shown, "0\n1\n");
}
