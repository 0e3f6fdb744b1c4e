//! How fast objects go through a pipeline: run with `--release -- --ignored --nocapture`.

use std::time::Instant;

use crate::support::Console;

#[test]
#[ignore = "a measurement"]
fn objects_per_second() {
    let mut console = Console::new();
    console.type_line(
        "$rows = 1..10000 | % { [pscustomobject]@{ Name = \"User $_\"; Alias = \"user$_\"; Id = $_ } }",
    );
    for line in [
        "$rows | Where { $_.Id -gt 5000 } | Select Name, Alias | Export-Csv out.csv -NoTypeInformation",
        "$rows | Where Id -gt 5000 | Measure | % Count",
        "$rows | Sort Name -Descending | Select -First 1 | % Name",
        "$n = 0; foreach ($r in $rows) { $n += $r.Id }; $n",
        "$rows | ConvertTo-Json -Compress | % Length",
        "$rows | Format-Table | Out-Null",
        "$a = @(); foreach ($r in $rows) { $a += $r.Id }; $a.Count",
        "$i = 0; while ($i -lt 1000000) { $i++ }; $i",
    ] {
        let started = Instant::now();
        let shown = console.type_line(line);
        let took = started.elapsed();
        println!(
            "{:>8.1} ms  {line}  {}",
            took.as_secs_f64() * 1000.0,
            shown.trim().chars().take(60).collect::<String>()
        );
    }
}
