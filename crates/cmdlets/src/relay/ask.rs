//! The caller's end: sends a call to another server and repeats here what it writes there.

use std::{io, sync::Arc, time::Duration};

use base::{
    Fault, FaultKind, Guid,
    neighbours::{Duplex, NeighbourError},
};
use bytes::Bytes;
use powershell::{
    Value,
    cmdlet::{ErrorRecord, Flow, Streams},
};
use tokio::{
    io::{AsyncWriteExt, ReadHalf, WriteHalf},
    time::timeout,
};

use super::{
    Order, Said, VERSION, catch_up,
    frame::{Frames, send},
};
use crate::{
    Failure, Outcome,
    runner::{Ended, Run},
};

/// How long a server may take to take a call.
const OPENING: Duration = Duration::from_secs(15);
/// How often a call looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(100);
/// How long a call that was told to stop may take to say how it ended.
const STOPPING: Duration = Duration::from_secs(3);

/// A call under way on another server.
pub(crate) struct Conversation {
    /// The server's name.
    server: Arc<str>,
    hear: Frames<ReadHalf<Box<dyn Duplex>>>,
    say: WriteHalf<Box<dyn Duplex>>,
}

impl Conversation {
    /// Sends a call. An error means that nothing was done.
    pub(crate) fn begin(run: &Run<'_>, server: Guid, share: bool) -> Outcome<Self> {
        let view = run.cx.directory.snapshot();
        let name: Arc<str> =
            view.get(server).map_or_else(|| server.to_string().into(), |object| (*object.name).into());
        let order = Order {
            cmdlet: run.cmdlet.name.to_owned(),
            parameters: named(run),
            preferences: run.invocation.preferences.clone(),
            pipeline_object: run.invocation.pipeline_object.clone(),
            name: run.person.name.to_string(),
            origin: run.person.origin.to_string(),
            user: run.person.user,
            share,
            change: view.change(),
        };
        let unreached = |why: &dyn std::fmt::Display| {
            let text = format!("The server \"{name}\" can't be reached: {why}.");
            let fault = Fault::new(FaultKind::Unavailable, "TaskServerException", text);
            Failure { fault, target: Some(name.clone()) }
        };
        let head = Bytes::copy_from_slice(&VERSION.to_le_bytes());
        let opened: Outcome<_> = run.cx.runtime.block_on(async {
            let open = async {
                let stream =
                    run.cx.neighbours.converse(server, head).await.map_err(|e| unreached(&reason(&e)))?;
                let (hear, mut say) = tokio::io::split(stream);
                send(&mut say, &order).await.map_err(|error| unreached(&error))?;
                Ok((hear, say))
            };
            timeout(OPENING, open).await.map_err(|_| unreached(&"it does not answer"))?
        });
        let (hear, say) = opened?;
        Ok(Self { server: name, hear: Frames::new(hear), say })
    }

    /// Repeats here what the call writes, until it ends.
    pub(crate) fn follow(mut self, run: &Run<'_>, out: &mut dyn Streams) -> Ended {
        let mut wanted = Flow::Continue;
        while wanted == Flow::Continue && !out.stopping() {
            let heard = run.cx.runtime.block_on(async { timeout(LOOK, self.hear.next()).await });
            match heard {
                // Nothing yet.
                Err(_) => {}
                Ok(Ok(Some(Said::Written(written)))) => written.repeat(out, &mut wanted),
                Ok(Ok(Some(Said::Asks(prompt)))) => {
                    let answer = out.prompt(&prompt);
                    if !out.stopping() && self.answer(run, answer).is_err() {
                        return self.lost(run);
                    }
                }
                Ok(Ok(Some(Said::Ended { result, changes, change }))) => {
                    run.cx.runtime.block_on(catch_up(&run.cx.directory, change));
                    return Ended { result, changes };
                }
                Ok(Ok(None) | Err(_)) => return self.lost(run),
            }
        }
        self.stop(run)
    }

    /// Says that nobody listens any more, and waits a moment for what was done until then.
    fn stop(mut self, run: &Run<'_>) -> Ended {
        let ended = async {
            self.say.shutdown().await.ok()?;
            while let Some(said) = self.hear.next().await.ok()? {
                if let Said::Ended { changes, .. } = said {
                    return Some(changes);
                }
            }
            None
        };
        let ended = run.cx.runtime.block_on(async { timeout(STOPPING, ended).await });
        Ended { changes: ended.ok().flatten().unwrap_or_default(), ..Ended::quietly() }
    }

    fn answer(&mut self, run: &Run<'_>, answer: Option<Value>) -> io::Result<()> {
        run.cx.runtime.block_on(send(&mut self.say, &answer))
    }

    fn lost(&self, run: &Run<'_>) -> Ended {
        let text = format!(
            "The link to the server \"{}\" was lost while {} ran there: it may or may not have done what it was asked for.",
            self.server, run.cmdlet.name
        );
        let fault = Fault::new(FaultKind::Unavailable, "TaskServerException", text);
        let record = ErrorRecord::from(fault).from_command(run.cmdlet.name).on(&*self.server);
        Ended { result: Err(record), ..Ended::quietly() }
    }
}

fn named(run: &Run<'_>) -> Vec<(String, Value)> {
    let parameters = run.invocation.parameters.iter();
    parameters.map(|(name, value)| (name.to_string(), value.clone())).collect()
}

/// Why there is no conversation, without a full stop.
fn reason(error: &NeighbourError) -> String {
    error.to_string().trim_end_matches('.').to_owned()
}
