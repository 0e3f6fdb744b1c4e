//! Where the source of a move is: in a database of this server, or of another one, which is asked over the link to
//! it. Where it went elsewhere meanwhile, it is asked there.

use std::{sync::Arc, time::Duration};

use base::{Guid, clock::SharedClock, neighbours::Neighbours};
use directory::Directory;
use store::{
    Mailbox, MailboxId, StoreError, Stores,
    transfer::{Answer, Question, Source},
};
use tokio::{runtime::Handle, sync::watch};
use transport::deliver::open_or_make;

use super::{
    server_of,
    wire::{self, Trouble, What},
};

/// How long a source is looked for that is nowhere: a failover is over sooner.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked for.
const AGAIN: Duration = Duration::from_millis(100);

/// The sources there are; clones share them.
#[derive(Clone)]
pub struct Sources {
    inner: Arc<Inner>,
}

struct Inner {
    directory: Directory,
    stores: Stores,
    clock: SharedClock,
    /// This server.
    server: Guid,
    neighbours: Arc<dyn Neighbours>,
}

impl Sources {
    /// Those of this server's databases, and of its neighbours'.
    pub fn new(
        directory: Directory,
        stores: Stores,
        clock: SharedClock,
        server: Guid,
        neighbours: Arc<dyn Neighbours>,
    ) -> Self {
        Self { inner: Arc::new(Inner { directory, stores, clock, server, neighbours }) }
    }

    /// A mailbox by its GUID; it is made where its owner has not used it yet.
    pub(super) async fn open(
        &self,
        database: Guid,
        mailbox: Guid,
        stop: &watch::Receiver<bool>,
    ) -> Result<Source, StoreError> {
        let until = self.inner.clock.monotonic() + PATIENCE;
        loop {
            let elsewhere = self.elsewhere(database);
            let opened = match elsewhere {
                Some(server) => {
                    wire::open(&*self.inner.neighbours, server, &What::Open { database, mailbox }).await
                }
                None => self.open_here(database, mailbox).await,
            };
            match opened {
                Ok(id) => return Ok(self.source(database, id, stop.clone())),
                Err(trouble) => self.wait(trouble, (database, elsewhere), until, stop).await?,
            }
        }
    }

    /// A mailbox by its number. To be asked from threads that may block.
    pub(super) fn source(&self, database: Guid, mailbox: MailboxId, stop: watch::Receiver<bool>) -> Source {
        let (sources, handle) = (self.clone(), Handle::current());
        Source::new(database, mailbox, move |questions| {
            let until = sources.inner.clock.monotonic() + PATIENCE;
            loop {
                let asked = questions.clone();
                let elsewhere = sources.elsewhere(database);
                let answers = match elsewhere {
                    Some(server) => {
                        let what = What::Ask { database, mailbox, questions: asked.len() };
                        handle.block_on(wire::ask(&*sources.inner.neighbours, server, &what, asked))
                    }
                    None => sources.ask_here(database, mailbox, asked),
                };
                match answers {
                    Ok(answers) => return Ok(answers),
                    Err(trouble) => {
                        handle.block_on(sources.wait(trouble, (database, elsewhere), until, &stop))?
                    }
                }
            }
        })
    }

    /// The other server that has a database now; nothing where it is this one's.
    fn elsewhere(&self, database: Guid) -> Option<Guid> {
        let server = server_of(&self.inner.directory.snapshot(), database);
        server.filter(|server| *server != self.inner.server && self.inner.stores.get(database).is_err())
    }

    /// Finds or makes a mailbox of this server.
    pub(super) async fn open_here(&self, database: Guid, mailbox: Guid) -> Result<MailboxId, Trouble> {
        let store = self.inner.stores.get(database)?;
        let view = self.inner.directory.snapshot();
        Ok(open_or_make(&store, mailbox, &view).await?.id())
    }

    /// A mailbox of this server.
    pub(super) fn here(&self, database: Guid, mailbox: MailboxId) -> Result<Mailbox, Trouble> {
        Ok(self.inner.stores.get(database)?.mailbox_by_id(mailbox))
    }

    fn ask_here(
        &self,
        database: Guid,
        mailbox: MailboxId,
        questions: Vec<Question>,
    ) -> Result<Vec<Answer>, Trouble> {
        let mailbox = self.here(database, mailbox)?;
        questions.into_iter().map(|question| Ok(question.answer(&mailbox)?)).collect()
    }

    /// Waits before a database that was asked elsewhere, or here, is looked for again, where that may help.
    async fn wait(
        &self,
        trouble: Trouble,
        (database, elsewhere): (Guid, Option<Guid>),
        until: Duration,
        stop: &watch::Receiver<bool>,
    ) -> Result<(), StoreError> {
        let Trouble::Elsewhere(text) = trouble else { return Err(trouble.into()) };
        let view = self.inner.directory.snapshot();
        let stays_here = elsewhere.is_none() && view.copies_of(database).len() < 2;
        if stays_here || self.inner.clock.monotonic() >= until || *stop.borrow() {
            return Err(StoreError::Away(text));
        }
        drop(view);
        tokio::time::sleep(AGAIN).await;
        Ok(())
    }
}
