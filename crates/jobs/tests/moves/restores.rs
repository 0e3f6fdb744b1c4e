//! What becomes of mailboxes that belong to nobody: restored, found out of step, removed when their time is over.

use std::time::Duration;

use directory::{
    Edit, Value,
    verbs::{EnableMailbox, MailIdentity, NewMailbox, NewRestore, NewUser, new_mailbox, new_restore_request},
};
use jobs::{
    store_maintenance,
    store_state::{self, align_all},
};
use store::{DisconnectReason, FolderRole, MailboxState};

use crate::house::{House, blocking, deliveries};

/// A second user with a mailbox in the second database, and Ana's mailbox disabled.
async fn disabled() -> (House, base::Guid) {
    let house = House::new(30).await;
    let (user, second) = (house.user, house.databases[1]);
    let target = house.directory.commit(move |draft| {
        directory::verbs::disable_mailbox(draft, user)?;
        let user = NewUser { name: "Eva".into(), ..NewUser::default() };
        let identity = MailIdentity { alias: Some("eva".into()), primary_smtp_address: None };
        let mailbox = EnableMailbox { identity, database: Some(second), ..EnableMailbox::default() };
        Ok(new_mailbox(draft, NewMailbox { user, mailbox })?.guid)
    });
    let target = target.await.unwrap();
    (house, target)
}

fn state(house: &House) -> MailboxState {
    house.database(0).mailbox(house.mailbox).unwrap().statistics().unwrap().state
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_brings_folders_items_and_what_was_deleted() {
    let (house, target) = disabled().await;
    let (database, mailbox) = (house.databases[0], house.mailbox);
    let new = NewRestore {
        target,
        source_database: database,
        source: mailbox,
        source_name: "Ana".into(),
        ..NewRestore::default()
    };
    let exclude = vec![("ExcludeFolders", Edit::Replace(vec![Value::text("#Drafts#/*")]))];
    let request = house.directory.commit(move |draft| {
        let request = new_restore_request(draft, new)?.guid;
        draft.modify_system(request, exclude)?;
        Ok(request)
    });
    let request = request.await.unwrap();
    house.carry(request).await;
    let object = house.object(request);
    assert_eq!(object.text("Status"), Some("Completed"), "{:?}", object.values("Report"));
    let eva = house.directory.snapshot().get(target).unwrap().guid_of("ExchangeGuid").unwrap();
    let (ana, eva) = (house.database(0).mailbox(mailbox).unwrap(), house.database(1).mailbox(eva).unwrap());
    for (folder, copied) in [("Inbox", true), ("Work", true), ("Drafts", false)] {
        let [theirs, ours] = [&ana, &eva].map(|of| {
            let folder = of.find_folder(None, folder).unwrap().unwrap();
            of.status(folder).unwrap().items
        });
        assert!(theirs > 0 && ours == if copied { theirs } else { 0 }, "{folder}: {theirs}, {ours}");
    }
    assert_eq!(eva.status(FolderRole::Deletions.folder()).unwrap().items, 1);
    assert_eq!(eva.check().unwrap(), []);
    assert_eq!(deliveries(&eva), [0u64; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_left_behind_follows_the_directory_and_retention_ends_it() {
    let (house, _) = disabled().await;
    assert_eq!(state(&house), MailboxState::Connected, "nobody told the store");
    assert_eq!(align_all(&house.database(0), &house.directory).await.unwrap(), 1);
    let reason = DisconnectReason::Disabled;
    assert!(matches!(state(&house), MailboxState::Disconnected { reason: own, .. } if own == reason));
    assert_eq!(align_all(&house.database(0), &house.directory).await.unwrap(), 0);

    // Somebody gave it back, and the store was not told.
    let (user, database, mailbox) = (house.user, house.databases[0], house.mailbox);
    let identity = MailIdentity { alias: Some("ana".into()), primary_smtp_address: None };
    let back = EnableMailbox {
        identity,
        database: Some(database),
        mailbox_guid: Some(mailbox),
        ..EnableMailbox::default()
    };
    house.directory.commit(move |draft| directory::verbs::enable_mailbox(draft, user, back)).await.unwrap();
    assert_eq!(align_all(&house.database(0), &house.directory).await.unwrap(), 1);
    assert_eq!(state(&house), MailboxState::Connected);
    let view = house.directory.snapshot();
    assert_eq!(store_state::owner(&view, database, mailbox).map(|owner| owner.guid), Some(user));

    // On hold nothing that was deleted is purged; without it, it is.
    let hold = |on: bool| {
        let edits = vec![("LitigationHoldEnabled", Edit::set(on))];
        house.directory.commit(move |draft| draft.modify(user, edits).map(|_| ()))
    };
    hold(true).await.unwrap();
    house.clock.advance(Duration::from_secs(15 * 86_400));
    let round = async || {
        let (view, clock) = (house.directory.snapshot(), house.clock.clone());
        let settings = view.get(database).unwrap();
        let clock: base::clock::SharedClock = clock;
        store_maintenance::round(&house.database(0), &view, settings, &clock).await.unwrap();
    };
    let deleted = || {
        let mailbox = house.database(0).mailbox(mailbox).unwrap();
        mailbox.status(FolderRole::Deletions.folder()).unwrap().items
    };
    round().await;
    assert_eq!(deleted(), 1);
    hold(false).await.unwrap();
    round().await;
    assert_eq!(deleted(), 0);

    house.directory.commit(move |draft| directory::verbs::remove_mailbox(draft, user)).await.unwrap();
    align_all(&house.database(0), &house.directory).await.unwrap();
    house.clock.advance(Duration::from_secs(29 * 86_400));
    round().await;
    assert!(house.database(0).mailbox(mailbox).is_ok());
    house.clock.advance(Duration::from_secs(2 * 86_400));
    round().await;
    let store = house.database(0);
    assert!(blocking(move || store.mailbox(mailbox).is_err()).await);
}
