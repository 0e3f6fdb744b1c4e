//! What is documented binds, and `docs/admin/cmdlets.md` says what is built. `UPDATE=1` writes it anew.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use base::Timestamp;
use cmdlets::{ALL, Cmdlet, Declarations};
use powershell::{
    ErrorRecord, ParameterInfo, Value,
    binder::{Argument, bind},
    cmdlet::CommandInfo,
    types::{Type, convert},
    value::Secret,
};
use trust::access::built_in_roles;

/// A value that a parameter of this type takes.
fn sample(parameter: &ParameterInfo) -> Value {
    if let Some(value) = parameter.values.first() {
        return Value::string(value.clone());
    }
    let to = Type::of_parameter(&parameter.type_name);
    let to = match to {
        Type::Array(inner) => *inner,
        other => other,
    };
    match to {
        Type::Bool | Type::Switch => true.into(),
        Type::Secret => Value::Secret(Secret::new("x")),
        Type::Hashtable => convert(
            Value::Hashtable(powershell::value::Hashtable::from_entries(false, Vec::new())),
            &Type::Hashtable,
            Timestamp::default(),
        )
        .unwrap(),
        to => {
            let texts = ["x", "1", "1MB", "1.00:00:00", "11/23/2026", "a@rialto.test", "15.0.1", GUID];
            let fits = |text: &&str| convert(Value::string(*text), &to, Timestamp::default()).is_ok();
            Value::string(texts.into_iter().find(fits).unwrap_or("x"))
        }
    }
}

const GUID: &str = "8f4a5b0c-0b0b-4764-afec-512727877516";

/// Whether the parameter binds with those its set cannot do without.
fn binds(info: &Arc<CommandInfo>, parameter: &ParameterInfo, set: Option<&str>) -> Result<(), ErrorRecord> {
    let needed = info
        .parameters
        .iter()
        .filter(|p| p.required && set.is_none_or(|set| p.in_set(set)) && p.name != parameter.name);
    let arguments =
        needed.chain([parameter]).map(|p| Argument::Named(p.name.clone(), Some(sample(p).into()))).collect();
    bind(info.clone(), arguments, Arc::new(Declarations), Timestamp::from_secs(1_795_412_281))?
        .finish()
        .map(|_| ())
}

#[test]
fn every_documented_parameter_of_a_built_cmdlet_binds() {
    let mut refused = Vec::new();
    for cmdlet in ALL {
        let info = cmdlets::find(cmdlet.name).unwrap();
        for parameter in &info.parameters {
            let sets: Vec<Option<&str>> = match &parameter.sets[..] {
                [] => {
                    let all = info.set_names();
                    if all.is_empty() {
                        vec![None]
                    } else {
                        all.into_iter().map(|set| Some(&**set)).collect()
                    }
                }
                sets => sets.iter().map(|set| Some(&**set)).collect(),
            };
            let outcomes: Vec<_> = sets.into_iter().map(|set| binds(&info, parameter, set)).collect();
            if let (false, Some(Err(error))) = (outcomes.iter().any(Result::is_ok), outcomes.first()) {
                refused.push(format!("{} -{}: {error}", cmdlet.name, parameter.name));
            }
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn what_may_be_null_is_nullable() {
    let tnef = cmdlets::find("Set-RemoteDomain").unwrap().parameter("TNEFEnabled").unwrap().clone();
    assert_eq!(&*tnef.type_name, "Nullable[Boolean]");
    let most =
        cmdlets::find("Set-MailboxServer").unwrap().parameter("MaximumActiveDatabases").unwrap().clone();
    assert_eq!(&*most.type_name, "Nullable[Int32]");
    let forward = cmdlets::find("Set-RemoteDomain").unwrap().parameter("AutoForwardEnabled").unwrap().clone();
    assert_eq!(&*forward.type_name, "Boolean");
}

#[test]
fn every_built_cmdlet_is_in_a_role_that_says_so() {
    // The organisation's own role takes what no table names; what is built should be named.
    let named = |name: &str| {
        let mut others = built_in_roles().iter().filter(|role| role.name != "Organization Configuration");
        others.any(|role| role.get(name).is_some())
    };
    let missing: Vec<&str> = ALL.iter().map(|cmdlet| cmdlet.name).filter(|name| !named(name)).collect();
    assert!(missing.is_empty(), "{missing:?}: name them in trust/data/roles.txt");
}

#[test]
fn parameters_that_roles_name_exist() {
    for line in include_str!("../../trust/data/roles.txt").lines() {
        let Some((verbs, nouns)) = line.split_once(": ").filter(|_| !line.starts_with('#')) else { continue };
        for (noun, names) in nouns.split(' ').filter_map(|noun| noun.strip_suffix(')')?.split_once('(')) {
            for verb in verbs.split(' ') {
                let info = cmdlets::find(&format!("{verb}-{noun}")).unwrap();
                for name in names.split(',').map(|name| name.trim_start_matches('!')) {
                    assert!(info.parameter(name).is_some(), "{verb}-{noun} -{name}");
                }
            }
        }
    }
}

#[test]
fn the_nouns_of_the_first_release_are_built() {
    let parity = cmdlets::parity();
    for (noun, verbs) in [
        ("Mailbox", "Disable Enable Get New Remove Set"),
        ("MailContact", "Disable Enable Get New Remove Set"),
        ("MailUser", "Disable Enable Get New Remove Set"),
        ("DistributionGroup", "Disable Enable Get New Remove Set"),
        ("DistributionGroupMember", "Add Get Remove Update"),
        ("RemoteDomain", "Get New Remove Set"),
        ("AcceptedDomain", "Get New Remove Set"),
        ("ReceiveConnector", "Get New Remove Set"),
        ("SendConnector", "Get New Remove Set"),
        ("MailboxDatabase", "Get New Remove Set"),
        ("Queue", "Get Resume Retry Suspend"),
        ("Message", "Get Remove Resume Suspend"),
    ] {
        let missing: Vec<&str> = verbs
            .split(' ')
            .filter(|verb| !parity[noun].built.iter().any(|built| &**built == *verb))
            .collect();
        assert!(missing.is_empty(), "{noun}: {missing:?}");
    }
}

/// The lines of a file's head comment, as one paragraph.
fn head(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map_while(|line| line.strip_prefix("//!"));
    lines.take_while(|line| !line.is_empty()).map(str::trim).collect::<Vec<_>>().join(" ")
}

/// The cmdlets that a noun's file declares.
fn declared_in(path: &Path) -> Vec<&'static Cmdlet> {
    let text = fs::read_to_string(path).unwrap();
    let declared = |cmdlet: &&&'static Cmdlet| {
        text.contains(&format!("/// `{}`\n", cmdlet.name)) && text.contains(&format!("\"{}\"", cmdlet.name))
    };
    ALL.iter().filter(declared).copied().collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn document() -> String {
    let (built, known) = cmdlets::counts();
    let mut out = format!(
        "# Cmdlets\n\n<!-- Written by a test: cargo xtask docs -->\n\n\
         {built} of the {known} documented cmdlets are built. All of their documented parameters bind; one that \
         does nothing yet is refused with an error that names it, and nothing is changed.\n"
    );
    let mut seen = 0;
    for area in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).into_iter().filter(|p| p.is_dir()) {
        if files(&area).iter().all(|file| declared_in(file).is_empty()) {
            continue;
        }
        let title = head(&area.join("mod.rs"));
        out.push_str(&format!("\n## {}\n", title.trim_end_matches('.')));
        for file in files(&area) {
            let cmdlets = declared_in(&file);
            if cmdlets.is_empty() {
                continue;
            }
            seen += cmdlets.len();
            out.push_str(&format!("\n**{}**\n\n", head(&file)));
            for cmdlet in cmdlets {
                let refused = cmdlets::refused(cmdlet).join(", ");
                let but = if refused.is_empty() { String::new() } else { format!(" – not yet: {refused}") };
                let (_, noun) = cmdlet.name.split_once('-').unwrap();
                let anchor = cmdlet.name.to_lowercase();
                out.push_str(&format!("- [`{}`](reference/{noun}.md#{anchor}){but}\n", cmdlet.name));
            }
        }
    }
    out.push_str("\n## By noun\n`cargo xtask cmdlet-parity` prints this table.\n\n");
    out.push_str(&cmdlets::table());
    assert_eq!(seen, ALL.len(), "each cmdlet is declared in one noun's file, with its name above it");
    out
}

#[test]
fn the_document_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/admin/cmdlets.md");
    let wanted = document();
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &wanted).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "docs/admin/cmdlets.md is out of date: `cargo xtask docs` writes it anew");
}
