//! The way to a mailbox: it is opened here where this server has its database, else the session goes on at the server
//! that has it. While a database changes servers, callers wait for it a little.

use std::time::Duration;

use base::{Fault, FaultKind, Guid, neighbours::Conversation};
use directory::{Recipient, View};
use tokio::{io::AsyncWriteExt, time::timeout};
use transport::deliver;

use crate::{
    Caller, Client, Mailbox, Services,
    handover::{Handover, Reply, Standing, refusal},
};

/// How long a mailbox is looked for: some failovers.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long until it is looked for again, unless the directory says where it is: twice as long each time.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];

/// Where the session goes on.
pub enum Entrance {
    /// Here.
    Here(Mailbox),
    /// At another server, which answers the log-on itself: whatever the client sends goes there, and back comes what
    /// it is to be told.
    There(Conversation),
}

/// A session that another server has handed over, and welcomed: its log-on is to be answered.
pub struct Arrival {
    /// The mailbox; its caller says who, from where and over which protocol.
    pub mailbox: Mailbox,
    /// How far the session had come.
    pub standing: Standing,
    /// The client.
    pub conversation: Conversation,
}

/// What is looked for, and where the directory says it is.
struct Sought {
    owner: Recipient,
    /// The mailbox and its database.
    mailbox: Guid,
    database: Guid,
    /// The server where the database is active.
    server: Option<Guid>,
}

impl Sought {
    /// The mailbox of a caller, or another one, if the caller may open it.
    fn new(view: &View, caller: &Caller, mailbox: Option<&str>) -> Result<Self, Fault> {
        match mailbox {
            None => Self::owned_by(view, caller, caller.user),
            Some(identity) => Self::owned_by(view, caller, view.resolve_recipient(identity)?.guid),
        }
    }

    fn owned_by(view: &View, caller: &Caller, owner: Guid) -> Result<Self, Fault> {
        let missing =
            || Fault::new(FaultKind::NotFound, "ErrorNonExistentMailbox", "There is no such mailbox.");
        if owner != caller.user {
            let text = "You may not open this mailbox.";
            return Err(Fault::new(FaultKind::AccessDenied, "ErrorAccessDenied", text));
        }
        let owner = view.recipient(owner).ok_or_else(missing)?;
        let (mailbox, database) = owner.mailbox_guid().zip(owner.database()).ok_or_else(missing)?;
        Ok(Self { owner, mailbox, database, server: server_of(view, database) })
    }

    /// Whether another server may have it in a moment, or this one again.
    fn may_be_found(&self, view: &View, here: Guid) -> bool {
        self.server != Some(here) || view.copies_of(self.database).len() > 1
    }
}

/// The server where a database is active.
fn server_of(view: &View, database: Guid) -> Option<Guid> {
    view.get(database)?.link("Server")
}

fn offline(text: &str) -> Fault {
    Fault::new(FaultKind::Unavailable, Fault::OFFLINE, text)
}

impl Services {
    /// Opens the caller's own mailbox (`None`) or another one the caller may open, where it is. A mailbox that nobody
    /// opened and nothing was delivered to yet is made now. A person has so many sessions of a protocol at a time
    /// with the server that has the mailbox; one lasts as long as a clone of the mailbox.
    ///
    /// # Errors
    /// [`Fault::OFFLINE`] where it is nowhere to be had for some seconds.
    pub async fn enter(
        &self,
        caller: &Caller,
        mailbox: Option<&str>,
        standing: &Standing,
    ) -> Result<Entrance, Fault> {
        let mut last = None;
        let found = timeout(PATIENCE, self.find(caller, mailbox, standing, &mut last)).await;
        found.unwrap_or_else(|_| Err(last.unwrap_or_else(|| offline("The mailbox server does not answer."))))
    }

    /// Tries where the directory says, until that works or is refused.
    async fn find(
        &self,
        caller: &Caller,
        mailbox: Option<&str>,
        standing: &Standing,
        last: &mut Option<Fault>,
    ) -> Result<Entrance, Fault> {
        let [mut pause, longest] = PAUSES;
        loop {
            let view = self.view();
            let sought = Sought::new(&view, caller, mailbox)?;
            let entered = match sought.server.filter(|server| *server != self.server()) {
                None => self.open(&view, caller, &sought).await.map(Entrance::Here),
                Some(server) => tokio::select! {
                    there = self.hand_over(server, caller, &sought, standing) => there.map(Entrance::There),
                    () = self.moved(&sought) => continue,
                },
            };
            match entered {
                Err(fault) if fault.code == Fault::OFFLINE && sought.may_be_found(&view, self.server()) => {
                    tracing::debug!(?fault, database = %sought.database, "the mailbox is not to be had yet");
                    *last = Some(fault);
                }
                entered => return entered,
            }
            let _ = timeout(pause, self.moved(&sought)).await;
            pause = longest.min(pause * 2);
        }
    }

    /// Opens a mailbox of this server.
    async fn open(&self, view: &View, caller: &Caller, sought: &Sought) -> Result<Mailbox, Fault> {
        if sought.server.is_some_and(|server| server != self.server()) {
            return Err(offline("Another server has the mailbox."));
        }
        let session = self.sessions().begin(caller, sought.mailbox, sought.database)?;
        let database = self.stores().get(sought.database)?;
        let store = deliver::open_or_make(&database, sought.mailbox, view).await?;
        store.available()?;
        // The logon is recorded by and by; nobody waits for it.
        drop(store.record_logon(&caller.name)?);
        Ok(Mailbox::new(store, caller.clone(), deliver::limits_of(view, &sought.owner), Some(session)))
    }

    /// Asks another server to go on with the session.
    async fn hand_over(
        &self,
        server: Guid,
        caller: &Caller,
        sought: &Sought,
        standing: &Standing,
    ) -> Result<Conversation, Fault> {
        const LOST: &str = "The server that has the mailbox can't be reached; try again in a moment.";
        let head = Handover::new(caller, sought.owner.guid, standing.clone()).encode()?;
        let conversation = self.others().converse(server, head).await;
        let mut conversation = conversation.map_err(|error| offline(LOST).caused_by(error))?;
        match Reply::hear(&mut conversation).await.map_err(|error| offline(LOST).caused_by(error))? {
            Reply::Welcome => {
                tracing::debug!(user = caller.name, %server, "the session goes on at another server");
                Ok(conversation)
            }
            Reply::NotHere => Err(offline("The mailbox is between two servers; try again in a moment.")),
            Reply::Unreadable => {
                tracing::error!(%server, "another release: sessions can't be handed over to it");
                let text = "The server that has the mailbox runs another release.";
                Err(Fault::new(FaultKind::Unavailable, "ErrorProxyRequestNotAllowed", text))
            }
            Reply::Refused { kind, code, text } => Err(refusal(kind, &code, text)),
        }
    }

    /// Returns when the directory says that another server has the database.
    async fn moved(&self, sought: &Sought) {
        let mut changes = self.watch();
        while server_of(&self.view(), sought.database) == sought.server {
            if changes.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Takes a session that another server of the organisation hands over with this head; that server has
    /// authenticated the caller, and the links have authenticated that server. Never hands it on. `None`: refused,
    /// and the other server knows.
    pub async fn receive(&self, head: &[u8], mut conversation: Conversation) -> Option<Arrival> {
        let taken = timeout(PATIENCE, self.take(head)).await.unwrap_or(Err(Reply::NotHere));
        let reply = taken.as_ref().map_or_else(Reply::clone, |_| Reply::Welcome);
        let told = async {
            reply.tell(&mut conversation).await?;
            if reply == Reply::Welcome { Ok(()) } else { conversation.shutdown().await }
        };
        if let Err(error) = told.await {
            tracing::debug!(%error, "a session was handed over and given up");
            return None;
        }
        let (mailbox, standing) = taken.ok()?;
        Some(Arrival { mailbox, standing, conversation })
    }

    async fn take(&self, head: &[u8]) -> Result<(Mailbox, Standing), Reply> {
        let Handover { protocol, user, owner, address, agent, standing } =
            Handover::decode(head).ok_or(Reply::Unreadable)?;
        let protocol = Client::protocol_named(&protocol).ok_or(Reply::Unreadable)?;
        let client = Client { protocol, address, agent };
        let view = self.view();
        // Somebody new of whom this server has not heard yet.
        view.recipient(user).ok_or(Reply::NotHere)?;
        let identity = self.authenticator().vouched(user, client.known_protocol())?;
        let caller = Caller { user, name: identity.name, address: identity.address, client };
        let sought = Sought::owned_by(&view, &caller, owner)?;
        let mailbox = self.open(&view, &caller, &sought).await?;
        tracing::info!(user = caller.name, %address, protocol, "logged on at another server");
        Ok((mailbox, standing))
    }
}
