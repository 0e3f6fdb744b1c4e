//! Precanned recipient filters: `IncludedRecipients` and conditions, written as OPATH.

use crate::value::Value;

/// The kinds of recipients each word takes in.
const KINDS: &[(&str, &str)] = &[
    (
        "MailboxUsers",
        "((RecipientType -eq 'UserMailbox') -and (-not(RecipientTypeDetails -eq 'RoomMailbox')) -and \
         (-not(RecipientTypeDetails -eq 'EquipmentMailbox')))",
    ),
    (
        "Resources",
        "((RecipientTypeDetails -eq 'RoomMailbox') -or (RecipientTypeDetails -eq 'EquipmentMailbox'))",
    ),
    ("MailContacts", "(RecipientType -eq 'MailContact')"),
    (
        "MailGroups",
        "((RecipientType -eq 'MailUniversalDistributionGroup') -or (RecipientType -eq \
         'MailUniversalSecurityGroup') -or (RecipientType -eq 'DynamicDistributionGroup'))",
    ),
    ("MailUsers", "(RecipientType -eq 'MailUser')"),
];

/// The filter for some kinds of recipients (`AllRecipients`, or several words with commas) under conditions:
/// (attribute, its values), of which each must have one.
pub fn precanned_filter(included: &str, conditions: &[(&str, &[Value])]) -> String {
    let words: Vec<&str> = included.split(',').map(str::trim).collect();
    let all = words.iter().any(|word| word.eq_ignore_ascii_case("AllRecipients"));
    let kinds = KINDS.iter().filter(|(word, _)| words.iter().any(|w| w.eq_ignore_ascii_case(word)));
    let kinds: Vec<String> = kinds.map(|(_, filter)| (*filter).to_owned()).collect();
    let mut parts = vec![match kinds.len() {
        _ if all => "(Alias -ne $null)".to_owned(),
        // Nothing is included: a filter that nothing fits.
        0 => "((Alias -eq $null) -and (Alias -ne $null))".to_owned(),
        _ => any(kinds),
    }];
    for (attribute, values) in conditions.iter().filter(|(_, values)| !values.is_empty()) {
        let texts = values.iter().filter_map(Value::as_text);
        parts.push(any(texts.map(|v| format!("({attribute} -eq '{}')", v.replace('\'', "''"))).collect()));
    }
    match &parts[..] {
        [one] => one.clone(),
        _ => format!("({})", parts.join(" -and ")),
    }
}

fn any(mut parts: Vec<String>) -> String {
    if parts.len() == 1 { parts.remove(0) } else { format!("({})", parts.join(" -or ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Filter;

    #[test]
    fn every_precanned_filter_parses() {
        let companies = [Value::from("O'Brien"), Value::from("Rialto")];
        for included in
            ["AllRecipients", "MailboxUsers, MailContacts", "Resources", "None", "MailGroups, MailUsers"]
        {
            let plain = precanned_filter(included, &[]);
            assert!(Filter::parse(&plain).is_ok(), "{plain}");
            let with = precanned_filter(included, &[("Company", &companies), ("Department", &[])]);
            assert!(Filter::parse(&with).is_ok(), "{with}");
            assert!(with.contains("(Company -eq 'O''Brien') -or (Company -eq 'Rialto')"));
        }
    }
}
