//! The server asks the person at this shell: confirmations, texts, passwords (MS-PSRP section 2.2.3.17).

use wire::{
    clixml::Node,
    psrp::{ErrorInfo, HostCall, HostMethod, HostResponse, VOID_CALL},
    secret,
};

use super::Session;
use crate::{
    cmdlet::Prompt,
    eval::{Interp, Run},
    value::Value,
};

/// How many choices a question may have.
const CHOICES_MAX: usize = 100;

/// The methods that write a text: `Write`, `WriteLine`, `WriteErrorLine` and `WriteDebugLine`.
const WRITING: std::ops::RangeInclusive<i32> = 13..=19;

/// Makes the call; what to answer, if an answer is wanted.
pub(super) fn answer(cx: &mut Interp<'_>, call: &HostCall, session: &Session) -> Run<Option<HostResponse>> {
    let text = |at: usize| call.parameters.get(at).and_then(Node::as_text).unwrap_or_default();
    let result = match call.method {
        HostMethod::PROMPT_FOR_CHOICE => choice(cx, call)?,
        HostMethod::READ_LINE => ask(cx, Prompt::default())?.map(Node::Text),
        HostMethod::READ_LINE_AS_SECURE_STRING => {
            let typed = ask(cx, Prompt { secret: true, ..Prompt::default() })?;
            typed.and_then(|typed| protect(session, typed))
        }
        HostMethod::PROMPT => fields(cx, call, session)?,
        _ if call.ci == VOID_CALL => {
            // They have the text last.
            if WRITING.contains(&call.method.0) {
                let last = call.parameters.len().saturating_sub(1);
                cx.write_information(text(last).into(), true);
            }
            None
        }
        _ => None,
    };
    if call.ci == VOID_CALL {
        return Ok(None);
    }
    let error = result.is_none().then(refusal);
    Ok(Some(HostResponse { ci: call.ci, method: call.method, result: result.unwrap_or_default(), error }))
}

fn ask(cx: &mut Interp<'_>, prompt: Prompt) -> Run<Option<String>> {
    Ok(cx.ask(&prompt)?.map(|answer| answer.to_string()))
}

/// A text as a secure string.
fn protect(session: &Session, text: String) -> Option<Node> {
    session.agree_on_key().ok()?;
    session.client(|client| client.session_key().map(|key| Node::Secure(key.protect(&secret::Secret(text)))))
}

/// `PromptForChoice(caption, message, choices, default)`
fn choice(cx: &mut Interp<'_>, call: &HostCall) -> Run<Option<Node>> {
    let Some([caption, message, choices, default]) = call.parameters.first_chunk() else { return Ok(None) };
    let labels = choices.items().iter().take(CHOICES_MAX);
    let labels =
        labels.map(|choice| choice.get("label").and_then(Node::as_text).unwrap_or_default().to_owned());
    let prompt = Prompt {
        caption: caption.as_text().unwrap_or_default().to_owned(),
        message: message.as_text().unwrap_or_default().to_owned(),
        choices: labels.collect(),
        default: default.as_int().and_then(|n| usize::try_from(n).ok()).unwrap_or(0),
        secret: false,
    };
    Ok(match cx.ask(&prompt)? {
        Some(Value::Int(n)) => Some(Node::Int(n)),
        _ => None,
    })
}

/// `Prompt(caption, message, fields)`: a text for each field.
fn fields(cx: &mut Interp<'_>, call: &HostCall, session: &Session) -> Run<Option<Node>> {
    let Some([caption, message, fields]) = call.parameters.first_chunk() else { return Ok(None) };
    let mut answers = Vec::new();
    for (at, field) in fields.items().iter().take(CHOICES_MAX).enumerate() {
        let text = |name: &str| field.get(name).and_then(Node::as_text).unwrap_or_default().to_owned();
        let first = |node: &Node| if at == 0 { node.as_text().unwrap_or_default() } else { "" }.to_owned();
        let (name, secret) = (text("name"), text("parameterTypeName") == "SecureString");
        let message = [first(message), name.clone()].join("\n").trim_start().to_owned();
        let typed = ask(cx, Prompt { caption: first(caption), message, secret, ..Prompt::default() })?;
        let value =
            typed.and_then(|typed| if secret { protect(session, typed) } else { Some(Node::Text(typed)) });
        let Some(value) = value else { return Ok(None) };
        answers.push((Node::Text(name), value));
    }
    Ok(Some(Node::dictionary(&["System.Collections.Hashtable", "System.Object"], answers)))
}

/// Nobody can answer.
fn refusal() -> Node {
    ErrorInfo {
        exception_type: "System.Management.Automation.Host.HostException".into(),
        message: "A command that prompts the user failed because the host program or the command type does not support \
                  user interaction."
            .into(),
        error_id: "HostFunctionNotImplemented".into(),
        ..ErrorInfo::default()
    }
    .to_node()
}
