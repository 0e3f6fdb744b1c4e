//! Reports of migration batches.

use directory::{
    Edit, NewObject, Value,
    schema::MIGRATION_BATCH,
    verbs::{NewMove, new_move_request, note_move},
};
use jobs::batches::{reports, status};

use crate::house::House;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_reported_once_in_each_state() {
    let house = House::new(5).await;
    let (user, target) = (house.user, house.databases[1]);
    let made = house.directory.commit(move |draft| {
        let batch = NewObject::new(&MIGRATION_BATCH, "Wave1")
            .with("Users", Value::Multi([Value::Link(user)].into()))
            .with("NotificationEmails", Value::Multi([Value::text("boss@example.org")].into()))
            .with("Phase", "Started");
        let batch = draft.create(batch)?.guid;
        let settings = vec![
            ("BatchName", Value::text("MigrationService:Wave1")),
            ("SuspendWhenReadyToComplete", true.into()),
        ];
        let new = NewMove { user, target: Some(target), archive_target: None, settings };
        Ok::<_, directory::DirectoryError>((batch, new_move_request(draft, new)?.guid))
    });
    let (batch, request) = made.await.unwrap();
    assert!(reports(&house.directory).await.is_empty(), "nothing has happened yet");
    house.carry(request).await;
    let view = house.directory.snapshot();
    assert_eq!(status(&view, view.get(batch).unwrap()), "Synced");
    let [notice] = &reports(&house.directory).await[..] else { panic!("one report") };
    assert_eq!(notice.subject, "Migration batch \"Wave1\" is synced");
    assert_eq!(notice.to[0].as_str(), "boss@example.org");
    assert!(notice.text.contains("Mailboxes: 1\r\nSynced: 1\r\n"), "{}", notice.text);
    assert!(reports(&house.directory).await.is_empty(), "it was reported");
    // What fails is named.
    let edits = vec![("Status", Edit::set("Failed")), ("Message", Edit::set("Error: a \"bad\" day"))];
    house.directory.commit(move |draft| note_move(draft, request, edits)).await.unwrap();
    let [notice] = &reports(&house.directory).await[..] else { panic!("one report") };
    assert_eq!(notice.subject, "Migration batch \"Wave1\" has failed");
    let (_, _, file) = &notice.file;
    let file = String::from_utf8_lossy(file);
    let line = file.lines().nth(1).unwrap();
    assert!(line.ends_with(r#","Failed","7","0","Error: a ""bad"" day""#), "{line}");
    assert!(notice.text.contains(": Error: a \"bad\" day"), "{}", notice.text);
}
