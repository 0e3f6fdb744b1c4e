//! A mailbox and its archive move together, or one of them alone.

use base::Guid;
use directory::{
    Edit, Value,
    verbs::{NewMove, new_move_request},
};
use jobs::moves::moves_of;
use store::{DisconnectReason, FolderRole, MailboxState};

use crate::house::{House, append, picture};

const ARCHIVE: Guid = Guid([0xA; 16]);

/// Ana has an archive beside her mailbox, in the first database.
async fn with_archive() -> House {
    let house = House::new(12).await;
    let (user, database) = (house.user, house.databases[0]);
    let edits = vec![
        ("ArchiveGuid", Edit::set(Value::Guid(ARCHIVE))),
        ("ArchiveDatabase", Edit::set(Value::Link(database))),
    ];
    house.directory.commit(move |draft| draft.modify_system(user, edits)).await.unwrap();
    let view = house.directory.snapshot();
    let archive = transport::deliver::open_or_make(&house.database(0), ARCHIVE, &view).await.unwrap();
    for n in 0..20 {
        append(&archive, FolderRole::Inbox.folder(), n).await;
    }
    house
}

/// Which of the two move, and where they are afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_moves_alone_or_with_its_mailbox() {
    for (own, archive) in [(false, true), (true, false), (true, true)] {
        let house = with_archive().await;
        let of = |database: usize, guid| house.database(database).mailbox(guid);
        let before = (picture(&of(0, house.mailbox).unwrap()), picture(&of(0, ARCHIVE).unwrap()));
        let target = house.databases[1];
        let new = NewMove {
            user: house.user,
            target: own.then_some(target),
            archive_target: archive.then_some(target),
            settings: Vec::new(),
        };
        let request = house.directory.commit(move |draft| new_move_request(draft, new)).await.unwrap().guid;
        house.carry(request).await;
        assert_eq!(house.status(request), "Completed");
        let user = house.directory.snapshot().get(house.user).cloned().unwrap();
        let mut after = Vec::new();
        for (moves, guid, link, flag) in
            [(own, house.mailbox, "Database", false), (archive, ARCHIVE, "ArchiveDatabase", true)]
        {
            let at = usize::from(moves);
            assert_eq!(user.link(link), Some(house.databases[at]), "{link}");
            let mailbox = of(at, guid).unwrap();
            after.push(picture(&mailbox));
            let remembered = moves_of(&mailbox).unwrap();
            assert_eq!(remembered.len(), at);
            assert!(remembered.iter().all(|moved| moved.archive == flag && moved.request == request));
            assert!(mailbox.available().is_ok());
            if moves {
                let left = of(0, guid).unwrap().statistics().unwrap().state;
                let reason = DisconnectReason::SoftDeleted;
                assert!(
                    matches!(left, MailboxState::Disconnected { reason: why, .. } if why == reason),
                    "{left:?}"
                );
            }
        }
        assert_eq!((&after[0], &after[1]), (&before.0, &before.1));
    }
}
