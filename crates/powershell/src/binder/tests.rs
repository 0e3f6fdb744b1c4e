//! The binder against the product's real declarations.

use super::*;
use crate::{
    cmdlet::NoCommands,
    facts::Facts,
    value::{Hashtable, PsObject},
};

static FACTS: Facts = Facts::new("Example", include_str!("../../../cmdlets/data/cmdlets.jsonl"))
    .with_optional(&[("New-Mailbox", "Password"), ("New-Mailbox", "UserPrincipalName")]);
const NOW: Timestamp = Timestamp::from_secs(1_795_412_281);

/// `-Name`, `-Name:True`, anything else is a value.
fn arguments(line: &[&str]) -> Vec<Argument> {
    line.iter()
        .map(|word| match word.strip_prefix('-') {
            Some(name) => match name.split_once(':') {
                Some((name, value)) => Argument::Named(name.into(), Some(literal(value).into())),
                None => Argument::Named(name.into(), None),
            },
            None => Argument::Value(literal(word).into()),
        })
        .collect()
}

fn literal(word: &str) -> Value {
    match word {
        "a,b" => vec!["a", "b"].into(),
        "$true" => Value::Bool(true),
        "$false" => Value::Bool(false),
        "$null" => Value::Null,
        _ => word.into(),
    }
}

fn binding(command: &str, line: &[&str]) -> Result<Binding, ErrorRecord> {
    bind(Arc::new(FACTS.find(command).unwrap()), arguments(line), Arc::new(NoCommands), NOW)
}

fn call(command: &str, line: &[&str]) -> Result<Invocation, ErrorRecord> {
    binding(command, line).and_then(|b| b.finish())
}

fn shown(call: &Invocation) -> String {
    let parameters: Vec<String> = call.parameters.iter().map(|(n, v)| format!("{n}={v}")).collect();
    parameters.join(" ")
}

#[test]
fn binds_what_administrators_type() {
    for (command, line, expected) in [
        (
            "Set-Mailbox",
            &["nuno", "-ForwardingSMTPAddress", "x@ext.example", "-DeliverToMailboxAndForward", "$true"][..],
            "ForwardingSmtpAddress=x@ext.example DeliverToMailboxAndForward=True Identity=nuno",
        ),
        (
            "New-RemoteDomain",
            &["-Name", "Ext", "-DomainName", "ext.example"],
            "Name=Ext DomainName=ext.example",
        ),
        ("Get-RemoteDomain", &["Ext"], "Identity=Ext"),
        ("Get-Mailbox", &["-Res", "Unlimited"], "ResultSize=Unlimited"),
        ("Get-Mailbox", &["-ResultSize", "100", "-Arch"], "ResultSize=100 Archive=True"),
        ("Get-Mailbox", &["-Archive:$false"], "Archive=False"),
        ("Get-MailboxStatistics", &["-Database", "DB01"], "Database=DB01"),
        ("Get-MailboxStatistics", &["nuno", "-Archive"], "Archive=True Identity=nuno"),
        (
            "Set-MailboxDatabase",
            &["DB01", "-MailboxRetention", "30.00:00:00"],
            "MailboxRetention=30.00:00:00 Identity=DB01",
        ),
        ("New-Mailbox", &["Room 1", "-Room"], "Room=True Name=Room 1"),
        (
            "Update-StoreMailboxState",
            &["-Database", "DB", "-Identity", "g", "-Confirm:$false"],
            "Database=DB Identity=g",
        ),
    ] {
        assert_eq!(call(command, line).map(|c| shown(&c)), Ok(expected.to_owned()), "{command} {line:?}");
    }
}

#[test]
fn says_what_powershell_says() {
    for (command, line, id, text) in [
        (
            "Set-Mailbox",
            &["nuno", "-Foo", "1"][..],
            "NamedParameterNotFound",
            "A parameter cannot be found that matches parameter name 'Foo'.",
        ),
        (
            "Set-Mailbox",
            &["nuno", "-ForwardingSMTPAddress", "-DeliverToMailboxAndForward", "$true"],
            "MissingArgument",
            "Missing an argument for parameter 'ForwardingSmtpAddress'. Specify a parameter of type \
             'System.String' and try again.",
        ),
        (
            "Set-Mailbox",
            &["-DeliverToMailboxAndForward", "$true"],
            "MissingMandatoryParameter",
            "Cannot process command because of one or more missing mandatory parameters: Identity.",
        ),
        (
            "Set-Mailbox",
            &["nuno", "-Forwarding", "x"],
            "AmbiguousParameter",
            "Parameter cannot be processed because the parameter name 'Forwarding' is ambiguous. Possible \
             matches include: -ForwardingAddress -ForwardingSmtpAddress.",
        ),
        (
            "Get-Mailbox",
            &["a", "b"],
            "PositionalParameterNotFound",
            "A positional parameter cannot be found that accepts argument 'b'.",
        ),
        (
            "Get-MailboxStatistics",
            &["-Database", "DB01", "-Server", "s"],
            "AmbiguousParameterSet",
            "Parameter set cannot be resolved using the specified named parameters.",
        ),
        (
            "Set-Mailbox",
            &["nuno", "-DeliverToMailboxAndForward", "yes"],
            "CannotConvertArgument",
            "Cannot convert 'System.String' to the type 'System.Boolean' required by parameter \
             'DeliverToMailboxAndForward'. Boolean parameters accept only Boolean values and numbers, such as \
             $True, $False, 1 or 0.",
        ),
        (
            "Get-Mailbox",
            &["a,b"],
            "CannotConvertArgument",
            "Cannot convert 'System.Object[]' to the type 'Microsoft.Exchange.Data.Directory.ADObjectId' required by \
             parameter 'Identity'. Specified method is not supported.",
        ),
        (
            "Set-Mailbox",
            &["$null"],
            "ParameterArgumentValidationErrorNullNotAllowed",
            "Cannot bind argument to parameter 'Identity' because it is null.",
        ),
        (
            "Set-Mailbox",
            &["nuno", "-Alias", "a", "-Alias", "b"],
            "ParameterAlreadyBound",
            "Cannot bind parameter because parameter 'Alias' is specified more than once. To provide multiple \
             values to parameters that can accept multiple values, use the array syntax. For example, \
             \"-parameter value1,value2,value3\".",
        ),
    ] {
        let error = call(command, line).unwrap_err();
        assert_eq!(error.fully_qualified_id(), format!("{id},{command}"));
        assert_eq!(&*error.message, text);
    }
}

#[test]
fn common_parameters_stay_apart() {
    let binding =
        binding("Set-Mailbox", &["nuno", "-ea", "Silent", "-ev", "err", "-wi", "-Confirm:$false"]).unwrap();
    assert_eq!(binding.bound().len(), 1);
    assert_eq!(binding.common().get("ErrorVariable"), Some(&"err".into()));
    let preferences = binding.common().preferences();
    assert!(preferences.what_if && preferences.confirm == Some(false));
    assert_eq!(preferences.error, crate::cmdlet::ActionPreference::SilentlyContinue);
    assert_eq!(&*call("Get-Mailbox", &["-WhatIf"]).unwrap_err().error_id, "NamedParameterNotFound");
}

#[test]
fn pipeline_objects_find_their_parameter() {
    let database = Value::from(
        PsObject::new(&["Microsoft.Exchange.Data.Directory.SystemConfiguration.MailboxDatabase"])
            .with("Identity", "DB01")
            .with("Server", "EX1"),
    );
    let mailbox = Value::from(
        PsObject::new(&["Microsoft.Exchange.Data.Directory.Management.Mailbox"])
            .with("Identity", "example/nuno")
            .with("Database", "DB01"),
    );
    let row = Value::from(PsObject::custom().with("Name", "Nuno").with("Member", "nuno"));
    for (command, line, object, expected) in [
        ("Get-MailboxStatistics", &[][..], &database, "Database=DB01"),
        ("Get-Mailbox", &[], &database, "Database=DB01"),
        ("Get-MailboxStatistics", &[], &mailbox, "Identity=example/nuno"),
        ("Set-Mailbox", &["-Alias", "n"], &mailbox, "Alias=n Identity=example/nuno"),
        ("Add-DistributionGroupMember", &["Staff"], &mailbox, "Identity=Staff Member=example/nuno"),
        ("Add-DistributionGroupMember", &["Staff"], &row, "Identity=Staff Member=nuno"),
        ("Get-Mailbox", &[], &"nuno".into(), "Identity=nuno"),
    ] {
        let bound = binding(command, line).unwrap().bind_object(object);
        assert_eq!(bound.map(|c| shown(&c)), Ok(expected.to_owned()), "{command}");
    }
    let error = binding("Set-Mailbox", &["nuno"]).unwrap().bind_object(&mailbox).unwrap_err();
    assert_eq!(error.fully_qualified_id(), "InputObjectNotBound,Set-Mailbox");
}

#[test]
fn lists_are_edited_by_hashtables() {
    let edit =
        Value::Hashtable(Hashtable::from_entries(false, [("Add".into(), Value::from(vec!["a", "b"]))]));
    let line = vec![Argument::Named("BypassedRecipients".into(), None), Argument::Value(edit.clone().into())];
    let info = Arc::new(FACTS.find("Set-IPBlockListProvidersConfig").unwrap());
    let call = bind(info.clone(), line, Arc::new(NoCommands), NOW).unwrap().finish().unwrap();
    assert_eq!(call.get("BypassedRecipients"), Some(&edit));
    let again =
        bind_named(info, call.parameters.clone(), Preferences::default(), Arc::new(NoCommands), NOW).unwrap();
    assert_eq!(again.parameters, call.parameters, "binding what is bound changes nothing");
}
