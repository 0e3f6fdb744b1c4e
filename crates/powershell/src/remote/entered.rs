//! Lines typed at the prompt after `Enter-PSSession`.

use std::sync::Arc;

use super::{RemoteStage, constant_commands, script_command};
use crate::{
    ast::ScriptBlock,
    eval::{Interp, Run},
    pipeline::{Stage, ToHost},
};

/// What leaves the session again.
const LEAVING: [&str; 3] = ["exit", "exit-pssession", "exsn"];

impl Interp<'_> {
    /// Runs a line in the session that was entered; nothing where there is none.
    pub(crate) fn run_entered(&mut self, block: &Arc<ScriptBlock>) -> Option<Run<()>> {
        let session = self.state.remotes.entered.clone()?;
        let text = block.text().trim();
        if LEAVING.iter().any(|word| word.eq_ignore_ascii_case(text)) {
            self.state.remotes.entered = None;
            return Some(Ok(()));
        }
        let commands = constant_commands(self, block, &[]);
        Some(commands.and_then(|commands| {
            let commands = commands.unwrap_or_else(|| vec![script_command(text, &[])]);
            self.ok = true;
            let mut stage = RemoteStage::new(&session, commands, false, false);
            stage.begin(self, &mut ToHost)?;
            stage.end(self, &mut ToHost)
        }))
    }
}
