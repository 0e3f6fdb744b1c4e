//! `rialto setup`: prepares a data folder for real use, asking for what the flags do not say.

use std::io::{self, BufRead, IsTerminal, Write};

use dag::link::JoinKey;

use crate::{
    cli,
    config::{CertificateFiles, Config, Listen, Ports},
    configurations::SessionConfigurations,
    error::ServerError,
    files, join,
    layout::Layout,
    provision::{Account, Organization},
    serve,
};

/// The shortest administrator password taken.
const PASSWORD_MIN: usize = 8;

/// Prepares the folder and says what to do next.
pub(crate) async fn run(options: cli::Setup) -> Result<(), ServerError> {
    let layout = Layout::new(&options.folder.data);
    let lock = layout.lock()?;
    if files::read(&layout.config())?.is_some() {
        return Err(ServerError::Usage(format!(
            "{} is already set up: run `rialto serve --data {}`; what setup asked for is changed with cmdlets and in {}",
            layout.root().display(),
            layout.root().display(),
            layout.config().display()
        )));
    }
    let ask = Asker::new(!options.non_interactive);
    if let Some(at) = options.join.clone() {
        return join(&layout, &options, &ask, &at).await;
    }
    let domain =
        ask.value(options.domain.as_deref(), "--domain", "Mail domain (the part after the @)", None)?;
    let domain = domain.parse::<base::SmtpDomain>().map_err(|e| ServerError::Usage(e.to_string()))?;
    let suggested = format!("mail.{domain}");
    let server_name = ask.value(
        options.server_name.as_deref(),
        "--server-name",
        "This server's full host name",
        Some(&suggested),
    )?;
    let server_name =
        server_name.parse::<base::SmtpDomain>().map_err(|e| ServerError::Usage(e.to_string()))?;
    let password = administrator_password(&options, &ask)?;
    let ports = options.ports_from.map_or(Ok(Ports::STANDARD), Ports::from)?;
    let config = configuration(&options, server_name.to_string(), ports);
    let administrator =
        Account { address: format!("administrator@{domain}"), name: "Administrator".into(), password };
    let organization = Organization {
        name: options.organization,
        domain: domain.to_string(),
        ports,
        accounts: Vec::new(),
        administrator,
        site: options.site,
    };
    serve::prepare(&layout, &config, &organization).await?;
    config.save(&layout)?;
    drop(lock);
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{data} is ready for {domain}.\n\nNext:\n  rialto serve --data {data}\n  rialto shell --data {data} -Command \"New-Mailbox -Name Ana -UserPrincipalName ana@{domain} -Password (Read-Host -AsSecureString)\"\n  DNS: an MX record for {domain} that points at {server_name}",
        data = layout.root().display()
    )
    .map_err(|e| ServerError::io("standard output", e))
}

/// Becomes a server of the organisation that the server at `at` belongs to.
async fn join(layout: &Layout, options: &cli::Setup, ask: &Asker, at: &str) -> Result<(), ServerError> {
    let name =
        ask.value(options.server_name.as_deref(), "--server-name", "This server's full host name", None)?;
    let name = name.parse::<base::SmtpDomain>().map_err(|e| ServerError::Usage(e.to_string()))?;
    let key = options.join_key.as_deref().filter(|key| *key != "-");
    let key =
        ask.value(key, "--join-key", "Join key (New-ServerJoinKey on the other server makes one)", None)?;
    let key = key.parse::<JoinKey>().map_err(|e| ServerError::Usage(e.to_string()))?;
    let ports = options.ports_from.map_or(Ok(Ports::STANDARD), Ports::from)?;
    let config = configuration(options, name.to_string(), ports);
    let joined = join::join(layout, &config, ports, at, &key, options.site.clone()).await?;
    config.save(layout)?;
    tracing::debug!(server = %joined.server, "joined");
    writeln!(
        io::stdout().lock(),
        "{name} has joined {}.\n\nNext:\n  rialto serve --data {data}\n  rialto shell --data {data} -Command Get-ServerLink",
        joined.organization,
        data = layout.root().display()
    )
    .map_err(|e| ServerError::io("standard output", e))
}

fn configuration(options: &cli::Setup, server_name: String, ports: Ports) -> Config {
    let files = options.certificate.clone().zip(options.private_key.clone());
    let link_addresses = options.link_address.clone();
    Config {
        server_name,
        listen: Listen { link_addresses, ..Listen::new(options.listen, ports) },
        certificate: files.map(|(chain, key)| CertificateFiles { chain, key }),
        kerberos: None,
        session_configurations: SessionConfigurations::default(),
        mailbox_replication: Default::default(),
    }
}

fn administrator_password(options: &cli::Setup, ask: &Asker) -> Result<String, ServerError> {
    let failed = |e| ServerError::io("the administrator's password", e);
    let password = match &options.password_file {
        Some(file) if file.as_os_str() == "-" => {
            first_line(&mut io::stdin().lock()).map_err(failed)?.unwrap_or_default()
        }
        Some(file) => {
            let bytes = files::read(file)?.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
            first_line(&mut bytes.as_slice()).map_err(failed)?.unwrap_or_default()
        }
        None => ask.password("--password-file", "Password for administrator")?,
    };
    if password.chars().count() < PASSWORD_MIN {
        return Err(ServerError::Usage(format!("the password needs at least {PASSWORD_MIN} characters")));
    }
    Ok(password)
}

/// The next line; nothing at the end.
fn first_line(input: &mut dyn BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = input.read_line(&mut line)?;
    Ok((read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Asks whoever answers on standard input: a person at a terminal, or a script through a pipe.
struct Asker {
    allowed: bool,
    terminal: bool,
}

impl Asker {
    fn new(allowed: bool) -> Self {
        Self { allowed, terminal: io::stdin().is_terminal() }
    }

    /// What a flag said, else what is answered, else the suggestion or an error that names the flag.
    fn value(
        &self,
        given: Option<&str>,
        flag: &str,
        question: &str,
        suggestion: Option<&str>,
    ) -> Result<String, ServerError> {
        if let Some(given) = given {
            return Ok(given.to_owned());
        }
        let missing = || ServerError::Usage(format!("{flag} is needed ({question})"));
        loop {
            let prompt = suggestion.map_or_else(String::new, |suggestion| format!(" [{suggestion}]"));
            let answer = if self.allowed { answer(&format!("{question}{prompt}: "))? } else { None };
            match (answer.as_deref().map(str::trim), suggestion) {
                (Some("") | None, Some(suggestion)) => return Ok(suggestion.to_owned()),
                (None, None) => return Err(missing()),
                (Some(""), None) => {}
                (Some(answer), _) => return Ok(answer.to_owned()),
            }
        }
    }

    /// A new password: at a terminal unseen and twice, else one line.
    fn password(&self, flag: &str, question: &str) -> Result<String, ServerError> {
        let missing = || ServerError::Usage(format!("give the administrator's password with {flag}"));
        if !self.allowed {
            return Err(missing());
        }
        if !self.terminal {
            return answer(&format!("{question}: "))?.ok_or_else(missing);
        }
        let failed = |e| ServerError::io("the administrator's password", e);
        let first = rpassword::prompt_password(format!("{question}: ")).map_err(failed)?;
        if rpassword::prompt_password("Again: ").map_err(failed)? != first {
            return Err(ServerError::Usage("the passwords differ".into()));
        }
        Ok(first)
    }
}

/// Asks, and reads the next line of standard input; nothing where there are no more.
fn answer(prompt: &str) -> Result<Option<String>, ServerError> {
    let mut prompts = io::stderr().lock();
    let asked = write!(prompts, "{prompt}").and_then(|()| prompts.flush());
    let line = asked.and_then(|()| first_line(&mut io::stdin().lock()));
    line.map_err(|e| ServerError::io("standard input", e))
}
