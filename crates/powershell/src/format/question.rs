//! Questions as the console asks them, and what an answer chooses.

use crate::cmdlet::Prompt;

/// The question with its choices: `[Y] Yes  [N] No  [?] Help (default is "Y"): `; without choices, what is asked
/// for and a colon.
pub fn question(prompt: &Prompt) -> String {
    let mut text = String::new();
    if !prompt.caption.is_empty() {
        text.push_str(&format!("\n{}\n", prompt.caption));
    }
    if prompt.choices.is_empty() {
        return if prompt.message.is_empty() { text } else { text + &prompt.message + ": " };
    }
    text.push_str(&prompt.message);
    text.push('\n');
    for choice in &prompt.choices {
        text.push_str(&format!("[{}] {}  ", key(choice), choice.replace('&', "")));
    }
    let default = prompt.choices.get(prompt.default).map_or(String::new(), |choice| key(choice));
    text + &format!("[?] Help (default is \"{default}\"): ")
}

/// The place of the choice an answer means: its key or its label, without case; the default for an empty one.
pub fn chosen(prompt: &Prompt, answer: &str) -> Option<usize> {
    let answer = answer.trim();
    if answer.is_empty() {
        return Some(prompt.default);
    }
    let fits = |choice: &String| {
        key(choice).eq_ignore_ascii_case(answer) || choice.replace('&', "").eq_ignore_ascii_case(answer)
    };
    prompt.choices.iter().position(fits)
}

/// `Yes to &All` is chosen with `A`.
fn key(choice: &str) -> String {
    let marked = choice.split_once('&').and_then(|(_, rest)| rest.chars().next());
    marked.or_else(|| choice.chars().next()).map_or(String::new(), |c| c.to_uppercase().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_have_keys() {
        let prompt = Prompt::confirmation("Removing it.");
        assert!(question(&prompt).ends_with(
            "Removing it.\n[Y] Yes  [A] Yes to All  [N] No  [L] No to All  [?] Help (default is \"Y\"): "
        ));
        let places = ["y", "A", "no to all", "", "?"].map(|answer| chosen(&prompt, answer));
        assert_eq!(places, [Some(0), Some(1), Some(3), Some(0), None]);
    }
}
