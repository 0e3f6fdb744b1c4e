//! `rialto quickstart`: a whole organisation to try out, made at the first start and kept at the next.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
};

use base::{Rng, rng::SystemRng};
use serde::{Deserialize, Serialize};

use crate::{
    cli,
    config::{Config, Listen, Ports},
    configurations::SessionConfigurations,
    error::ServerError,
    files,
    layout::Layout,
    provision::{Account, Organization},
    serve::{self, Running},
    telemetry::LogFormat,
};

/// The organisation's name.
const ORGANIZATION: &str = "First Organization";
/// The mailboxes made: alias and display name.
const MAILBOXES: [(&str, &str); 2] = [("nuno", "Nuno Mota"), ("ana", "Ana Silva")];
/// Characters of generated passwords: none that look alike, none a shell would touch.
const PASSWORD_ALPHABET: &[u8; 54] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ234567";
/// Length of generated passwords: 54^16 choices.
const PASSWORD_LEN: usize = 16;

/// What `--json` prints once the server is ready: one object, then nothing.
#[derive(Debug, Serialize)]
struct Ready<'a> {
    smtp: SocketAddr,
    submission: SocketAddr,
    imap: SocketAddr,
    imaps: SocketAddr,
    pop3: SocketAddr,
    pop3s: SocketAddr,
    https: SocketAddr,
    certificate: PathBuf,
    server: &'a str,
    domain: &'a str,
    data: PathBuf,
    admin: &'a Account,
    mailboxes: &'a [Account],
}

/// What was generated, kept in `quickstart.json` (mode 0600).
#[derive(Debug, Serialize, Deserialize)]
struct Generated {
    domain: String,
    admin: Account,
    mailboxes: Vec<Account>,
}

/// Runs until SIGTERM or Ctrl+C.
pub(crate) async fn run(options: cli::Quickstart) -> Result<(), ServerError> {
    let layout = Layout::new(&options.folder.data);
    let lock = layout.lock()?;
    let ports = options.ports_from.map_or(Ok(Ports::QUICKSTART), Ports::from)?;
    let server_name = format!("mail.{}", options.domain);
    let mut listen = Listen::new(options.listen, ports);
    listen.allow_plaintext = options.allow_plaintext;
    if listen.allow_plaintext && !listen.address.is_loopback() {
        return Err(ServerError::Usage(
            "--allow-plaintext works on loopback only: choose --listen 127.0.0.1".into(),
        ));
    }
    let generated = match files::read(&layout.quickstart())? {
        Some(saved) => serde_json::from_slice(&saved)
            .map_err(|e| ServerError::Usage(format!("{}: {e}", layout.quickstart().display())))?,
        None if files::read(&layout.config())?.is_some() => {
            return Err(ServerError::Usage(format!(
                "{} was prepared by `rialto setup`: run `rialto serve`, or choose another folder for quickstart",
                layout.root().display()
            )));
        }
        None => generate(&options.domain),
    };
    let server_name =
        if generated.domain == options.domain { server_name } else { format!("mail.{}", generated.domain) };
    let config = config(&layout, server_name, listen)?;
    config.save(&layout)?;
    let organization = Organization {
        name: ORGANIZATION.into(),
        domain: generated.domain.clone(),
        ports,
        accounts: generated.mailboxes.clone(),
        site: None,
        administrator: generated.admin.clone(),
    };
    let saved = serde_json::to_vec_pretty(&generated).map_err(|e| ServerError::Usage(e.to_string()))?;
    files::replace(&layout.quickstart(), &saved)?;
    let running = serve::start(layout, lock, config, Some(organization), LogFormat::Text).await?;
    announce(&running, &generated, ports, options.json).map_err(|e| ServerError::io("standard output", e))?;
    running.until_stopped().await
}

/// What was written into the file meanwhile stays; its other settings are what was asked for this time.
fn config(layout: &Layout, server_name: String, listen: Listen) -> Result<Config, ServerError> {
    match Config::load(layout) {
        Ok(before) => {
            let Listen { plain_http, plain_http_basic, .. } = before.listen;
            let listen = Listen { plain_http, plain_http_basic, ..listen };
            Ok(Config { server_name, listen, certificate: None, ..before })
        }
        Err(ServerError::NotSetUp(_)) => {
            let session_configurations = SessionConfigurations::example();
            Ok(Config {
                server_name,
                listen,
                certificate: None,
                kerberos: None,
                session_configurations,
                mailbox_replication: Default::default(),
            })
        }
        Err(other) => Err(other),
    }
}

fn generate(domain: &str) -> Generated {
    let account = |alias: &str, name: &str| Account {
        address: format!("{alias}@{domain}"),
        name: name.into(),
        password: password(),
    };
    Generated {
        domain: domain.into(),
        admin: account("administrator", "Administrator"),
        mailboxes: MAILBOXES.iter().map(|(alias, name)| account(alias, name)).collect(),
    }
}

fn password() -> String {
    let letter = |_| char::from(PASSWORD_ALPHABET[SystemRng.below(PASSWORD_ALPHABET.len() as u64) as usize]);
    (0..PASSWORD_LEN).map(letter).collect()
}

fn announce(running: &Running, generated: &Generated, ports: Ports, json: bool) -> io::Result<()> {
    let listen = &running.config().listen;
    let ready = Ready {
        smtp: listen.at(ports.smtp),
        submission: listen.at(ports.submission),
        imap: listen.at(ports.imap),
        imaps: listen.at(ports.imaps),
        pop3: listen.at(ports.pop3),
        pop3s: listen.at(ports.pop3s),
        https: listen.at(ports.https),
        certificate: running.certificate().to_owned(),
        server: &running.config().server_name,
        domain: &generated.domain,
        data: running.layout().root().to_owned(),
        admin: &generated.admin,
        mailboxes: &generated.mailboxes,
    };
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, &ready)?;
        writeln!(out)?;
    } else {
        write_for_people(&mut out, &ready)?;
    }
    out.flush()
}

fn write_for_people(out: &mut impl Write, ready: &Ready<'_>) -> io::Result<()> {
    let Ready { smtp, submission, imaps, https, certificate, server, data, .. } = ready;
    writeln!(out, "Rialto is ready: {server}, data in {}\n", data.display())?;
    for account in std::iter::once(ready.admin).chain(ready.mailboxes) {
        writeln!(out, "  {:<34} password {}", account.address, account.password)?;
    }
    let [user, ..] = ready.mailboxes else { return Ok(()) };
    let Account { address, password, .. } = user;
    let login = address.replace('@', "%40");
    writeln!(
        out,
        "
  SMTP {smtp}   submission {submission}   IMAP {imap}   IMAPS {imaps}   POP3 {pop3}   HTTPS {https}
  certificate {certificate}

Send      swaks --server {smtp} --from you@example.org --to {address}
          swaks --server {submission} --tls --auth PLAIN --auth-user {address} --auth-password {password} --to {address}
Read      mutt -e 'set ssl_ca_certificates_file=\"{certificate}\"' -f imaps://{login}:{password}@{imaps}/
          curl --insecure --user {address}:{password} 'imaps://{imaps}/INBOX;MAILINDEX=1'
Administer   rialto shell --data {data}        (for example: Get-Mailbox | Format-Table Name,PrimarySmtpAddress)

Ctrl+C stops the server; started again on the same folder it keeps everything.",
        imap = ready.imap,
        pop3 = ready.pop3,
        certificate = certificate.display(),
        data = data.display(),
    )
}
