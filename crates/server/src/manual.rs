//! `rialto man`: the manual pages, made of what `--help` says.

use std::{fs, path::Path};

use clap::CommandFactory;

use crate::{cli::Cli, error::ServerError};

/// Writes one page for the binary and one for each of its commands into a folder.
pub(crate) fn write(folder: &Path) -> Result<(), ServerError> {
    let failed = |error| ServerError::io(folder.display().to_string(), error);
    fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        let page = |name: &str| fs::read_to_string(folder.path().join(format!("{name}.1"))).unwrap();
        assert!(page("rialto").contains(".TH rialto 1"));
        for command in Cli::command().get_subcommands() {
            let text = page(&format!("rialto-{}", command.get_name()));
            let about = command.get_about().unwrap().to_string();
            assert!(text.contains(about.split(':').next().unwrap()), "{}: {about}", command.get_name());
            for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
                assert!(argument.get_help().is_some(), "{}: {}", command.get_name(), argument.get_id());
            }
        }
    }
}
