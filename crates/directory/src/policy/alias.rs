//! Aliases and account names: what they may hold, how one is made from a name, which is still free.

use super::TRIES_MAX;
use crate::view::View;

/// The longest alias, characters.
pub(super) const ALIAS_MAX: usize = 64;
/// The longest account name of a user, characters.
const ACCOUNT_MAX: usize = 20;

/// Whether a text can be an alias: letters, digits, the punctuation of an address, single inner dots.
pub fn is_alias(text: &str) -> bool {
    !text.is_empty()
        && text.chars().count() <= ALIAS_MAX
        && text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_alias_char))
}

fn is_alias_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || ('\u{a1}'..='\u{ff}').contains(&c)
}

/// An alias made from a name: spaces dropped, what an alias can't hold replaced by `?`, as the product does;
/// never empty.
pub fn sanitised_alias(name: &str) -> String {
    let chars = name.chars().filter(|c| !c.is_whitespace());
    let kept: String = chars.map(|c| if is_alias_char(c) || c == '.' { c } else { '?' }).collect();
    let atoms: Vec<&str> = kept.split('.').filter(|atom| !atom.is_empty()).collect();
    let alias: String = atoms.join(".").chars().take(ALIAS_MAX).collect();
    let alias = alias.trim_end_matches('.');
    if alias.is_empty() { "recipient".to_owned() } else { alias.to_owned() }
}

/// The alias, with the first number behind it that makes it free where it is taken.
pub fn free_alias(view: &View, wanted: &str) -> String {
    first_free(wanted, ALIAS_MAX, |alias| view.by_alias(alias).is_none())
}

/// A free account name like this one: at most 20 characters, without what Windows forbids.
pub fn free_account(view: &View, wanted: &str) -> String {
    let kept: String = folded_ascii(wanted)
        .chars()
        .filter(|c| !c.is_control() && !"\"/\\[]:;|=,+*?<>@ ".contains(*c))
        .take(ACCOUNT_MAX)
        .collect();
    let kept = kept.trim_end_matches('.');
    let wanted = if kept.is_empty() { "user" } else { kept };
    first_free(wanted, ACCOUNT_MAX, |account| view.by_account(account).is_none())
}

fn first_free(wanted: &str, max: usize, is_free: impl Fn(&str) -> bool) -> String {
    let numbered = (2..TRIES_MAX).map(|number| {
        let suffix = number.to_string();
        let stem: String = wanted.chars().take(max - suffix.len()).collect();
        stem + &suffix
    });
    let mut candidates = std::iter::once(wanted.to_owned()).chain(numbered);
    // With every number taken the wanted name is returned, and its use reported as the duplicate it is.
    candidates.find(|candidate| is_free(candidate)).unwrap_or_else(|| wanted.to_owned())
}

/// Letters without their marks where the table knows them; other characters as they are.
pub(super) fn folded_ascii(text: &str) -> String {
    const FOLDED: &[(&str, &str)] = &[
        ("ÀÁÂÃÅĀĂĄ", "A"),
        ("àáâãåāăą", "a"),
        ("Ä", "Ae"),
        ("ä", "ae"),
        ("Æ", "AE"),
        ("æ", "ae"),
        ("ÇĆĈĊČ", "C"),
        ("çćĉċč", "c"),
        ("ĎĐ", "D"),
        ("ďđ", "d"),
        ("ÈÉÊËĒĔĖĘĚ", "E"),
        ("èéêëēĕėęě", "e"),
        ("ĜĞĠĢ", "G"),
        ("ĝğġģ", "g"),
        ("ÌÍÎÏĨĪĬĮİ", "I"),
        ("ìíîïĩīĭįı", "i"),
        ("ĹĻĽŁ", "L"),
        ("ĺļľł", "l"),
        ("ÑŃŅŇ", "N"),
        ("ñńņň", "n"),
        ("ÒÓÔÕŌŎŐØ", "O"),
        ("òóôõōŏőø", "o"),
        ("Ö", "Oe"),
        ("ö", "oe"),
        ("ŔŖŘ", "R"),
        ("ŕŗř", "r"),
        ("ŚŜŞŠȘ", "S"),
        ("śŝşšș", "s"),
        ("ß", "ss"),
        ("ŢŤŦȚ", "T"),
        ("ţťŧț", "t"),
        ("ÙÚÛŨŪŬŮŰŲ", "U"),
        ("ùúûũūŭůűų", "u"),
        ("Ü", "Ue"),
        ("ü", "ue"),
        ("ÝŶŸ", "Y"),
        ("ýŷÿ", "y"),
        ("ŹŻŽ", "Z"),
        ("źżž", "z"),
    ];
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match FOLDED.iter().find(|(from, _)| !c.is_ascii() && from.contains(c)) {
            Some((_, to)) => out.push_str(to),
            None => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases() {
        for (name, alias) in [
            ("Nuno Mota", "NunoMota"),
            ("a..b.", "a.b"),
            ("sales@home", "sales?home"),
            ("  ", "recipient"),
            ("Ünal", "Ünal"),
        ] {
            assert_eq!(sanitised_alias(name), alias);
            assert!(is_alias(alias), "{alias}");
        }
        for bad in ["", "a b", ".a", "a.", "a..b", "a@b", "a\"b"] {
            assert!(!is_alias(bad), "{bad}");
        }
        assert!(!is_alias(&"x".repeat(65)));
        assert_eq!(free_account(&View::default(), "Müller, Jürgen von und zu"), "MuellerJuergenvonund");
    }
}
