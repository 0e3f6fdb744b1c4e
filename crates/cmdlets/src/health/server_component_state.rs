//! Components of a server, taken out of service and put back: what maintenance begins and ends with.

use std::sync::Arc;

use base::Fault;
use directory::{
    Object,
    component::{
        COMPONENTS, ComponentRequest, ComponentState, REQUESTERS, component_requests, component_state,
        request_component_state, word,
    },
};
use powershell::{Flow, Value, value::PsObject};

use crate::{Cmdlet, Failure, Outcome, call::Call, org::exchange_server};

/// `Get-ServerComponentState`
pub static GET: Cmdlet = Cmdlet::run("Get-ServerComponentState", get, &["Component"]);
// There is one directory and no registry: `-LocalOnly` and `-RemoteOnly` mean the same place.
/// `Set-ServerComponentState`
pub static SET: Cmdlet = Cmdlet::run(
    "Set-ServerComponentState",
    set,
    &["Component", "LocalOnly", "RemoteOnly", "Requester", "State"],
);

const TYPE: &str =
    "Microsoft.Exchange.Management.SystemConfigurationTasks.ServerComponentStatePresentationObject";
const REQUEST: &str = "Microsoft.Exchange.Data.Directory.SystemConfiguration.ServerComponentStates+ItemEntry";

fn get(call: &mut Call<'_>) -> Outcome {
    let server = exchange_server::NOUN.named(call, &call.cx.directory.snapshot())?;
    let wanted = match call.text("Component") {
        Some(name) => vec![component(&name)?],
        None => COMPONENTS.to_vec(),
    };
    for component in wanted {
        if call.write(show(&server, component)) == Flow::Stop {
            break;
        }
    }
    Ok(())
}

fn component(name: &str) -> Outcome<&'static str> {
    let unknown = || {
        let fault = Fault::invalid(format!(
            "\"{name}\" isn't a component. Valid values are: {}.",
            COMPONENTS.join(", ")
        ));
        Failure { fault, target: Some(name.into()) }
    };
    word(COMPONENTS, name).ok_or_else(unknown)
}

fn show(server: &Object, component: &'static str) -> Value {
    let requests = component_requests(server).filter(|one| one.component == component);
    let request = |one: ComponentRequest| {
        PsObject::new(&[REQUEST])
            .with("Requester", Value::string(one.requester))
            .with("State", Value::string(one.state.to_string()))
            .with("Timestamp", Value::DateTime(one.since))
            .with("Component", Value::string(one.component))
            .into()
    };
    let requests = Value::multi(requests.map(request).collect());
    let fqdn = Value::string(server.text("Fqdn").unwrap_or(&server.name));
    PsObject::new(&[TYPE])
        .with("Server", fqdn.clone())
        .with("Component", Value::string(component))
        .with("State", Value::string(component_state(server, component).to_string()))
        .with("ServerFqdn", fqdn)
        .with("LocalStates", requests.clone())
        .with("RemoteStates", requests)
        .with("Identity", Value::string(&*server.name))
        .with("IsValid", Value::Bool(true))
        .with("ObjectState", Value::string("Unchanged"))
        .into()
}

fn set(call: &mut Call<'_>) -> Outcome {
    let server: Arc<Object> = exchange_server::NOUN.named(call, &call.cx.directory.snapshot())?;
    let component = component(&call.needed("Component")?)?;
    let requester = call.needed("Requester")?;
    let requester = word(REQUESTERS, &requester).ok_or_else(|| {
        Failure::invalid(format!(
            "\"{requester}\" isn't a requester. Valid values are: {}.",
            REQUESTERS.join(", ")
        ))
    })?;
    let state = call.needed("State")?;
    let state = ComponentState::parse(&state).ok_or_else(|| {
        Failure::invalid(format!("\"{state}\" isn't a state. Valid values are: Active, Inactive, Draining."))
    })?;
    let action =
        format!("Setting component \"{component}\" of server \"{}\" to {state} for {requester}", server.name);
    if !call.should_process(&action)? {
        return Ok(());
    }
    let (guid, since) = (server.guid, call.cx.clock.now());
    let request = ComponentRequest { component, requester, state, since };
    call.commit(move |draft| request_component_state(draft, guid, &request))?;
    let now = call.cx.directory.snapshot().get(guid).map(|server| component_state(server, component));
    if let Some(now) = now.filter(|now| *now != state) {
        call.warn(&format!(
            "The component stays {now}: another requester, or ServerWideOffline, is more restrictive."
        ));
    }
    Ok(())
}
