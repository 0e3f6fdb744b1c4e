//! Source and target on two servers of one organisation: links that break, and databases that fail over.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use base::{
    Guid,
    neighbours::{Asked, Conversation, NeighbourError, Neighbours},
};
use bytes::Bytes;
use directory::{Directory, Edit, NewObject, Value, schema::SERVER};
use jobs::moves::{Mover, Rooms, Sources, constraint::Copy};
use store::{DisconnectReason, MailboxState, Stores};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use crate::house::{House, blocking, deliveries, going, picture, silent, small};

/// The wire to a server.
#[derive(Default)]
struct Wire {
    there: OnceLock<(Guid, Sources)>,
    conversations: AtomicUsize,
    /// Every so many conversations one breaks in the middle of the answer; never where 0.
    breaks_every: usize,
    /// What happens before a conversation of this number is heard.
    event: OnceLock<(usize, Failover)>,
    /// Whose mailbox gets a message before each conversation while it takes any.
    mail: OnceLock<House>,
}

/// A database that becomes active elsewhere.
struct Failover {
    directory: Directory,
    database: Guid,
    from: Stores,
    to: (Guid, Stores),
}

impl Failover {
    async fn happen(&self) {
        let Ok(database) = self.from.get(self.database) else { return };
        self.from.forget(self.database);
        self.to.1.show(database);
        activate(&self.directory, self.database, self.to.0).await;
    }
}

async fn activate(directory: &Directory, database: Guid, server: Guid) {
    let edits = vec![("Server", Edit::set(Value::Link(server)))];
    directory.commit(move |draft| draft.modify_system(database, edits)).await.unwrap();
}

impl Neighbours for Wire {
    fn ask(&self, _: Guid, _: Vec<Bytes>) -> Asked<'_, Bytes> {
        unreachable!("moves go in conversations")
    }

    fn converse(&self, server: Guid, head: Bytes) -> Asked<'_, Conversation> {
        let number = self.conversations.fetch_add(1, SeqCst) + 1;
        let breaks = self.breaks_every > 0 && number.is_multiple_of(self.breaks_every);
        Box::pin(async move {
            if let Some((_, failover)) = self.event.get().filter(|(at, _)| *at == number) {
                failover.happen().await;
            }
            if let Some(house) = self.mail.get().filter(|house| house.is_open()) {
                assert!(house.deliver(number as u64).await);
            }
            let Some((_, there)) = self.there.get().filter(|(there, _)| *there == server) else {
                return Err(NeighbourError::Unreachable("there is no link".into()));
            };
            let (near, mut far) = duplex(4096);
            let there = there.clone();
            tokio::spawn(async move {
                let mut asked = Vec::new();
                far.read_to_end(&mut asked).await.unwrap();
                let (mut before, behind) = duplex(4096);
                let (mut answer, answering) = (Vec::new(), there.answer(&head, behind));
                let hear = async {
                    before.write_all(&asked).await.unwrap();
                    before.shutdown().await.unwrap();
                    before.read_to_end(&mut answer).await.unwrap();
                };
                tokio::join!(answering, hear);
                let heard = if breaks { answer.len() / 2 } else { answer.len() };
                let _ = far.write_all(&answer[..heard]).await;
            });
            Ok(Box::new(near) as Conversation)
        })
    }
}

/// EX1 has the first database, EX2 the second.
struct Pair {
    house: House,
    servers: [Guid; 2],
    stores: [Stores; 2],
    /// To EX1, and to EX2.
    wires: [Arc<Wire>; 2],
}

impl Pair {
    async fn new(messages: usize, breaks_every: usize) -> Self {
        let house = House::new(messages).await;
        let first = house.directory.snapshot().servers().next().unwrap().guid;
        let second =
            house.directory.commit(|draft| draft.create(NewObject::new(&SERVER, "EX2"))).await.unwrap().guid;
        let stores = [house.stores.clone(), Stores::default()];
        stores[1].show(house.database(1));
        stores[0].forget(house.databases[1]);
        activate(&house.directory, house.databases[1], second).await;
        let servers = [first, second];
        let wires = [0, 1].map(|_| Arc::new(Wire { breaks_every, ..Wire::default() }));
        let pair = Self { house, servers, stores, wires };
        for (n, server) in servers.into_iter().enumerate() {
            pair.wires[n].there.set((server, pair.sources(n))).ok().unwrap();
        }
        pair
    }

    fn sources(&self, n: usize) -> Sources {
        let (directory, stores) = (self.house.directory.clone(), self.stores[n].clone());
        Sources::new(directory, stores, self.house.clock.clone(), self.servers[n], self.wires[1 - n].clone())
    }

    fn mover(&self, n: usize) -> Mover {
        let rooms = Rooms {
            directory: self.house.directory.clone(),
            stores: self.stores[n].clone(),
            clock: self.house.clock.clone(),
            server: self.servers[n],
            sources: self.sources(n),
            copies: Box::new(|_, _| Box::pin(async { vec![Copy::ONLY] })),
            notify: silent(),
        };
        Mover::new(rooms, small())
    }

    fn failover(&self, database: usize, from: usize) -> Failover {
        Failover {
            directory: self.house.directory.clone(),
            database: self.house.databases[database],
            from: self.stores[from].clone(),
            to: (self.servers[1 - from], self.stores[1 - from].clone()),
        }
    }

    /// The mailbox as it is in a database, wherever that is active.
    fn mailbox(&self, database: usize) -> store::Mailbox {
        let guid = self.house.databases[database];
        let store = self.stores.iter().find_map(|stores| stores.get(guid).ok()).unwrap();
        store.mailbox(self.house.mailbox).unwrap()
    }

    fn report(&self, request: Guid) -> String {
        let lines =
            self.house.object(request).values("Report").iter().map(ToString::to_string).collect::<Vec<_>>();
        lines.join("\n")
    }

    /// The move is complete, and the mailbox is what it was.
    fn check(&self, request: Guid, expected: &[String]) {
        assert_eq!(self.house.status(request), "Completed", "{}", self.report(request));
        assert_eq!(self.house.lives_in(), self.house.databases[1]);
        let mailbox = self.mailbox(1);
        assert_eq!(picture(&mailbox), expected);
        assert_eq!(mailbox.check().unwrap(), []);
        assert_eq!(mailbox.database().transfers().unwrap(), []);
        let state = self.mailbox(0).statistics().unwrap().state;
        let is_soft =
            matches!(state, MailboxState::Disconnected { reason: DisconnectReason::SoftDeleted, .. });
        assert!(is_soft, "{state:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailbox_comes_from_another_server_over_links_that_break() {
    let pair = Pair::new(60, 3).await;
    assert!(pair.house.deliver(1).await && pair.house.deliver(2).await);
    let expected = picture(&pair.house.open().await);
    let request = pair.house.request(Vec::new()).await;
    pair.mover(1).carry(request, going()).await;
    pair.check(request, &expected);
    assert!(pair.wires[0].conversations.load(SeqCst) > 20);
    // What comes again from a queue has been delivered.
    let moved = pair.mailbox(1);
    let before = deliveries(&moved);
    assert_eq!(before, [1, 2]);
    let there = House { stores: pair.stores[1].clone(), ..pair.house };
    assert!(there.deliver(2).await && there.deliver(3).await);
    assert_eq!(deliveries(&moved), [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_goes_on_where_its_target_fails_over_to() {
    for at in [2, 7, 15, 40] {
        let pair = Pair::new(60, 0).await;
        let expected = picture(&pair.house.open().await);
        let request = pair.house.request(Vec::new()).await;
        pair.wires[0].event.set((at, pair.failover(1, 1))).ok().unwrap();
        pair.mover(1).carry(request, going()).await;
        if pair.house.status(request) != "Completed" {
            let object = pair.house.object(request);
            assert_eq!(
                (object.text("Message"), object.int("Retries")),
                (None, None),
                "letting go is no failure"
            );
            pair.mover(0).carry(request, going()).await;
            let report = pair.report(request);
            assert!(
                report.contains("The move is resumed: EX1 has the target database now, EX2 had it before."),
                "{report}"
            );
        }
        pair.check(request, &expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_goes_on_when_its_source_fails_over() {
    for at in [2, 7, 15, 40] {
        let pair = Pair::new(60, 0).await;
        let expected = picture(&pair.house.open().await);
        let request = pair.house.request(Vec::new()).await;
        // To the very server that moves.
        pair.wires[0].event.set((at, pair.failover(0, 0))).ok().unwrap();
        pair.mover(1).carry(request, going()).await;
        pair.check(request, &expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_that_never_stops_does_not_hold_a_move_up() {
    let pair = Pair::new(60, 0).await;
    let house = House { stores: pair.stores[0].clone(), ..pair.house.clone() };
    pair.wires[0].mail.set(house).ok().unwrap();
    let request = pair.house.request(Vec::new()).await;
    let moved = tokio::time::timeout(Duration::from_secs(60), pair.mover(1).carry(request, going())).await;
    moved.expect("the move comes to its end");
    assert_eq!(pair.house.status(request), "Completed", "{}", pair.report(request));
    let came = deliveries(&pair.mailbox(1));
    assert!(came.len() > 10 && came.is_sorted_by(|one, next| one < next), "{came:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_took_a_move_up_before_locks_and_unlocks_no_more() {
    let house = House::new(5).await;
    let (source, target) = (house.open().await, house.database(1));
    blocking(move || {
        let first = target.begin_transfer(Guid([7; 16]), &source).unwrap();
        first.lock().unwrap();
        let second = target.begin_transfer(Guid([7; 16]), &source).unwrap();
        second.lock().unwrap();
        assert!(matches!(first.unlock(), Err(store::StoreError::Superseded(_))));
        assert!(source.available().is_err());
        second.unlock().unwrap();
        assert!(matches!(first.lock(), Err(store::StoreError::Superseded(_))));
        assert!(source.available().is_ok());
    })
    .await;
}
