//! What to say of a name that means nothing: what was probably meant, or what takes its place.

/// The longest name that is compared with others, characters.
const NAME_MAX: usize = 80;

/// Commands of other products and of Windows that scripts use around the cmdlets, and what to do about them.
const ADVICE: &[(&str, &str)] = &[
    ("add-type", "Types of .NET can't be added: use the ones the shell has."),
    ("clean-mailboxdatabase", "Update-StoreMailboxState took its place."),
    ("connect-exchangeonline", "Leave it out: the shell is connected already."),
    ("connect-exchangeserver", "Leave it out: the shell is connected already."),
    ("connect-ippssession", "Leave it out: the shell is connected already."),
    ("connect-msolservice", "Leave it out: users are kept by this server's own directory."),
    ("disconnect-exchangeonline", "Leave it out: the session ends with the shell."),
    ("get-adgroup", "Use Get-Group."),
    ("get-adgroupmember", "Use Get-DistributionGroupMember."),
    ("get-aduser", "Use Get-User."),
    ("get-eventlog", "Use Get-WinEvent."),
    ("get-msoluser", "Use Get-User."),
    ("remoteexchange.ps1", "Leave it out: the shell has all cmdlets already."),
    ("set-aduser", "Use Set-User."),
    ("set-executionpolicy", "Leave it out: scripts run without it."),
];

/// Why a name is no command, and what to do.
pub(super) fn command<'n>(name: &str, known: impl Iterator<Item = &'n str> + Clone) -> String {
    let bare = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let lower = bare.to_ascii_lowercase();
    if let Some((_, advice)) = ADVICE.iter().find(|(known, _)| *known == lower) {
        return format!("'{bare}' is not built. {advice}");
    }
    if lower.ends_with(".ps1") {
        return format!("The script '{name}' can't be found from here: analyze it, too.");
    }
    if let Some(near) = nearest(name, known.clone()) {
        return format!("'{name}' is no known command. Did you mean {near}?");
    }
    let Some((_, noun)) = name.split_once('-') else {
        return format!("'{name}' is no known command: programs of the operating system aren't called.");
    };
    let same = known.filter(|known| known.split_once('-').is_some_and(|(_, n)| n.eq_ignore_ascii_case(noun)));
    let same: Vec<&str> = same.collect();
    if same.is_empty() {
        format!("'{name}' is no known command: it belongs to another module or product.")
    } else {
        format!("'{name}' is no known command. For this noun there are: {}.", same.join(", "))
    }
}

/// The known name that was probably meant: a few letters away, and closer than any other.
pub(super) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let typed: Vec<char> = name.chars().flat_map(char::to_lowercase).collect();
    if typed.len() > NAME_MAX {
        return None;
    }
    let most = match typed.len() {
        0..=2 => return None,
        3..=5 => 1,
        6..=11 => 2,
        _ => 3,
    };
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        if candidate.len().abs_diff(name.len()) > most {
            continue;
        }
        let letters: Vec<char> = candidate.chars().flat_map(char::to_lowercase).collect();
        let distance = distance(&typed, &letters);
        if distance <= most && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, name)| name)
}

/// How many letters to insert, remove, change or swap with their neighbour.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut row = last.clone();
    for i in 1..=a.len() {
        row[0] = i;
        for j in 1..=b.len() {
            let changed = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = changed.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        std::mem::swap(&mut before_last, &mut last);
        std::mem::swap(&mut last, &mut row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let known = ["Get-Mailbox", "Set-Mailbox", "Get-MailboxStatistics", "New-Mailbox"];
        for (typed, meant) in [
            ("Get-Mailbx", Some("Get-Mailbox")),
            ("gte-mailbox", Some("Get-Mailbox")),
            ("Get-MailboxStatistic", Some("Get-MailboxStatistics")),
            ("Restart-Computer", None),
            ("gm", None),
        ] {
            assert_eq!(nearest(typed, known.into_iter()), meant, "{typed}");
        }
    }

    #[test]
    fn advice_is_sorted() {
        assert!(ADVICE.is_sorted_by_key(|row| row.0));
        assert!(command("Connect-ExchangeServer", [].into_iter()).contains("Leave it out"));
        assert!(command("Stop-Mailbox", ["Get-Mailbox"].into_iter()).contains("Get-Mailbox"));
    }
}
