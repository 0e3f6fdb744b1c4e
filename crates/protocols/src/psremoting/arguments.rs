//! A client's commands as calls: parameters that the client could not know to be switches are paired with
//! their arguments by the binder, as if they had been typed.

use std::sync::Arc;

use powershell::{Call, CommandInfo, Merge, Value, binder, binder::Argument};
use wire::{
    clixml::{Body, Node},
    psrp::{self, Command, Parameter},
};

use super::Workplace;

/// The declaration of a command, by its name.
pub(super) type Declared<'a> = &'a dyn Fn(&str) -> Option<Arc<CommandInfo>>;

/// A command as a call.
pub(super) fn call(command: Command, work: &Workplace, declared: Declared<'_>) -> Call {
    let is_switch = |name: &str| {
        let resolved = declared(&command.text).and_then(|info| binder::resolve_parameter(&info, name).ok());
        resolved.is_some_and(|parameter| parameter.is_switch())
    };
    let paired = |Parameter { name, value: node }| argument(name, node, work, &is_switch);
    let arguments = command.parameters.into_iter().map(paired).collect();
    let merge = command.merge.map(|merge| match merge {
        psrp::Merge::None => Merge::None,
        psrp::Merge::Output => Merge::Output,
        psrp::Merge::Null => Merge::Null,
    });
    Call { name: command.text.into(), arguments, merge }
}

/// `-Name:` and a value, `-Name` and nothing, `Name` and a value, or a value without a name.
fn argument(
    name: Option<String>,
    node: Node,
    work: &Workplace,
    is_switch: &dyn Fn(&str) -> bool,
) -> Argument {
    let given = node != Node::Nil;
    let value = value(node, work);
    let Some(written) = name.filter(|name| !name.is_empty()) else {
        return Argument::Value(value.into());
    };
    let written = written.trim_end();
    let bare = written.trim_start_matches(['-', '\u{2013}', '\u{2014}', '\u{2015}']);
    let name = bare.trim_end_matches(':');
    let typed = bare.len() < written.len();
    let explicit = given || bare.ends_with(':') || !typed;
    // A switch without a value is on, however it was given.
    if !explicit || (!given && is_switch(name)) {
        return Argument::Named(name.into(), None);
    }
    Argument::Named(name.into(), Some(value.into()))
}

/// A value from a client: plain data only. Script blocks are their text, for nothing here runs them.
pub(super) fn value(mut node: Node, work: &Workplace) -> Value {
    without_scripts(&mut node);
    work.to_value(&node)
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
    use base::{clock::SystemClock, rng::SystemRng};
    use powershell::{CommandInfo, CommandSource, ErrorRecord, Invocation, ParameterInfo, Streams};
    use wire::{secret::Secret, session_key::SessionKey};

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

    fn work() -> Workplace {
        Workplace {
            pool: Default::default(),
            commands: Arc::new(One),
            caller: String::new(),
            server: String::new(),
            clock: Arc::new(SystemClock),
            rng: Arc::new(SystemRng),
            running: Arc::default(),
            running_own: Arc::default(),
            buffered: Arc::default(),
            key: Default::default(),
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
            let parameters = vec![Parameter { name: name.map(str::to_owned), value }];
            let command = Command { parameters, ..Command::new("Get-Mailbox") };
            let call = call(command, &work(), &|name| One.find(name));
            assert_eq!(call.arguments, [expected], "{name:?}");
        }
    }

    #[test]
    fn scripts_are_texts_and_secrets_need_the_key() {
        let work = work();
        let list = Node::array(vec![Node::ScriptBlock("Remove-Mailbox *".into())]);
        assert_eq!(value(list, &work).into_items(), [Value::from("Remove-Mailbox *")]);
        let key = SessionKey::generate(&SystemRng);
        let hidden = || Node::record([("Password", Node::Secure(key.protect(&Secret("hunter2".into()))))]);
        let password = |value: Value| match value {
            Value::Object(object) => object.with(|o| o.get("Password").cloned()),
            other => Some(other),
        };
        assert_eq!(password(value(hidden(), &work)), Some(Value::Null));
        *work.key.lock() = Some(key.clone());
        let Some(Value::Secret(revealed)) = password(value(hidden(), &work)) else { panic!("no secret") };
        assert_eq!(revealed.reveal(), "hunter2");
    }
}
