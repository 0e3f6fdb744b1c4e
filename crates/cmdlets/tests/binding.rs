//! The binder against every documented cmdlet: what it does follows from the facts, which are read here a
//! second time and independently.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeSet, sync::Arc};

use base::Timestamp;
use cmdlets::Declarations;
use powershell::{
    ErrorCategory, ErrorRecord, Invocation, PsObject, Value,
    binder::{Argument, Binding, COMMON, bind, resolve_parameter},
    cmdlet::{Collected, CommandInfo},
    facts::Correction,
    types::{Type, convert},
    value::{Hashtable, Secret},
};
use serde_json::Value as Json;

const NOW: Timestamp = Timestamp::from_secs(1_795_412_281);
const GUID: &str = "8f4a5b0c-0b0b-4764-afec-512727877516";

/// A documented parameter.
struct Fact {
    name: String,
    type_name: String,
    aliases: Vec<String>,
    required: bool,
    /// Sets that do without it all the same.
    optional_in: Vec<&'static str>,
    position: Option<i32>,
    piped: bool,
    sets: BTreeSet<String>,
    /// The first of the words it takes, where only some are taken.
    word: Option<Arc<str>>,
}

/// A documented cmdlet, without `-WhatIf` and `-Confirm`, which are common parameters.
struct Documented {
    name: String,
    changes: bool,
    facts: Vec<Fact>,
    info: Arc<CommandInfo>,
}

fn texts(json: &Json) -> Vec<String> {
    json.as_array().map_or_else(Vec::new, |all| all.iter().map(|t| t.as_str().unwrap().to_owned()).collect())
}

fn fact(cmdlet: &str, json: &Json) -> Fact {
    let name = json["name"].as_str().unwrap().to_owned();
    let sets = texts(&json["sets"]);
    // What names a version says where the parameter exists, not with which others.
    let optional = cmdlets::CORRECTIONS.iter().find_map(|correction| match correction {
        Correction::Optional(of, parameter, sets) if *of == cmdlet && *parameter == name => Some(*sets),
        _ => None,
    });
    let also = cmdlets::CORRECTIONS.iter().filter_map(|correction| match correction {
        Correction::Also(of, parameter, set) if *of == cmdlet && *parameter == name => {
            Some((*set).to_owned())
        }
        _ => None,
    });
    let versions = sets.iter().any(|set| set.starts_with("Exchange Server "));
    Fact {
        type_name: json["type"].as_str().unwrap().to_owned(),
        aliases: texts(&json["aliases"]),
        required: json["required"] == true && optional.is_none_or(|sets| !sets.is_empty()),
        optional_in: optional.unwrap_or_default().to_vec(),
        position: json["position"].as_str().map(|text| text.parse().unwrap()),
        piped: json["pipeline"] == true,
        sets: if versions { BTreeSet::new() } else { sets.into_iter().chain(also).collect() },
        word: None,
        name,
    }
}

/// The parameters that a cmdlet has beside the documented ones.
fn own(cmdlet: &str) -> impl Iterator<Item = Fact> {
    let own = cmdlets::built(cmdlet).map_or(&[][..], |cmdlet| cmdlet.own);
    own.iter().map(|(name, type_name)| fact("", &serde_json::json!({"name": name, "type": type_name})))
}

fn documented() -> Vec<Documented> {
    let lines = include_str!("../data/cmdlets.jsonl").lines();
    lines
        .map(|line| {
            let json: Json = serde_json::from_str(line).unwrap();
            let name = json["name"].as_str().unwrap().to_owned();
            let mut facts: Vec<Fact> =
                json["parameters"].as_array().unwrap().iter().map(|p| fact(&name, p)).collect();
            let changes = facts.iter().any(|f| f.name == "WhatIf");
            facts.retain(|f| f.name != "WhatIf" && f.name != "Confirm");
            facts.extend(own(&name));
            let info = cmdlets::find(&name).unwrap();
            for fact in &mut facts {
                fact.word = info.parameter(&fact.name).and_then(|p| p.values.first().cloned());
            }
            Documented { name, changes, facts, info }
        })
        .collect()
}

impl Fact {
    fn is_in(&self, set: &str) -> bool {
        self.sets.is_empty() || self.sets.contains(set)
    }

    fn is_switch(&self) -> bool {
        self.type_name == "SwitchParameter"
    }

    /// A value it takes.
    fn sample(&self) -> Value {
        if let Some(word) = &self.word {
            return Value::string(word.clone());
        }
        let to = match Type::of_parameter(&self.type_name) {
            Type::Array(inner) => *inner,
            other => other,
        };
        match to {
            Type::Bool | Type::Switch => true.into(),
            Type::Secret => Value::Secret(Secret::new("x")),
            Type::Hashtable => Value::Hashtable(Hashtable::from_entries(false, Vec::new())),
            Type::ScriptBlock => Value::Null,
            to => {
                let texts =
                    ["x", "1", "1MB", "1.00:00:00", "11/23/2026", "a@rialto.test", "15.0.1", "Sunday", GUID];
                let fits = |text: &&str| convert(Value::string(*text), &to, NOW).is_ok();
                Value::string(texts.into_iter().find(fits).unwrap_or("x"))
            }
        }
    }

    fn given(&self) -> Argument {
        Argument::Named(self.name.as_str().into(), Some(self.sample().into()))
    }
}

impl Documented {
    /// The names of its parameter sets; one nameless set where it has none.
    fn sets(&self) -> Vec<Option<String>> {
        let mut all: BTreeSet<String> = self.facts.iter().flat_map(|f| f.sets.clone()).collect();
        all.extend(cmdlets::CORRECTIONS.iter().filter_map(|correction| match correction {
            Correction::Set(of, set) if *of == self.name => Some((*set).to_owned()),
            _ => None,
        }));
        if all.is_empty() { vec![None] } else { all.into_iter().map(Some).collect() }
    }

    /// What a set cannot do without.
    fn needed<'d>(&'d self, set: &'d Option<String>) -> impl Iterator<Item = &'d Fact> {
        let needs = |f: &Fact, set: &String| f.is_in(set) && !f.optional_in.contains(&set.as_str());
        self.facts.iter().filter(move |f| f.required && set.as_ref().is_none_or(|set| needs(f, set)))
    }

    fn bind(&self, arguments: Vec<Argument>) -> Result<Binding, ErrorRecord> {
        bind(self.info.clone(), arguments, Arc::new(Declarations), NOW)
    }

    fn call(&self, arguments: Vec<Argument>) -> Result<Invocation, ErrorRecord> {
        self.bind(arguments)?.finish()
    }

    fn fails(&self, arguments: Vec<Argument>, id: &str) -> ErrorRecord {
        let error = self.call(arguments).err().unwrap_or_else(|| panic!("{}: no {id}", self.name));
        assert_eq!(error.fully_qualified_id(), format!("{id},{}", self.name), "{error}");
        error
    }
}

fn named(name: &str, value: impl Into<Value>) -> Argument {
    Argument::Named(name.into(), Some(value.into().into()))
}

#[test]
fn names_aliases_and_unique_prefixes_mean_their_parameter() {
    let all = documented();
    assert_eq!(all.len(), 846);
    let (mut parameters, mut prefixes) = (0, 0);
    for cmdlet in &all {
        assert_eq!(cmdlet.info.parameters.len(), cmdlet.facts.len(), "{}", cmdlet.name);
        assert_eq!(cmdlet.info.should_process, cmdlet.changes);
        let own = |typed: &str| -> Vec<&Fact> {
            let starts = |name: &String| name.to_lowercase().starts_with(typed);
            cmdlet.facts.iter().filter(|f| starts(&f.name) || f.aliases.iter().any(starts)).collect()
        };
        let exact = |typed: &str| -> Option<&Fact> {
            let is = |name: &String| name.eq_ignore_ascii_case(typed);
            cmdlet.facts.iter().find(|f| is(&f.name) || f.aliases.iter().any(is))
        };
        for fact in &cmdlet.facts {
            parameters += 1;
            for name in fact.aliases.iter().chain([&fact.name]) {
                let meant = resolve_parameter(&cmdlet.info, &name.to_uppercase()).unwrap();
                assert_eq!(*meant.name, *fact.name, "{} -{name}", cmdlet.name);
                assert_eq!(meant.by_value, fact.piped);
            }
            let lower = fact.name.to_lowercase();
            for typed in (1..lower.len()).filter_map(|end| lower.get(..end)) {
                let taken = |c: &str| cmdlet.changes || !["WhatIf", "Confirm"].contains(&c);
                let common_exact = COMMON.iter().any(|c| taken(c.name) && c.info().is_named(typed));
                let (own, outcome) = (own(typed), resolve_parameter(&cmdlet.info, typed));
                match (exact(typed), &own[..]) {
                    (Some(meant), _) => assert_eq!(*outcome.unwrap().name, *meant.name),
                    (None, _) if common_exact => assert!(outcome.is_ok()),
                    (None, [one]) => {
                        assert_eq!(*outcome.unwrap().name, *one.name, "{} -{typed}", cmdlet.name)
                    }
                    (None, several) => {
                        let error = outcome.unwrap_err();
                        assert_eq!(&*error.error_id, "AmbiguousParameter", "{} -{typed}", cmdlet.name);
                        assert_eq!(error.category, ErrorCategory::InvalidArgument);
                        let list = |f: &&Fact| error.message.contains(&format!(" -{}", f.name));
                        assert!(several.iter().all(list), "{error}");
                    }
                }
                prefixes += 1;
            }
        }
    }
    assert!(parameters > 8000 && prefixes > 80_000, "{parameters} parameters, {prefixes} prefixes");
}

#[test]
fn unknown_names_are_refused() {
    for cmdlet in documented() {
        let error = cmdlet.fails(vec![named("Zzyzx", 1)], "NamedParameterNotFound");
        assert_eq!(&*error.message, "A parameter cannot be found that matches parameter name 'Zzyzx'.");
        assert_eq!(
            error.category_info(),
            format!("InvalidArgument: (:) [{}], ParameterBindingException", shortened(&cmdlet.name))
        );
        if !cmdlet.changes {
            cmdlet.fails(vec![named("WhatIf", true)], "NamedParameterNotFound");
        }
    }
}

/// Long names are cut in the middle.
fn shortened(name: &str) -> String {
    if name.len() <= 40 {
        return name.to_owned();
    }
    format!("{}...{}", &name[..15], &name[name.len() - 15..])
}

#[test]
fn every_set_binds_with_what_it_needs_and_not_without() {
    let mut omitted = 0;
    for cmdlet in documented() {
        let sets = cmdlet.sets();
        for set in &sets {
            let all: Vec<Argument> = cmdlet.needed(set).map(Fact::given).collect();
            let call = cmdlet.call(all.clone()).unwrap_or_else(|e| panic!("{} {set:?}: {e}", cmdlet.name));
            assert_eq!(call.parameters.len(), all.len(), "{}", cmdlet.name);
            for without in cmdlet.needed(set) {
                let left: Vec<&Fact> = cmdlet.needed(set).filter(|f| f.name != without.name).collect();
                // Another set may do with the rest.
                let other = sets.iter().any(|other| {
                    let fits = |f: &&Fact| other.as_ref().is_none_or(|other| f.is_in(other));
                    left.iter().all(fits)
                        && cmdlet.needed(other).all(|f| left.iter().any(|l| l.name == f.name))
                });
                if other {
                    continue;
                }
                omitted += 1;
                let error =
                    cmdlet.fails(left.iter().map(|f| f.given()).collect(), "MissingMandatoryParameter");
                assert!(
                    error.message.starts_with(
                        "Cannot process command because of one or more missing mandatory parameters: "
                    ),
                    "{error}"
                );
                if sets.len() == 1 {
                    assert!(error.message.contains(&without.name), "{}: {error}", cmdlet.name);
                }
            }
        }
    }
    assert!(omitted > 900, "{omitted}");
}

#[test]
fn parameters_of_different_sets_do_not_go_together() {
    let mut conflicts = 0;
    for cmdlet in documented() {
        for (at, one) in cmdlet.facts.iter().enumerate().filter(|(_, f)| !f.sets.is_empty()) {
            for other in cmdlet.facts[at + 1..].iter().filter(|f| !f.sets.is_empty()) {
                if one.sets.is_disjoint(&other.sets) {
                    conflicts += 1;
                    let error = cmdlet.fails(vec![one.given(), other.given()], "AmbiguousParameterSet");
                    assert_eq!(
                        &*error.message,
                        "Parameter set cannot be resolved using the specified named parameters."
                    );
                } else {
                    assert!(cmdlet.bind(vec![one.given(), other.given()]).is_ok(), "{}", cmdlet.name);
                }
            }
        }
    }
    assert!(conflicts > 500, "{conflicts}");
}

#[test]
fn values_without_names_go_to_their_places() {
    let mut placed = 0;
    for cmdlet in documented() {
        let mut places: Vec<&Fact> = cmdlet.facts.iter().filter(|f| f.position.is_some()).collect();
        places.sort_by_key(|f| f.position);
        let lowest: Vec<&str> =
            places.iter().filter(|f| f.position == places[0].position).map(|f| &*f.name).collect();
        if let Some(first) = places.first() {
            let binding = cmdlet.bind(vec![Argument::Value(first.sample().into())]).unwrap();
            let name = binding.bound().keys().next().unwrap();
            assert!(lowest.contains(&&**name), "{}: {name}, not {lowest:?}", cmdlet.name);
            placed += 1;
        }
        let mut distinct = places.clone();
        distinct.dedup_by_key(|f| f.position);
        let mut values: Vec<Argument> = distinct.iter().map(|f| Argument::Value(f.sample().into())).collect();
        values.push(Argument::Value("more".into()));
        let error = cmdlet.fails(values, "PositionalParameterNotFound");
        assert!(error.message.starts_with("A positional parameter cannot be found that accepts argument '"));
    }
    assert!(placed > 600, "{placed}");
}

/// A value no parameter of the type takes, and the error's identifier.
fn wrong(type_name: &str) -> Option<(Value, &'static str)> {
    let text = Value::string("not at all");
    Some(match type_name {
        "Boolean" => (text, "CannotConvertArgument"),
        "SwitchParameter" => (text, "CannotConvertArgument"),
        "Int32" | "Int64" | "UInt32" | "UInt64" | "DateTime" | "ExDateTime" | "Guid" | "TimeSpan"
        | "EnhancedTimeSpan" | "ByteQuantifiedSize" | "Unlimited" | "Version" | "SmtpAddress"
        | "SecureString" => (text, "CannotConvertArgumentNoMessage"),
        "String" | "Fqdn" => (Value::array(vec!["a".into(), "b".into()]), "CannotConvertArgument"),
        name if name.ends_with("IdParameter") => {
            (Value::array(vec!["a".into(), "b".into()]), "CannotConvertArgument")
        }
        _ => return None,
    })
}

#[test]
fn values_of_the_wrong_type_are_refused() {
    let mut refused = 0;
    for cmdlet in documented() {
        for fact in &cmdlet.facts {
            let may_be_null = cmdlet.info.parameter(&fact.name).unwrap().type_name.starts_with("Nullable");
            let Some((value, id)) = wrong(&fact.type_name).filter(|_| !may_be_null) else { continue };
            refused += 1;
            let error = cmdlet.fails(vec![named(&fact.name, value)], id);
            assert!(error.message.contains(&format!("'{}'", fact.name)), "{error}");
            assert_eq!(error.category, ErrorCategory::InvalidArgument);
        }
        for fact in cmdlet.facts.iter().filter(|f| f.required && !f.type_name.ends_with("Object")) {
            let id = "ParameterArgumentValidationErrorNullNotAllowed";
            let error = cmdlet.fails(vec![named(&fact.name, Value::Null)], id);
            assert_eq!(error.category, ErrorCategory::InvalidData);
        }
    }
    assert!(refused > 5000, "{refused}");
}

#[test]
fn arguments_are_neither_missing_nor_given_twice() {
    for cmdlet in documented() {
        for fact in &cmdlet.facts {
            let name: Arc<str> = fact.name.as_str().into();
            cmdlet.fails(vec![fact.given(), fact.given()], "ParameterAlreadyBound");
            if !fact.is_switch() {
                let error = cmdlet.fails(vec![Argument::Named(name, None)], "MissingArgument");
                assert!(
                    error.message.starts_with(&format!("Missing an argument for parameter '{}'.", fact.name))
                );
            }
        }
    }
}

#[test]
fn the_pipeline_feeds_what_the_facts_say() {
    let (mut by_name, mut none) = (0, 0);
    for cmdlet in documented() {
        let bag = |fact: &Fact| Value::from(PsObject::custom().with(&fact.name, fact.sample()));
        let others = |fact: &Fact, set: &Option<String>| -> Vec<Argument> {
            cmdlet.needed(set).filter(|f| f.name != fact.name).map(Fact::given).collect()
        };
        for fact in cmdlet.facts.iter().filter(|f| f.piped) {
            let sets = cmdlet.sets();
            let fits = |set: &&Option<String>| set.as_ref().is_none_or(|set| fact.is_in(set));
            let took = sets.iter().filter(fits).any(|set| {
                let binding = cmdlet.bind(others(fact, set)).unwrap();
                assert!(binding.takes_input(), "{} -{}", cmdlet.name, fact.name);
                binding.bind_object(&bag(fact)).is_ok_and(|call| call.parameters.contains_key(&*fact.name))
            });
            assert!(took, "{} -{}", cmdlet.name, fact.name);
            by_name += 1;
        }
        if cmdlet.facts.iter().all(|f| !f.piped) {
            let set = cmdlet.sets().swap_remove(0);
            let binding = cmdlet.bind(cmdlet.needed(&set).map(Fact::given).collect()).unwrap();
            let error = binding.bind_object(&"x".into()).unwrap_err();
            assert_eq!(error.fully_qualified_id(), format!("InputObjectNotBound,{}", cmdlet.name));
            none += 1;
        }
    }
    assert!(by_name > 700 && none > 100, "{by_name} {none}");
}

#[test]
fn common_parameters_are_everywhere() {
    for cmdlet in documented() {
        let set = cmdlet.sets().swap_remove(0);
        let needed: Vec<Argument> = cmdlet.needed(&set).map(Fact::given).collect();
        let taken = |name: &str| cmdlet.facts.iter().any(|f| f.name.eq_ignore_ascii_case(name));
        for (name, alias, value) in [
            ("Verbose", "vb", Value::Bool(true)),
            ("Debug", "db", Value::Bool(true)),
            ("ErrorAction", "ea", "Stop".into()),
            ("WarningAction", "wa", "SilentlyContinue".into()),
            ("InformationAction", "infa", "Ignore".into()),
            ("ErrorVariable", "ev", "x".into()),
            ("WarningVariable", "wv", "x".into()),
            ("InformationVariable", "iv", "x".into()),
            ("OutVariable", "ov", "x".into()),
            ("OutBuffer", "ob", Value::Int(1)),
            ("PipelineVariable", "pv", "x".into()),
        ] {
            for typed in [name, alias] {
                if taken(typed) {
                    continue;
                }
                let mut line = needed.clone();
                line.push(named(typed, value.clone()));
                let binding = cmdlet.bind(line).unwrap();
                assert_eq!(binding.common().get(name), Some(&value), "{} -{typed}", cmdlet.name);
                assert_eq!(binding.bound().len(), needed.len());
            }
        }
        for typed in ["WhatIf", "wi", "Confirm", "cf"].into_iter().filter(|_| cmdlet.changes) {
            let binding = cmdlet.bind(vec![Argument::Named(typed.into(), None)]).unwrap();
            let preferences = binding.common().preferences();
            assert!(preferences.what_if || preferences.confirm == Some(true));
        }
        let error = cmdlet.fails(vec![named("OutBuffer", "many")], "CannotConvertArgumentNoMessage");
        assert!(error.message.contains("OutBuffer"));
    }
}

#[test]
fn what_is_known_and_not_built_says_so_after_binding() {
    let mut runspace = powershell::Runspace::new(Arc::new(Declarations));
    let mut said = |line: &str| {
        let mut out = Collected::default();
        runspace.run(line, &mut out);
        assert_eq!(out.errors.len(), 1, "{line}: {:?}", out.errors);
        out.errors.swap_remove(0)
    };
    let mut count = 0;
    for cmdlet in documented().iter().filter(|cmdlet| cmdlets::built(&cmdlet.name).is_none()) {
        count += 1;
        let set = cmdlet.sets().swap_remove(0);
        let given = |f: &Fact| match f.sample() {
            Value::Bool(_) => format!(" -{}:$true", f.name),
            Value::Secret(_) => format!(" -{} (ConvertTo-SecureString x -AsPlainText -Force)", f.name),
            Value::Hashtable(_) => format!(" -{} @{{}}", f.name),
            other => format!(" -{} '{other}'", f.name),
        };
        let line: String =
            std::iter::once(cmdlet.name.clone()).chain(cmdlet.needed(&set).map(given)).collect();
        let error = said(&line);
        assert_eq!(error.fully_qualified_id(), format!("NotImplemented,{}", cmdlet.name), "{line}: {error}");
        assert_eq!(error.category, ErrorCategory::NotImplemented);
        assert_eq!(&*error.message, format!("{} is known but not implemented yet.", cmdlet.name));
        let wrong = said(&format!("{line} -Zzyzx 1"));
        assert_eq!(wrong.fully_qualified_id(), format!("NamedParameterNotFound,{}", cmdlet.name));
    }
    assert_eq!(count + cmdlets::counts().0, 846);
}
