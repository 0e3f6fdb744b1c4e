//! Where `New-PSSession`, `Enter-PSSession` and `Invoke-Command` connect to, and how: their common parameters,
//! and `New-PSSessionOption`.

use std::{sync::Arc, time::Duration};

use base::EnhancedTimeSpan;
use wire::{
    clixml::Node,
    psrp::client::{MESSAGE_MAX, Options},
};

use super::{Args, Builtin, P, p, stages::once, switch};
use crate::{
    cmdlet::{ErrorCategory, Prompt},
    eval::{Interp, Run, runtime},
    pipeline::Stage,
    remote::{Endpoint, Failure, HOST, Opening, REDIRECTIONS, Session},
    text::to_node,
    value::{PsObject, Secret, Value},
};

/// The parameters that say where to.
pub(super) const CONNECTION: [P; 10] = [
    p("ComputerName", "String[]").alias(&["Cn"]),
    p("ConnectionUri", "String[]").alias(&["URI", "CU"]),
    p("Credential", "Object"),
    p("Authentication", "String").one_of(&[
        "Basic",
        "Default",
        "Credssp",
        "Digest",
        "Kerberos",
        "Negotiate",
        "NegotiateWithImplicitCredential",
    ]),
    p("ConfigurationName", "String"),
    p("Port", "Int32"),
    switch("UseSSL"),
    p("ApplicationName", "String"),
    switch("AllowRedirection"),
    p("SessionOption", "Object"),
];

pub(crate) const NEW_PS_SESSION_OPTION: Builtin = Builtin {
    name: "New-PSSessionOption",
    aliases: &[],
    synopsis: "Creates an object that contains advanced options for a PowerShell session.",
    parameters: &[
        p("MaximumRedirection", "Int32"),
        switch("NoCompression"),
        switch("NoMachineProfile"),
        p("Culture", "String"),
        p("UICulture", "String"),
        p("MaximumReceivedDataSizePerCommand", "Int32"),
        p("MaximumReceivedObjectSize", "Int32"),
        p("OutputBufferingMode", "String").one_of(&["None", "Drop", "Block"]),
        p("MaxConnectionRetryCount", "Int32"),
        p("ApplicationArguments", "Object"),
        p("OpenTimeout", "Int32").alias(&["OpenTimeoutMSec"]),
        p("CancelTimeout", "Int32").alias(&["CancelTimeoutMSec"]),
        p("IdleTimeout", "Int32").alias(&["IdleTimeoutMSec"]),
        p("OperationTimeout", "Int32").alias(&["OperationTimeoutMSec"]),
        p("ProxyAccessType", "String"),
        p("ProxyAuthentication", "String"),
        p("ProxyCredential", "Object"),
        switch("SkipCACheck"),
        switch("SkipCNCheck"),
        switch("SkipRevocationCheck"),
        switch("NoEncryption"),
        switch("UseUTF16"),
        switch("IncludePortInSPN"),
    ],
    should_process: false,
    make: option,
};

/// The shell idles so long by default (`PSSessionOption.IdleTimeout`).
const IDLE: Duration = Duration::from_secs(7200);
/// What idles shorter than this is refused by servers.
const IDLE_MIN: Duration = Duration::from_secs(60);
/// How long a request may take by default.
const OPERATION: Duration = Duration::from_secs(180);
/// How long one long poll waits.
const WAIT: Duration = Duration::from_secs(20);
/// What Microsoft's clients say of themselves.
const PS_VERSION: &str = "PSVersion=5.1.20348.1";

fn option(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    Ok(once(move |cx, out| {
        let number = |name: &str, default: i32| args.get(name).cloned().unwrap_or(Value::Int(default));
        let span = |name: &str, default: Duration| {
            let millis = args.count(name).map(|millis| Duration::from_millis(millis as u64));
            Value::TimeSpan(EnhancedTimeSpan::from(millis.unwrap_or(default)))
        };
        let object =
            PsObject::new(&["System.Management.Automation.Remoting.PSSessionOption", "System.Object"])
                .with("MaximumConnectionRedirectionCount", number("MaximumRedirection", REDIRECTIONS as i32))
                .with("NoCompression", args.on("NoCompression"))
                .with("NoMachineProfile", args.on("NoMachineProfile"))
                .with("SkipCACheck", args.on("SkipCACheck"))
                .with("SkipCNCheck", args.on("SkipCNCheck"))
                .with("SkipRevocationCheck", args.on("SkipRevocationCheck"))
                .with("OperationTimeout", span("OperationTimeout", OPERATION))
                .with("NoEncryption", args.on("NoEncryption"))
                .with("OpenTimeout", span("OpenTimeout", OPERATION))
                .with("IdleTimeout", span("IdleTimeout", IDLE))
                .with("MaximumReceivedObjectSize", number("MaximumReceivedObjectSize", MESSAGE_MAX as i32))
                .with("ApplicationArguments", args.get("ApplicationArguments").cloned().unwrap_or_default());
        out.put(cx, object.into())
    }))
}

/// The sessions a command line asks for.
pub(super) fn openings(cx: &mut Interp<'_>, args: &Args) -> Run<Vec<Opening>> {
    let option = args.get("SessionOption").cloned().unwrap_or_default();
    let on = |name: &str| option.property(name).is_some_and(|value| value.truth());
    authentication(args.text("Authentication").as_deref())?;
    let configuration = args.text("ConfigurationName").unwrap_or_else(|| "Microsoft.PowerShell".into());
    let mut all = Vec::new();
    let names = args.list("Name");
    for (at, url) in urls(args, on("NoEncryption"))?.into_iter().enumerate() {
        let (user, password) = credential(cx, args.get("Credential"))?;
        let endpoint = Endpoint {
            url: url.clone(),
            user,
            password,
            check_authority: !on("SkipCACheck"),
            check_name: !on("SkipCNCheck"),
        };
        cx.state.remotes.last += 1;
        let id = cx.state.remotes.last;
        let name = names.get(at).map_or_else(|| format!("WinRM{id}"), Value::to_string);
        let redirections = match option.property("MaximumConnectionRedirectionCount") {
            _ if !args.on("AllowRedirection") => 0,
            Some(Value::Int(n)) => u32::try_from(n).unwrap_or(0),
            _ => REDIRECTIONS,
        };
        all.push(Opening {
            options: options(&option, url, &configuration, &name),
            endpoint,
            redirections,
            id,
            name,
            configuration: short(&configuration).to_owned(),
        });
    }
    Ok(all)
}

/// Opens one; where that fails, why.
pub(super) fn open(cx: &mut Interp<'_>, opening: Opening) -> Run<Result<Arc<Session>, Failure>> {
    let Some(remoting) = cx.state.remotes.remoting.clone() else {
        let text = "Remote sessions cannot be opened from this session.";
        return Err(runtime("RemotingNotAvailable", ErrorCategory::NotEnabled, text));
    };
    Ok(Session::open(remoting, &cx.state.rng, opening))
}

/// Only what is built may be asked for.
fn authentication(method: Option<&str>) -> Run<()> {
    match method {
        None => Ok(()),
        Some(method) if ["Basic", "Default"].iter().any(|own| own.eq_ignore_ascii_case(method)) => Ok(()),
        Some(method) => {
            let text = format!(
                "The authentication mechanism {method} is not built into this shell yet. Use -Authentication Basic and an \
                 https URI."
            );
            Err(runtime("AuthenticationNotImplemented", ErrorCategory::NotImplemented, text))
        }
    }
}

fn urls(args: &Args, unencrypted: bool) -> Run<Vec<String>> {
    let mut urls: Vec<String> = args.list("ConnectionUri").iter().map(Value::to_string).collect();
    let (scheme, port) = if args.on("UseSSL") { ("https", 5986) } else { ("http", 5985) };
    let port = args.count("Port").unwrap_or(port);
    let application = args.text("ApplicationName").unwrap_or_else(|| "wsman".into());
    let computers = args.list("ComputerName");
    urls.extend(computers.iter().map(|name| format!("{scheme}://{name}:{port}/{application}")));
    if urls.is_empty() {
        let text = "Say where to: -ConnectionUri https://server/PowerShell/, or -ComputerName with -UseSSL.";
        return Err(runtime("MissingConnection", ErrorCategory::InvalidArgument, text));
    }
    urls.into_iter().map(|url| checked(&url, unencrypted)).collect()
}

/// A URL as it is asked for: with what Microsoft's clients add.
fn checked(url: &str, unencrypted: bool) -> Run<String> {
    let lower = url.to_ascii_lowercase();
    let rest = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://"));
    let plain = url.bytes().all(|b| b.is_ascii_graphic());
    if !plain || rest.is_none_or(|rest| crate::remote::host(rest).is_empty() || rest.contains('@')) {
        let text =
            format!("The connection URI \"{url}\" is not valid. It must be like https://server/PowerShell/.");
        return Err(runtime("InvalidUri", ErrorCategory::InvalidArgument, text));
    }
    if !lower.starts_with("https://") && !unencrypted {
        let text = "The WinRM client cannot process the request. Unencrypted traffic is currently disabled in the client \
                    configuration: a password would be readable on the way. Use an https URI, or New-PSSessionOption \
                    -NoEncryption where you know the network.";
        return Err(runtime("UnencryptedDisabled", ErrorCategory::SecurityError, text));
    }
    let url = url.split('#').next().unwrap_or(url);
    Ok(match url.split_once('?') {
        Some((_, query)) if query.contains("PSVersion=") => url.to_owned(),
        Some((path, query)) => format!("{}?{query};{PS_VERSION}", path.trim_end_matches('/')),
        None => format!("{}?{PS_VERSION}", url.trim_end_matches('/')),
    })
}

/// The user's name and password; asked for where only a name was given.
fn credential(cx: &mut Interp<'_>, given: Option<&Value>) -> Run<(String, Secret)> {
    let missing = || {
        let text = "A credential is needed: -Credential (Get-Credential).";
        runtime("MissingCredential", ErrorCategory::AuthenticationError, text)
    };
    let given = given.ok_or_else(missing)?;
    if let (Some(user), Some(Value::Secret(password))) =
        (given.property("UserName"), given.property("Password"))
    {
        return Ok((user.to_string(), password));
    }
    let user = given.as_str().filter(|user| !user.is_empty()).ok_or_else(missing)?;
    let message = format!("Password for user {user}");
    let prompt =
        Prompt { caption: "Enter your credentials.".into(), message, secret: true, ..Prompt::default() };
    let password = cx.ask(&prompt)?.ok_or_else(missing)?;
    Ok((user.to_owned(), Secret::new(&password.to_string())))
}

fn options(option: &Value, to: String, configuration: &str, name: &str) -> Options {
    let span = |name: &str, default: Duration| match option.property(name) {
        Some(Value::TimeSpan(span)) => Duration::from_micros(u64::try_from(span.micros).unwrap_or(0)),
        Some(Value::Int(millis)) => Duration::from_millis(u64::try_from(millis).unwrap_or(0)),
        _ => default,
    };
    let message_max = match option.property("MaximumReceivedObjectSize") {
        Some(Value::Int(bytes)) => usize::try_from(bytes).unwrap_or(0).clamp(1 << 10, MESSAGE_MAX),
        _ => MESSAGE_MAX,
    };
    let resource = if configuration.contains("://") {
        configuration.to_owned()
    } else {
        format!("{}{configuration}", wire::wsman::resource::CONFIGURATION)
    };
    let arguments = option.property("ApplicationArguments").unwrap_or_default();
    Options {
        to,
        resource,
        name: name.to_owned(),
        idle: span("IdleTimeout", IDLE).max(IDLE_MIN),
        wait: WAIT,
        operation: span("OperationTimeout", OPERATION).max(WAIT),
        message_max,
        host: HOST,
        arguments: if arguments.is_null() { Node::Nil } else { to_node(&arguments, 2) },
    }
}

/// `Microsoft.Exchange` of its URI.
fn short(configuration: &str) -> &str {
    configuration.rsplit('/').next().unwrap_or(configuration)
}
