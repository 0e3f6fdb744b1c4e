//! The log as a file for people and their tools: XML, as the product documents it.

use wire::xml::escape;

use super::{Entry, Modified};

/// What a value that would be longer is cut to, bytes.
const VALUE_MAX: usize = 64 << 10;

/// The entries as the documented file ("Administrator audit log structure in Exchange Server"), of at most so many bytes; and how
/// many of them are in it.
pub fn document(entries: &[Entry], max: usize) -> (String, usize) {
    let mut out = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<SearchResults>\n".to_owned();
    let end = "</SearchResults>\n";
    let mut written = 0;
    for entry in entries {
        let before = out.len();
        event(entry, &mut out);
        if out.len() + end.len() > max {
            out.truncate(before);
            break;
        }
        written += 1;
    }
    out.push_str(end);
    (out, written)
}

fn event(entry: &Entry, out: &mut String) {
    let time = entry.time.to_string();
    let error = if entry.error.is_empty() { "None" } else { &entry.error };
    let head = [
        ("Caller", &*entry.caller),
        ("Cmdlet", &entry.cmdlet),
        ("ObjectModified", &entry.object),
        ("RunDate", &time),
        ("Succeeded", if entry.succeeded { "true" } else { "false" }),
        ("Error", error),
        ("OriginatingServer", &entry.server),
    ];
    element(out, "  <Event", &head, ">\n");
    out.push_str("    <CmdletParameters>\n");
    for (name, value) in &entry.parameters {
        element(out, "      <Parameter", &[("Name", name), ("Value", value)], " />\n");
    }
    out.push_str("    </CmdletParameters>\n");
    if !entry.modified.is_empty() {
        out.push_str("    <ModifiedProperties>\n");
        for Modified { name, old, new } in &entry.modified {
            let values = [("Name", &**name), ("OldValue", old), ("NewValue", new)];
            element(out, "      <Property", &values, " />\n");
        }
        out.push_str("    </ModifiedProperties>\n");
    }
    out.push_str("  </Event>\n");
}

fn element(out: &mut String, begin: &str, attributes: &[(&str, &str)], end: &str) {
    out.push_str(begin);
    for (name, value) in attributes {
        out.push(' ');
        out.push_str(name);
        out.push_str("=\"");
        escape(&value[..value.floor_char_boundary(VALUE_MAX)], out);
        out.push('"');
    }
    out.push_str(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(n: u64) -> Entry {
        Entry {
            number: n,
            caller: "rialto.test/Users/Administrator".into(),
            cmdlet: "Set-Mailbox".into(),
            object: "rialto.test/Users/<Ana> & \"Rui\"".into(),
            parameters: vec![("Identity".into(), "ana".into())],
            modified: vec![Modified { name: "Office".into(), old: String::new(), new: "Porto".into() }],
            succeeded: true,
            ..Entry::default()
        }
    }

    #[test]
    fn the_file_reads_back() {
        let (text, written) = document(&[entry(2), entry(1)], 1 << 20);
        assert_eq!(written, 2);
        let root = wire::xml::read(text.as_bytes()).unwrap();
        assert!(root.is("", "SearchResults"));
        let event = root.child("", "Event").unwrap();
        assert_eq!(event.attribute("ObjectModified"), Some("rialto.test/Users/<Ana> & \"Rui\""));
        assert_eq!(event.attribute("Error"), Some("None"));
        let property =
            event.child("", "ModifiedProperties").and_then(|list| list.child("", "Property")).unwrap();
        assert_eq!(
            (property.attribute("Name"), property.attribute("NewValue")),
            (Some("Office"), Some("Porto"))
        );
    }

    #[test]
    fn no_file_is_larger_than_it_may_be() {
        let entries: Vec<_> = (0..100).map(entry).collect();
        let one = document(&entries[..1], 1 << 20).0.len();
        let (text, written) = document(&entries, one * 3);
        assert!(text.len() <= one * 3 && (3..10).contains(&written), "{written}");
        assert!(wire::xml::read(text.as_bytes()).is_ok());
        assert_eq!(document(&entries, 0).1, 0);
    }
}
