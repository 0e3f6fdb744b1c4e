//! How a source on another server is asked: a conversation a question, or for several questions of a kind. Nothing is
//! said that could not be said again.
//!
//! The head says what is meant. Questions follow, each behind its length; then their answers, in order and as they
//! are found: kind, two lengths, what is said, and a body as it is.

use std::{io, time::Duration};

use base::{
    Guid,
    neighbours::{Conversation, NeighbourError, Neighbours},
};
use bytes::Bytes;
use engine::EngineError;
use serde::{Deserialize, Serialize};
use store::{
    MailboxId, StoreError,
    transfer::{Answer, Question},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use super::away::Sources;

/// Both servers have to speak the same one.
const VERSION: u8 = 1;
/// Questions in one conversation.
const QUESTIONS_MAX: usize = 4096;
/// Their lengths together, bytes.
const ASKED_MAX: usize = 16 << 20;
/// Length of an answer beside its body, bytes.
const SAID_MAX: u32 = 64 << 20;
/// Length of a body, bytes.
const BODY_MAX: u32 = 1 << 30;
/// How long one answer, or the next question, may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a conversation is about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum What {
    /// Find a mailbox, or make it.
    Open { database: Guid, mailbox: Guid },
    /// Answer for a mailbox.
    Ask { database: Guid, mailbox: MailboxId, questions: usize },
}

/// Why a source did not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Trouble {
    /// It is not there, or nobody can say: it is to be looked for again.
    Elsewhere(String),
    /// There is no such mailbox.
    NoMailbox,
    /// It is locked.
    Moving,
    /// Its rows are damaged.
    Damaged,
    /// Somebody else has taken up the move.
    Superseded(Guid),
    /// Something else, which may pass.
    Other(String),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        use EngineError as E;
        match error {
            StoreError::NotMounted(_)
            | StoreError::Engine(E::Dismounted(_) | E::Passive(_) | E::Unknown | E::Conflict) => {
                Self::Elsewhere(error.to_string())
            }
            StoreError::NoMailbox => Self::NoMailbox,
            StoreError::Moving => Self::Moving,
            StoreError::Row(_) => Self::Damaged,
            StoreError::Superseded(id) => Self::Superseded(id),
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Elsewhere(text) | Trouble::Other(text) => StoreError::Away(text),
            Trouble::NoMailbox => StoreError::NoMailbox,
            Trouble::Moving => StoreError::Moving,
            Trouble::Damaged => StoreError::Row("source mailbox"),
            Trouble::Superseded(id) => StoreError::Superseded(id),
        }
    }
}

impl From<NeighbourError> for Trouble {
    fn from(error: NeighbourError) -> Self {
        Self::Elsewhere(error.to_string())
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Elsewhere(format!("the link to the server that has the source was lost: {error}"))
    }
}

fn late() -> Trouble {
    Trouble::Elsewhere("the server that has the source does not answer in time".into())
}

fn misunderstood() -> Trouble {
    Trouble::Other("what was said is not understood: are both servers of one release?".into())
}

fn encode(value: &impl Serialize) -> Result<Vec<u8>, Trouble> {
    postcard::to_stdvec(value).map_err(|_| misunderstood())
}

/// Begins a conversation.
async fn begin(neighbours: &dyn Neighbours, server: Guid, what: &What) -> Result<Conversation, Trouble> {
    let head = encode(&(VERSION, what))?;
    timeout(PATIENCE, neighbours.converse(server, head.into()))
        .await
        .map_err(|_| late())?
        .map_err(Trouble::from)
}

/// Has a mailbox of another server found, or made.
pub(super) async fn open(
    neighbours: &dyn Neighbours,
    server: Guid,
    what: &What,
) -> Result<MailboxId, Trouble> {
    let mut there = begin(neighbours, server, what).await?;
    there.shutdown().await?;
    let (said, _) = hear(&mut there).await?;
    postcard::from_bytes(&said).map_err(|_| misunderstood())
}

/// Asks a mailbox of another server.
pub(super) async fn ask(
    neighbours: &dyn Neighbours,
    server: Guid,
    what: &What,
    questions: Vec<Question>,
) -> Result<Vec<Answer>, Trouble> {
    let mut there = begin(neighbours, server, what).await?;
    for question in &questions {
        let bytes = encode(question)?;
        there.write_all(&(bytes.len() as u32).to_le_bytes()).await?;
        there.write_all(&bytes).await?;
    }
    there.shutdown().await?;
    let mut answers = Vec::with_capacity(questions.len());
    for _ in questions {
        let (said, body) = hear(&mut there).await?;
        answers.push(Answer::decode(&said, body).ok_or_else(misunderstood)?);
    }
    Ok(answers)
}

/// Hears one answer: what is said, and a body.
async fn hear(there: &mut Conversation) -> Result<(Vec<u8>, Bytes), Trouble> {
    timeout(PATIENCE, async {
        let kind = there.read_u8().await?;
        let (said, body) = (there.read_u32_le().await?, there.read_u32_le().await?);
        if said > SAID_MAX || body > BODY_MAX {
            return Err(misunderstood());
        }
        let (said, body) = (exactly(there, said).await?, exactly(there, body).await?);
        match kind {
            0 => Ok((said, body.into())),
            _ => Err(postcard::from_bytes(&said).unwrap_or_else(|_| misunderstood())),
        }
    })
    .await
    .map_err(|_| late())?
}

/// So many bytes; room is made for them as they come.
async fn exactly(from: &mut (impl AsyncRead + Unpin), len: u32) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(len.into()).read_to_end(&mut bytes).await?;
    if bytes.len() == len as usize { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

impl Sources {
    /// Answers another server's mover in a conversation that `head` began.
    pub async fn answer(&self, head: &[u8], mut there: impl AsyncRead + AsyncWrite + Unpin + Send) {
        let told = match postcard::from_bytes::<(u8, What)>(head) {
            Ok((VERSION, What::Open { database, mailbox })) => {
                let opened = self.open_here(database, mailbox).await;
                let said = opened.and_then(|id| encode(&id)).map(|said| (said, Bytes::new()));
                tell(&mut there, said).await
            }
            Ok((VERSION, What::Ask { database, mailbox, questions })) => {
                self.answer_all(&mut there, database, mailbox, questions).await
            }
            _ => tell(&mut there, Err(misunderstood())).await,
        };
        if told.is_ok() {
            // Whoever asked has what it wanted, or asks again.
            let _ = there.shutdown().await;
        }
    }

    async fn answer_all(
        &self,
        there: &mut (impl AsyncRead + AsyncWrite + Unpin + Send),
        database: Guid,
        mailbox: MailboxId,
        questions: usize,
    ) -> io::Result<()> {
        let asked = match timeout(PATIENCE, listen(there, questions)).await {
            Ok(Ok(asked)) => asked,
            Ok(Err(trouble)) => return tell(there, Err(trouble)).await,
            Err(_) => return Err(io::ErrorKind::TimedOut.into()),
        };
        for question in asked {
            let sources = self.clone();
            let answer = tokio::task::spawn_blocking(move || {
                let mailbox = sources.here(database, mailbox)?;
                Ok::<_, Trouble>(question.answer(&mailbox)?.encode()?)
            });
            let answer = answer.await.unwrap_or_else(|error| Err(Trouble::Other(error.to_string())));
            let over = answer.is_err();
            timeout(PATIENCE, tell(there, answer)).await??;
            if over {
                break;
            }
        }
        Ok(())
    }
}

/// Hears the questions.
async fn listen(from: &mut (impl AsyncRead + Unpin), questions: usize) -> Result<Vec<Question>, Trouble> {
    if questions > QUESTIONS_MAX {
        return Err(misunderstood());
    }
    let (mut asked, mut room) = (Vec::with_capacity(questions), ASKED_MAX);
    for _ in 0..questions {
        let len = from.read_u32_le().await?;
        room = room.checked_sub(len as usize).ok_or_else(misunderstood)?;
        let bytes = exactly(from, len).await?;
        asked.push(postcard::from_bytes(&bytes).map_err(|_| misunderstood())?);
    }
    Ok(asked)
}

/// Says one answer.
async fn tell(
    to: &mut (impl AsyncWrite + Unpin),
    answer: Result<(Vec<u8>, Bytes), Trouble>,
) -> io::Result<()> {
    let (kind, said, body) = match answer {
        Ok((said, body)) => (0, said, body),
        Err(trouble) => (1, encode(&trouble).unwrap_or_default(), Bytes::new()),
    };
    let len =
        |bytes: &[u8]| u32::try_from(bytes.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidData));
    to.write_u8(kind).await?;
    to.write_u32_le(len(&said)?).await?;
    to.write_u32_le(len(&body)?).await?;
    to.write_all(&said).await?;
    to.write_all(&body).await
}
