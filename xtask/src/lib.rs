//! The rooms of `cargo xtask`: the gate, tidiness, golden sessions and the durability harnesses. A library, so
//! that the integration tests beside it play the same sessions. It is a developer's tool: it prints, and it
//! uses the operating system's clock, disk and sockets directly.
#![expect(clippy::print_stdout, reason = "a command line tool speaks on standard output")]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

pub mod bench;
pub mod durability;
pub mod golden;
pub mod server;
pub mod tidy;
pub mod verify;

/// What a tool does, or the text that tells its user why not.
pub type Outcome<T> = Result<T, String>;

/// The workspace's folder.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Cargo, in the workspace's folder. What `cargo run` told this program about itself is not passed on: build
/// scripts that look at it would run again each time the caller differs.
pub fn cargo_command() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let of_this_program = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    std::env::vars()
        .filter(|(name, _)| of_this_program(name))
        .for_each(|(name, _)| _ = command.env_remove(name));
    command.current_dir(root());
    command
}

/// All files under a folder, in no particular order; none where there is no such folder.
pub fn files_under(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        if !folder.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))? {
            let path = entry.map_err(|e| e.to_string())?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    Ok(files)
}
