//! The other end: runs calls that come from other servers, as the caller they come for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use base::{Fault, FaultKind, neighbours::Conversation};
use powershell::{
    Value,
    cmdlet::{Bound, Carried, Carry, ErrorRecord, Flow, Prompt, Written},
};
use tokio::{
    io::{AsyncRead, AsyncWriteExt, WriteHalf},
    runtime::Handle,
    sync::{Semaphore, mpsc},
    time::timeout,
};

use super::{
    Order, Said, VERSION, catch_up,
    frame::{Frames, send},
};
use crate::{Cmdlets, Context, person::Person, place::Part, runner::Ended};

/// Calls of other servers at once; more wait.
const CALLS_MAX: usize = 64;
/// How long an order may take to arrive.
const PATIENCE: Duration = Duration::from_secs(15);

/// Runs what other servers ask for.
pub struct Answers {
    cx: Arc<Context>,
    turns: Semaphore,
}

impl Answers {
    /// On the server of this context.
    pub fn new(cx: Arc<Context>) -> Self {
        Self { cx, turns: Semaphore::new(CALLS_MAX) }
    }

    /// Runs one call to its end. Who is linked is a server of the organisation and is believed who the caller is;
    /// what the caller may do, this server's own directory says.
    pub async fn answer(&self, head: &[u8], stream: Conversation) {
        let (hear, mut say) = tokio::io::split(stream);
        let mut frames = Frames::new(hear);
        if head != VERSION.to_le_bytes() {
            refuse(&mut say, "the servers are of different releases").await;
            return;
        }
        let Ok(Ok(Some(order))) = timeout(PATIENCE, frames.next::<Order>()).await else { return };
        catch_up(&self.cx.directory, order.change).await;
        let Ok(_turn) = self.turns.acquire().await else { return };
        let heard = Arc::new(AtomicBool::new(true));
        let (tell, answers) = mpsc::channel(1);
        let listening = tokio::spawn(listen(frames, tell, heard.clone()));
        let mut out = Carried(Wire { say, answers, heard, runtime: self.cx.runtime.clone() });
        let cx = self.cx.clone();
        let ran = tokio::task::spawn_blocking(move || {
            let Ended { result, changes } = perform(&cx, order, &mut out);
            let change = cx.directory.snapshot().change();
            (out.0.say, Said::Ended { result, changes, change })
        });
        // Where the cmdlet panicked, the other side sees the conversation break.
        if let Ok((mut say, ended)) = ran.await {
            finish(&mut say, &ended).await;
        }
        listening.abort();
    }
}

fn perform(cx: &Arc<Context>, order: Order, out: &mut Carried<Wire>) -> Ended {
    let person = Person::new(&order.name, &order.origin, order.user);
    let part = if order.share { Part::Share } else { Part::Whole };
    let cmdlets = Cmdlets::for_neighbour(cx.clone(), person, part);
    let parameters: Bound = order.parameters.into_iter().map(|(name, value)| (name.into(), value)).collect();
    match cmdlets.bind(&order.cmdlet, parameters, order.preferences, order.pipeline_object) {
        Ok(call) => cmdlets.run(&call, out),
        Err(record) => Ended { result: Err(record), ..Ended::quietly() },
    }
}

async fn refuse(say: &mut WriteHalf<Conversation>, why: &str) {
    let text = format!("The call can't run on another server: {why}.");
    let record = ErrorRecord::from(Fault::new(FaultKind::Unavailable, "TaskServerException", text));
    let ended = Said::Ended { result: Err(record), changes: Default::default(), change: 0 };
    finish(say, &ended).await;
}

/// Says the last word, and that it was the last.
async fn finish(say: &mut WriteHalf<Conversation>, ended: &Said) {
    // Nobody may be listening any more.
    if send(say, ended).await.is_ok() {
        let _ = say.shutdown().await;
    }
}

/// Passes answers on until the other side hears no more.
async fn listen<R: AsyncRead + Unpin>(
    mut frames: Frames<R>,
    tell: mpsc::Sender<Option<Value>>,
    heard: Arc<AtomicBool>,
) {
    while let Ok(Some(answer)) = frames.next().await {
        if tell.send(answer).await.is_err() {
            break;
        }
    }
    heard.store(false, Ordering::Relaxed);
}

/// What a cmdlet writes, on its way to the other server.
struct Wire {
    say: WriteHalf<Conversation>,
    answers: mpsc::Receiver<Option<Value>>,
    /// The other side listens.
    heard: Arc<AtomicBool>,
    runtime: Handle,
}

impl Wire {
    fn send(&mut self, said: &Said) -> Flow {
        if !self.stopping() && self.runtime.block_on(send(&mut self.say, said)).is_err() {
            self.heard.store(false, Ordering::Relaxed);
        }
        if self.stopping() { Flow::Stop } else { Flow::Continue }
    }
}

impl Carry for Wire {
    fn carry(&mut self, message: Written) -> Flow {
        self.send(&Said::Written(message))
    }
    fn ask(&mut self, prompt: &Prompt) -> Option<Value> {
        match self.send(&Said::Asks(prompt.clone())) {
            Flow::Continue => self.answers.blocking_recv().flatten(),
            Flow::Stop => None,
        }
    }
    fn stopping(&self) -> bool {
        !self.heard.load(Ordering::Relaxed)
    }
}
