//! Errors as the console shows them.

use crate::cmdlet::{ErrorRecord, Position};

/// Where an error happened, as `InvocationInfo.PositionMessage` says it.
pub(crate) fn position_message(position: &Position) -> String {
    if position.line == 0 {
        return String::new();
    }
    let place = if position.script.is_empty() { "line".to_owned() } else { position.script.to_string() };
    let line = position.text.trim_start();
    let cut = position.text.chars().count() - line.chars().count();
    let column = (position.column as usize).saturating_sub(1).saturating_sub(cut);
    let room = line.chars().count().saturating_sub(column).max(1);
    let marks = "~".repeat((position.length as usize).clamp(1, room));
    format!(
        "At {place}:{} char:{}\n+ {line}\n+ {}{marks}",
        position.line,
        position.column,
        " ".repeat(column)
    )
}

/// The whole error, as the console prints it in red; ends with a blank line.
pub fn error_text(record: &ErrorRecord) -> String {
    let mut text = String::new();
    // Errors of the language itself have no command in front, but for the name that is none.
    let unknown = record.command.is_empty() && &*record.error_id == "CommandNotFoundException";
    let command = match &record.invocation {
        Some(typed) => typed.to_string(),
        None if unknown => record.target.to_string(),
        None => record.command.to_string(),
    };
    if !command.is_empty() {
        text.push_str(&command);
        text.push_str(" : ");
    }
    text.push_str(&record.message);
    text.push('\n');
    if let Some(position) = &record.position {
        let message = position_message(position);
        if !message.is_empty() {
            text.push_str(&message);
            text.push('\n');
        }
    }
    text.push_str(&format!("    + CategoryInfo          : {}\n", record.category_info()));
    text.push_str(&format!("    + FullyQualifiedErrorId : {}\n \n", record.fully_qualified_id()));
    text
}

/// A line of another stream: `WARNING: …`, `VERBOSE: …`, `DEBUG: …`.
pub fn message_text(stream: &str, text: &str) -> String {
    format!("{stream}: {text}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmdlet::ErrorCategory;

    #[test]
    fn prints_as_the_console_does() {
        let position =
            Position { script: "".into(), line: 1, column: 3, text: "  Get-Mailbox x".into(), length: 13 };
        let record =
            ErrorRecord::new("Example.NotThereException", "NotThere", ErrorCategory::NotSpecified, "No x.")
                .from_command("Get-Mailbox")
                .at(position);
        assert_eq!(
            error_text(&record),
            "Get-Mailbox : No x.\nAt line:1 char:3\n+ Get-Mailbox x\n+ ~~~~~~~~~~~~~\n    + CategoryInfo          : \
             NotSpecified: (:) [Get-Mailbox], NotThereException\n    + FullyQualifiedErrorId : NotThere,Get-Mailbox\n \n"
        );
    }
}
