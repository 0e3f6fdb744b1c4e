//! Runs one call: here, or on the server it belongs to.

use powershell::cmdlet::{ErrorRecord, Invocation, Streams};
use trust::Access;

use crate::{
    Cmdlet, Context, call::Call, changes::Changes, cmdlet::text_of, person::Person, place::Part,
    relay::Conversation,
};

/// How a call ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) result: Result<(), ErrorRecord>,
    /// What it changed in the directory, for the record.
    pub(crate) changes: Changes,
}

impl Ended {
    /// Without an error, and without changes.
    pub(crate) fn quietly() -> Self {
        Self { result: Ok(()), changes: Changes::default() }
    }
}

/// One call of one person.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) cx: &'a Context,
    pub(crate) person: &'a Person,
    pub(crate) access: &'a Access,
    pub(crate) invocation: &'a Invocation,
    pub(crate) cmdlet: &'a Cmdlet,
    pub(crate) part: Part,
}

impl<'a> Run<'a> {
    /// Runs it where it belongs.
    pub(crate) fn run(&self, out: &mut dyn Streams) -> Ended {
        let elsewhere = match self.part {
            Part::Asked => self.cmdlet.at.elsewhere(&Call::new(*self, out), &self.cx.directory.snapshot()),
            Part::Whole | Part::Share => None,
        };
        let Some(server) = elsewhere else { return self.here(out) };
        match Conversation::begin(self, server, false) {
            Ok(conversation) => conversation.follow(self, out),
            Err(unreached) if self.cmdlet.at.or_here => {
                out.warning(&unreached.fault.public_text);
                self.here(out)
            }
            Err(unreached) => {
                Ended { result: Err(unreached.record(self.cmdlet.name, None)), ..Ended::quietly() }
            }
        }
    }

    fn here(&self, out: &mut dyn Streams) -> Ended {
        let mut call = Call::new(*self, out);
        call.introduce();
        let outcome = self.cmdlet.invoke(&mut call);
        let changes = call.take_changes();
        let result = outcome.map_err(|failure| {
            tracing::info!(fault = ?failure.fault, "the cmdlet failed");
            let target = ["Identity", "Name"].iter().find_map(|name| self.invocation.get(name));
            failure.record(self.cmdlet.name, target.map(text_of))
        });
        Ended { result, changes }
    }
}
