//! Join keys: what lets a new server join the organisation, once.

use base::{EnhancedTimeSpan, Fault, FaultKind};
use dag::link::JoinKey;
use directory::{
    schema::SERVER_JOIN_KEY,
    verbs::server::{authority, link_of, new_join_key},
};
use powershell::{Value, cmdlet::CommandInfo, value::PsObject};

use crate::{Cmdlet, Failure, Noun, Outcome, call::Call, cmdlet::declare};

const TYPE: &str = "Rialto.Management.ServerJoinKey";
/// How long a key is good for when `-Lifetime` does not say.
const LIFETIME: EnhancedTimeSpan = EnhancedTimeSpan::from_secs(24 * 3600);
/// The longest lifetime.
const LIFETIME_MAX: EnhancedTimeSpan = EnhancedTimeSpan::from_secs(30 * 86_400);

static NOUN: Noun =
    Noun { order: &[&["Expires", "UsedBy"]], ..Noun::new("ServerJoinKey", &SERVER_JOIN_KEY, &[TYPE]) };

/// `Get-ServerJoinKey`
pub static GET: Cmdlet = Cmdlet::get("Get-ServerJoinKey", &NOUN).declared(getting);
/// `New-ServerJoinKey`
pub static NEW: Cmdlet = Cmdlet::run("New-ServerJoinKey", create, &["Lifetime"]).declared(making);
/// `Remove-ServerJoinKey`
pub static REMOVE: Cmdlet = Cmdlet::remove("Remove-ServerJoinKey", &NOUN).declared(removing);

fn with_identity(name: &str, synopsis: &str) -> CommandInfo {
    let mut info = declare(name, synopsis, &[("Identity", "ServerJoinKeyIdParameter")]);
    info.parameters[0].position = Some(1);
    info.parameters[0].by_value = true;
    info
}

fn getting() -> CommandInfo {
    with_identity(
        "Get-ServerJoinKey",
        "Shows the join keys there are, until when they are good and who used them.",
    )
}

fn removing() -> CommandInfo {
    let info = with_identity("Remove-ServerJoinKey", "Removes a join key, so that nobody can join with it.");
    CommandInfo { should_process: true, ..info }
}

fn making() -> CommandInfo {
    let info = declare(
        "New-ServerJoinKey",
        "Makes a key with which one new server can join the organization. It is shown once.",
        &[("Lifetime", "EnhancedTimeSpan")],
    );
    CommandInfo { should_process: true, ..info }
}

fn create(call: &mut Call<'_>) -> Outcome {
    let lifetime = match call.get("Lifetime") {
        Some(Value::TimeSpan(span)) => *span,
        Some(other) => other
            .to_string()
            .parse()
            .map_err(|_| Failure::invalid("Lifetime is a time span such as 04:00:00.".to_owned()))?,
        None => LIFETIME,
    };
    if lifetime.micros <= 0 || lifetime.micros > LIFETIME_MAX.micros {
        return Err(Failure::invalid("Lifetime is more than zero and at most 30 days.".to_owned()));
    }
    let view = call.cx.directory.snapshot();
    let Some(certificate) = authority(&view) else {
        let text = "This server has no links to others, so that none can join.";
        return Err(Fault::new(FaultKind::Unavailable, "ServerLinkException", text).into());
    };
    if !call.should_process("Making a key with which a server can join the organization")? {
        return Ok(());
    }
    let key = JoinKey::new(dag::link::authority::fingerprint(&certificate), &*call.cx.rng);
    let (hash, expires) = (JoinKey::hash(key.secret()), call.cx.clock.now().plus(lifetime));
    let object = call.commit(move |draft| new_join_key(draft, &hash, expires))?;
    let this = view.servers().find(|server| *server.name == *call.cx.server_name);
    let address = this.and_then(|server| link_of(server).0.into_iter().next()).unwrap_or_default();
    let command =
        format!("rialto setup --data FOLDER --server-name HOSTNAME --join {address} --join-key {key}");
    let shown = PsObject::new(&[TYPE])
        .with("Key", Value::string(key.to_string()))
        .with("Expires", Value::DateTime(expires))
        .with("Command", Value::string(command))
        .with("Name", Value::string(object.name.to_string()));
    let _ = call.write(shown.into());
    Ok(())
}
