//! The links of this server to the others: whether heartbeats come, how long they take, since when.

use dag::link::LinkState;
use directory::View;
use powershell::{Value, cmdlet::CommandInfo, value::PsObject};

use super::exchange_server;
use crate::{Cmdlet, Outcome, call::Call, cmdlet::declare};

/// `Get-ServerLink`
pub static GET: Cmdlet = Cmdlet::run("Get-ServerLink", get, &["Identity"]).declared(info);

fn info() -> CommandInfo {
    let mut info = declare(
        "Get-ServerLink",
        "Shows this server's links to the other servers: up or down, since when, last heartbeat, round trip.",
        &[("Identity", "ServerIdParameter")],
    );
    info.parameters[0].position = Some(1);
    info.parameters[0].by_value = true;
    info
}

fn get(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let states = call.cx.links.as_ref().map(|links| links.states()).unwrap_or_default();
    let wanted = match call.identity("Identity") {
        Some(_) => Some(exchange_server::NOUN.named(call, &view)?.guid),
        None => None,
    };
    let states = states.iter().filter(|state| wanted.is_none_or(|wanted| state.server == wanted));
    let shown: Vec<Value> = states.map(|state| show(&view, state)).collect();
    call.write_all(shown);
    Ok(())
}

fn show(view: &View, state: &LinkState) -> Value {
    let name =
        view.get(state.server).map_or_else(|| state.server.to_string(), |object| object.name.to_string());
    let span = |micros: i64| Value::TimeSpan(base::EnhancedTimeSpan { micros });
    let rtt = state.rtt.and_then(|rtt| i64::try_from(rtt.as_micros()).ok());
    PsObject::new(&["Rialto.Management.ServerLink"])
        .with("Server", Value::string(name))
        .with("Status", Value::string(format!("{:?}", state.status)))
        .with("Since", Value::DateTime(state.since))
        .with("LastHeard", state.last_heard.map_or(Value::Null, Value::DateTime))
        .with("RoundTrip", rtt.map_or(Value::Null, span))
        .with("ClockAhead", state.clock_ahead_micros.map_or(Value::Null, span))
        .with("Address", state.address.map_or(Value::Null, |address| Value::string(address.to_string())))
        .with("Incoming", Value::Bool(state.incoming))
        .with("Failure", state.failure.as_deref().map_or(Value::Null, Value::string))
        .into()
}
