//! Who has which mailbox open: how many sessions one person may hold at a time, and what administrators see of
//! them.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use base::{
    Fault, FaultKind, Guid, Timestamp,
    census::{Census, Place},
};

use crate::Caller;

/// `MaxConnectionsPerUser` by the name of the protocol, as the product has it; other protocols hold no
/// mailbox open.
const PER_USER: [(&str, usize); 2] = [("IMAP4", 16), ("POP3", 16)];
/// A moment that has not come.
const NEVER: i64 = i64::MIN;

/// A mailbox that somebody has open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logon {
    /// Its number; counted from the start of the server.
    pub number: u64,
    /// Whose session it is.
    pub user: Guid,
    /// The name they logged on with, as the directory knows it.
    pub name: String,
    /// `IMAP4`, `POP3` and so on.
    pub protocol: &'static str,
    /// Where from.
    pub address: IpAddr,
    /// What the program calls itself, if it said so.
    pub agent: Option<String>,
    /// The mailbox's own GUID.
    pub mailbox: Guid,
    /// The database it is in.
    pub database: Guid,
    /// When it was opened.
    pub since: Timestamp,
    /// When something was last asked of it.
    pub last_access: Timestamp,
    /// How often something was asked of it.
    pub operations: u64,
}

/// One open mailbox, as its session changes it.
#[derive(Debug)]
struct Live {
    number: u64,
    caller: Caller,
    mailbox: Guid,
    database: Guid,
    since: AtomicI64,
    last_access: AtomicI64,
    operations: AtomicU64,
}

#[derive(Debug, Default)]
struct Inner {
    census: Arc<Census<(&'static str, Guid)>>,
    live: Mutex<BTreeMap<u64, Arc<Live>>>,
    last: AtomicU64,
}

/// The sessions of a server; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Sessions(Arc<Inner>);

/// A session: counted and seen until it is dropped.
#[derive(Debug)]
pub(crate) struct Session {
    _place: Option<Place<(&'static str, Guid)>>,
    live: Arc<Live>,
    sessions: Sessions,
}

impl Sessions {
    /// Who has a mailbox open now, in the order they came.
    pub fn list(&self) -> Vec<Logon> {
        let moment = |at: &AtomicI64| Timestamp { micros: at.load(Ordering::Relaxed).max(0) };
        let show = |live: &Arc<Live>| Logon {
            number: live.number,
            user: live.caller.user,
            name: live.caller.name.clone(),
            protocol: live.caller.client.protocol,
            address: live.caller.client.address,
            agent: live.caller.client.agent.clone(),
            mailbox: live.mailbox,
            database: live.database,
            since: moment(&live.since),
            last_access: moment(&live.last_access),
            operations: live.operations.load(Ordering::Relaxed),
        };
        self.live().values().map(show).collect()
    }

    /// Counts one more session, or says that there are enough.
    pub(crate) fn begin(&self, caller: &Caller, mailbox: Guid, database: Guid) -> Result<Session, Fault> {
        let protocol = caller.client.protocol;
        let most = PER_USER.iter().find(|(name, _)| *name == protocol).map(|(_, most)| *most);
        let place = match most {
            None => None,
            Some(most) => Some(self.0.census.admit((protocol, caller.user), most).ok_or_else(|| {
                let text = format!("Too many connections: you have {most} {protocol} sessions open already.");
                Fault::new(FaultKind::Exhausted, "MaxConnectionsPerUser", text)
            })?),
        };
        let number = self.0.last.fetch_add(1, Ordering::Relaxed) + 1;
        let live = Arc::new(Live {
            number,
            caller: caller.clone(),
            mailbox,
            database,
            since: AtomicI64::new(NEVER),
            last_access: AtomicI64::new(NEVER),
            operations: AtomicU64::new(0),
        });
        self.live().insert(number, live.clone());
        Ok(Session { _place: place, live, sessions: self.clone() })
    }

    /// A panic elsewhere leaves the map right: none happens between two changes.
    fn live(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Live>>> {
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// The mailbox is open since now.
    pub(crate) fn opened(&self, now: Timestamp) {
        self.live.since.store(now.micros, Ordering::Relaxed);
        self.live.last_access.store(now.micros, Ordering::Relaxed);
    }

    /// Something is asked of it.
    pub(crate) fn touch(&self, now: Timestamp) {
        self.live.last_access.store(now.micros, Ordering::Relaxed);
        self.live.operations.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.sessions.live().remove(&self.live.number);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::Client;

    fn caller(user: u8, protocol: &'static str) -> Caller {
        let client = Client { protocol, address: Ipv4Addr::LOCALHOST.into(), agent: Some("mutt 2.2".into()) };
        Caller { user: Guid([user; 16]), name: format!("user {user}"), address: None, client }
    }

    #[test]
    fn sixteen_of_each_protocol_and_person() {
        let sessions = Sessions::default();
        let begin = |user, protocol| sessions.begin(&caller(user, protocol), Guid([9; 16]), Guid([8; 16]));
        let mut open: Vec<_> = (0..16).map(|_| begin(1, "IMAP4").unwrap()).collect();
        let refused = begin(1, "IMAP4").unwrap_err();
        assert_eq!((refused.kind, refused.code), (FaultKind::Exhausted, "MaxConnectionsPerUser"));
        assert!(begin(1, "POP3").is_ok());
        assert!(begin(2, "IMAP4").is_ok());
        open.extend((0..20).map(|_| begin(1, "EWS").unwrap()));
        assert_eq!(sessions.list().len(), 36);
        open.truncate(15);
        assert!(begin(1, "IMAP4").is_ok());
    }

    #[test]
    fn sessions_are_seen_while_they_last() {
        let sessions = Sessions::default();
        let session = sessions.begin(&caller(1, "IMAP4"), Guid([9; 16]), Guid([8; 16])).unwrap();
        session.opened(Timestamp::from_secs(10));
        session.touch(Timestamp::from_secs(12));
        let seen = sessions.list();
        assert_eq!((seen.len(), &*seen[0].name, seen[0].operations), (1, "user 1", 1));
        assert_eq!((seen[0].since.secs(), seen[0].last_access.secs()), (10, 12));
        assert_eq!((seen[0].protocol, seen[0].agent.as_deref()), ("IMAP4", Some("mutt 2.2")));
        drop(session);
        assert_eq!(sessions.list(), []);
    }
}
