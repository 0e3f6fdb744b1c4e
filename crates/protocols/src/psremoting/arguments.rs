//! A client's commands as calls: parameters that the client could not know to be switches are paired with
//! their arguments by the binder, as if they had been typed.

use powershell::{Call, CommandSource, Merge, Value, binder, binder::Argument, text::from_node};
use wire::{
    clixml::{Body, Node},
    psrp::{self, Command, Parameter},
};

/// A command as a call.
pub(super) fn call(command: Command, source: &dyn CommandSource) -> Call {
    let arguments = command.parameters.into_iter().map(|p| argument(p, &command.text, source)).collect();
    let merge = command.merge.map(|merge| match merge {
        psrp::Merge::None => Merge::None,
        psrp::Merge::Output => Merge::Output,
        psrp::Merge::Null => Merge::Null,
    });
    Call { name: command.text.into(), arguments, merge }
}

/// `-Name:` and a value, `-Name` and nothing, `Name` and a value, or a value without a name.
fn argument(parameter: Parameter, command: &str, source: &dyn CommandSource) -> Argument {
    let given = parameter.value != Node::Nil;
    let value = value(parameter.value);
    let Some(written) = parameter.name.filter(|name| !name.is_empty()) else {
        return Argument::Value(value.into());
    };
    let written = written.trim_end();
    let bare = written.trim_start_matches(['-', '\u{2013}', '\u{2014}', '\u{2015}']);
    let name = bare.trim_end_matches(':');
    let typed = bare.len() < written.len();
    let explicit = given || bare.ends_with(':') || !typed;
    // A switch without a value is on, however it was given.
    let is_switch = || {
        let info = source.find(command);
        info.and_then(|info| binder::resolve_parameter(&info, name).ok()).is_some_and(|p| p.is_switch())
    };
    if !explicit || (!given && is_switch()) {
        return Argument::Named(name.into(), None);
    }
    Argument::Named(name.into(), Some(value.into()))
}

/// A value from a client: plain data only. Script blocks are their text, for nothing here runs them.
pub(super) fn value(mut node: Node) -> Value {
    without_scripts(&mut node);
    from_node(&node)
}

/// Depth is bounded by the reader.
fn without_scripts(node: &mut Node) {
    match node {
        Node::ScriptBlock(text) => *node = Node::Text(std::mem::take(text)),
        Node::Object(object) => {
            match &mut object.body {
                Body::None => {}
                Body::Value(value) => without_scripts(value),
                Body::List(items) => items.iter_mut().for_each(without_scripts),
                Body::Dictionary(entries) => entries.iter_mut().for_each(|(key, value)| {
                    without_scripts(key);
                    without_scripts(value);
                }),
            }
            let members = object.properties.iter_mut().chain(&mut object.extended);
            members.for_each(|(_, value)| without_scripts(value));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use powershell::{CommandInfo, ErrorRecord, Invocation, ParameterInfo, Streams};

    use super::*;

    struct One;

    impl CommandSource for One {
        fn find(&self, name: &str) -> Option<Arc<CommandInfo>> {
            let parameters = vec![
                ParameterInfo::new("Identity", "MailboxIdParameter"),
                ParameterInfo::new("Archive", "SwitchParameter"),
            ];
            let info = CommandInfo { name: name.into(), parameters, ..CommandInfo::default() };
            (name == "Get-Mailbox").then(|| Arc::new(info))
        }
        fn names(&self) -> Vec<Arc<str>> {
            Vec::new()
        }
        fn invoke(&self, _: &Invocation, _: &mut dyn Streams) -> Result<(), ErrorRecord> {
            Ok(())
        }
    }

    #[test]
    fn parameters_as_clients_write_them() {
        let named = |name: &str, value: Option<Value>| Argument::Named(name.into(), value.map(Into::into));
        let text = || Node::text("x");
        for (name, value, expected) in [
            (Some("-Identity:"), text(), named("Identity", Some("x".into()))),
            (Some("-Identity"), Node::Nil, named("Identity", None)),
            (Some("-Identity"), text(), named("Identity", Some("x".into()))),
            (Some("\u{2013}Identity "), Node::Nil, named("Identity", None)),
            (Some("Identity"), text(), named("Identity", Some("x".into()))),
            (Some("Identity"), Node::Nil, named("Identity", Some(Value::Null))),
            (Some("-Identity:"), Node::Nil, named("Identity", Some(Value::Null))),
            (Some("Archive"), Node::Nil, named("Archive", None)),
            (Some("-arch:"), Node::Nil, named("arch", None)),
            (Some("-Archive:"), Node::Bool(false), named("Archive", Some(false.into()))),
            (None, text(), Argument::Value("x".into())),
            (Some(""), Node::Nil, Argument::Value(Value::Null.into())),
        ] {
            let parameter = Parameter { name: name.map(str::to_owned), value };
            assert_eq!(argument(parameter, "Get-Mailbox", &One), expected, "{name:?}");
        }
    }

    #[test]
    fn scripts_are_texts() {
        let list = Node::array(vec![Node::ScriptBlock("Remove-Mailbox *".into())]);
        assert_eq!(value(list).into_items(), [Value::from("Remove-Mailbox *")]);
    }
}
