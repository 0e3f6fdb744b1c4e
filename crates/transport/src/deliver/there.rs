//! To the server that has the database, in a conversation of its own over the link to it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use base::{
    Guid,
    neighbours::{Conversation, NeighbourError, Neighbours},
};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use super::{
    Landed, Missed,
    letter::{ANSWER_MAX, Answer, BODY_MAX, Letter, Question},
};

/// Conversations at a time with one server: enough to share its flushes. Others wait.
const AT_A_TIME: usize = 64;
/// A question without a message is answered at once.
const SHORT_ANSWER: Duration = Duration::from_secs(5);

/// The other servers, as mail for their mailboxes reaches them.
pub(crate) struct Others {
    neighbours: Arc<dyn Neighbours>,
    lines: Mutex<HashMap<Guid, Arc<Semaphore>>>,
}

impl Others {
    pub(crate) fn new(neighbours: Arc<dyn Neighbours>) -> Self {
        Self { neighbours, lines: Mutex::default() }
    }

    /// Hands a message over; resolves when it is durable there.
    pub(super) async fn deliver(
        &self,
        server: Guid,
        letter: Letter,
        body: &[Bytes],
        patience: Duration,
    ) -> Result<Vec<Landed>, Missed> {
        if letter.size > BODY_MAX {
            return Err(Missed::Unfit(format!("the message of {} bytes is too large", letter.size)));
        }
        let wanted = letter.mailboxes.len();
        match self.ask(server, &Question::Deliver(letter), body, patience).await? {
            Answer::Landed(landed) if landed.len() == wanted => Ok(landed),
            // The volume is not ours: here the message can wait.
            Answer::Missed(full @ Missed::Full(_)) => Err(Missed::NotNow(full.to_string())),
            Answer::Missed(missed) => Err(missed),
            _ => Err(Missed::Unknown("the other server answered something else".into())),
        }
    }

    /// How long the oldest message has waited that a server may yet ask to be delivered.
    pub(crate) async fn oldest(&self, server: Guid) -> Result<Option<Duration>, Missed> {
        match self.ask(server, &Question::Oldest, &[], SHORT_ANSWER).await? {
            Answer::Oldest(micros) => Ok(micros.map(Duration::from_micros)),
            _ => Err(Missed::Unknown("the other server answered something else".into())),
        }
    }

    async fn ask(
        &self,
        server: Guid,
        question: &Question,
        body: &[Bytes],
        patience: Duration,
    ) -> Result<Answer, Missed> {
        let until = Instant::now() + patience;
        let late = |_| Missed::NotNow("the server that has the database isn't reached in time".into());
        let head = question.encode().map_err(|error| Missed::Unfit(error.to_string()))?;
        let line = {
            let mut lines = self.lines.lock();
            lines.entry(server).or_insert_with(|| Arc::new(Semaphore::new(AT_A_TIME))).clone()
        };
        let _turn = timeout_at(until, line.acquire_owned()).await.map_err(late)?;
        let opened = timeout_at(until, self.neighbours.converse(server, head.into())).await.map_err(late)?;
        let there = opened.map_err(not_reached)?;
        // From here on it may have been done, whatever happens.
        let answered = timeout_at(until, exchange(there, body)).await;
        let answer = answered.map_err(|_| Missed::Unknown("no answer came in time".into()))?;
        Answer::decode(&answer).map_err(|error| match answer.is_empty() {
            true => Missed::Unknown("the link was lost before an answer came".into()),
            false => Missed::Unknown(error.to_string()),
        })
    }
}

/// Nothing but a head has gone out, after which no server does anything.
fn not_reached(error: NeighbourError) -> Missed {
    Missed::NotNow(error.to_string())
}

/// Says the body and its end, and hears what is answered; nothing where the link was lost.
async fn exchange(mut there: Conversation, body: &[Bytes]) -> Vec<u8> {
    for part in body {
        // Whoever refuses may have stopped listening before the end.
        if there.write_all(part).await.is_err() {
            break;
        }
    }
    let _ = there.shutdown().await;
    let mut answer = Vec::new();
    let _ = there.take(ANSWER_MAX).read_to_end(&mut answer).await;
    answer
}
