//! The command line: what `rialto --help` says, and nothing else.

use std::{ffi::OsString, net::IpAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

/// An open messaging server that an Exchange administrator already knows how to run.
#[derive(Debug, Parser)]
#[command(name = "rialto", version, propagate_version = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The verbs of the binary.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a complete server for trying out: an organisation, an administrator and two mailboxes, on unprivileged ports.
    #[command(after_long_help = QUICKSTART_HELP)]
    Quickstart(Quickstart),
    /// Prepare a data folder for real use; asks for what is not given.
    #[command(after_long_help = SETUP_HELP)]
    Setup(Setup),
    /// Run the server on a data folder that `setup` prepared.
    #[command(after_long_help = SERVE_HELP)]
    Serve(Serve),
    /// Administer a running server with PowerShell cmdlets.
    #[command(after_long_help = SHELL_HELP)]
    Shell(Shell),
    /// Say of each command of PowerShell scripts whether it would run here, without running anything.
    #[command(after_long_help = ANALYZE_HELP)]
    Analyze(Analyze),
    /// Print a completion script for a shell.
    #[command(after_long_help = COMPLETIONS_HELP)]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Write the manual pages, one for each command, into a folder.
    #[command(after_long_help = "Packages install them in /usr/share/man/man1; then `man rialto` works.")]
    Man {
        /// The folder; it is made where there is none.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Print the systemd unit for `rialto serve`.
    #[command(after_long_help = UNIT_HELP)]
    SystemdUnit(DataFolder),
}

const QUICKSTART_HELP: &str = "Examples:
  rialto quickstart                      in ./rialto-data; prints addresses, passwords and ports
  rialto shell -c Get-Mailbox            from another terminal, in the same folder
  rialto quickstart --json               for programs: one JSON object once it is ready";

const SETUP_HELP: &str = "Examples:
  rialto setup --data /var/lib/rialto --domain contoso.com --server-name mail.contoso.com
  rialto setup --data d --domain contoso.com --server-name mail.contoso.com \\
               --password-file - --non-interactive < password
  rialto setup --data /var/lib/rialto --join mail1.contoso.com:64327 --server-name mail2.contoso.com

Makes the organisation, a mailbox database, the default connectors and the mailbox administrator@DOMAIN. Refuses a
folder that is set up already. With --join it becomes one more server of an organization that exists: see
docs/admin/servers.md.";

const SERVE_HELP: &str = "Examples:
  rialto serve --data /var/lib/rialto
  RUST_LOG=info rialto serve --data /var/lib/rialto --log-json

SIGTERM and Ctrl+C stop it gracefully: sessions finish what they do and everything is written. RUST_LOG chooses what
is logged (error, warn, info, debug, trace).";

const SHELL_HELP: &str = "Examples:
  rialto shell                                       a prompt, with history and completion
  rialto shell -Command \"Get-Mailbox | ft Name\"      one text
  rialto shell -File report.ps1 -Days 7              a script with arguments
  echo Get-Queue | rialto shell                      lines from a pipe
  rialto shell -OutputFormat json -Command Get-Queue for programs

Exit code: 0 when no error was left unhandled, 1 otherwise, or what `exit` says. Who may use it is who may open the
socket in the data folder: root and the server's own user. `rialto analyze` says beforehand what of a script runs.";

const UNIT_HELP: &str = "Examples:
  rialto systemd-unit --data /var/lib/rialto > /etc/systemd/system/rialto.service
  systemctl daemon-reload && systemctl enable --now rialto";

const ANALYZE_HELP: &str = "\
Every command is bound with PowerShell's own rules against all known cmdlets; arguments that only a run would tell
bind as anything. Needs no server and changes nothing. Each command that would not run is one line,
FILE:LINE:COLUMN: STATUS: COMMAND: why; then a summary per file, and totals.

  not-built    the command, one of its parameters, or a .NET type is not here (yet)
  bind-error   the call is wrong: an unknown parameter, a missing or ill-typed value
  parse-error  the file is not PowerShell: none of it would run

Exit code: 0 when everything runs, 1 when something does not, 2 when a file cannot be read.

  rialto analyze scripts/            every *.ps1 below a folder
  rialto analyze --json a.ps1 b.ps1  for programs
  rialto analyze - < a.ps1           standard input";

const COMPLETIONS_HELP: &str = "Examples:
  bash   rialto completions bash > /etc/bash_completion.d/rialto
  zsh    rialto completions zsh > /usr/local/share/zsh/site-functions/_rialto
  fish   rialto completions fish > ~/.config/fish/completions/rialto.fish";

/// `rialto analyze`
#[derive(Debug, Args)]
pub(crate) struct Analyze {
    /// Script files; folders are searched for *.ps1, `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) paths: Vec<PathBuf>,
    /// Print one JSON document: {"files":[{"path","status","statements":[{"line","column","command","status","message"}]}]}
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which data folder.
#[derive(Debug, Args)]
pub(crate) struct DataFolder {
    /// The data folder.
    #[arg(long, value_name = "DIR", env = "RIALTO_DATA", default_value = "rialto-data")]
    pub(crate) data: PathBuf,
}

/// `rialto quickstart`
#[derive(Debug, Args)]
pub(crate) struct Quickstart {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// Listen on consecutive ports from this one, instead of the memorable ones (8025, 8587, 8143 …).
    #[arg(long, value_name = "PORT")]
    pub(crate) ports_from: Option<u16>,
    /// Listen on this address.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub(crate) listen: IpAddr,
    /// The first accepted domain, when the folder is new.
    #[arg(long, default_value = "rialto.test")]
    pub(crate) domain: String,
    /// Print one JSON object once ready, and nothing else.
    #[arg(long)]
    pub(crate) json: bool,
    /// Let IMAP and POP3 clients log on without TLS (loopback only; for measuring).
    #[arg(long)]
    pub(crate) allow_plaintext: bool,
}

/// `rialto setup`
#[derive(Debug, Args)]
pub(crate) struct Setup {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// The first accepted domain: the part after the @ of your addresses.
    #[arg(long)]
    pub(crate) domain: Option<String>,
    /// This server's full host name, as other mail servers see it.
    #[arg(long, value_name = "FQDN")]
    pub(crate) server_name: Option<String>,
    /// The organisation's name.
    #[arg(long, default_value = "First Organization")]
    pub(crate) organization: String,
    /// The site this server is in: servers of one site are near each other. Made where there is none of that name.
    #[arg(long, value_name = "NAME")]
    pub(crate) site: Option<String>,
    /// Listen on this address; all when not given.
    #[arg(long, value_name = "IP", default_value = "0.0.0.0")]
    pub(crate) listen: IpAddr,
    /// Join the organisation of a running server: the address of its links, HOST:PORT (port 64327 unless it was set).
    /// On it, `New-ServerJoinKey` makes the key.
    #[arg(long, value_name = "HOST:PORT", conflicts_with_all = ["domain", "password_file"])]
    pub(crate) join: Option<String>,
    /// The join key, or `-` to read it from standard input; asked for when not given.
    #[arg(long, value_name = "KEY", requires = "join", env = "RIALTO_JOIN_KEY", hide_env_values = true)]
    pub(crate) join_key: Option<String>,
    /// Where the other servers reach this one, HOST:PORT (may be repeated); its server name and port when not given.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) link_address: Vec<String>,
    /// Use the standard ports (25, 587, 143 …), or consecutive ones from this.
    #[arg(long, value_name = "PORT")]
    pub(crate) ports_from: Option<u16>,
    /// The certificate chain (PEM); self-signed when not given.
    #[arg(long, value_name = "FILE", requires = "private_key")]
    pub(crate) certificate: Option<PathBuf>,
    /// The certificate's private key (PEM).
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) private_key: Option<PathBuf>,
    /// Read the administrator's password from the first line of this file (`-` for standard input).
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Ask nothing: fail where something needed was not given. Otherwise answers are read from standard input,
    /// one a line: domain, server name, password.
    #[arg(long)]
    pub(crate) non_interactive: bool,
}

/// `rialto serve`
#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// Log as JSON lines instead of text.
    #[arg(long)]
    pub(crate) log_json: bool,
}

/// How `rialto shell -Command` prints what comes out of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// As PowerShell formats it.
    Text,
    /// One JSON array.
    Json,
    /// CLIXML, as Export-Clixml writes it.
    Clixml,
}

/// `rialto shell`
#[derive(Debug, Args)]
pub(crate) struct Shell {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// Run this text and exit: 0 when no error was left unhandled, 1 otherwise. (`-Command` works too.)
    #[arg(long, short = 'c', value_name = "TEXT", conflicts_with = "file")]
    pub(crate) command: Option<String>,
    /// Run this script file and exit. (`-File` works too.)
    #[arg(long, short = 'f', value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// How to print results. (`-OutputFormat` works too.)
    #[arg(long, value_enum, default_value = "text", ignore_case = true)]
    pub(crate) output_format: OutputFormat,
    /// Connect to no server on this machine: for sessions on other servers, and scripts without cmdlets.
    #[arg(long)]
    pub(crate) standalone: bool,
    /// Arguments for the script file.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<String>,
}

/// PowerShell's own spelling of the shell's options, and ours.
const POWERSHELL_OPTIONS: [(&str, &str); 5] = [
    ("-command", "--command"),
    ("-file", "--file"),
    ("-outputformat", "--output-format"),
    ("-data", "--data"),
    ("-help", "--help"),
];

/// Reads the command line, accepting `-Command`, `-File` and `-OutputFormat` after `shell`.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Cli {
    let mut args: Vec<OsString> = args.into_iter().collect();
    if args.get(1).is_some_and(|verb| verb == "shell") {
        let end = args.iter().position(|a| a == "--").unwrap_or(args.len());
        for arg in &mut args[2..end] {
            let lower = arg.to_string_lossy().to_ascii_lowercase();
            if let Some((_, long)) = POWERSHELL_OPTIONS.iter().find(|(name, _)| *name == lower) {
                *arg = OsString::from(long);
            }
        }
    }
    Cli::parse_from(args)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_powershell_spelling() {
        let cli = parse(
            ["rialto", "shell", "--data", "d", "-Command", "Get-Mailbox", "-OutputFormat", "JSON"]
                .map(OsString::from),
        );
        let Command::Shell(shell) = cli.command else { panic!("not shell") };
        assert_eq!(shell.command.as_deref(), Some("Get-Mailbox"));
        assert_eq!(shell.output_format, OutputFormat::Json);
        assert_eq!(shell.folder.data, PathBuf::from("d"));
    }

    #[test]
    fn is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
