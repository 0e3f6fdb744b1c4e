//! Database availability groups, their members and the copies of databases.

use base::{EnhancedTimeSpan, Guid};
use directory::{
    Directory, DirectoryError, Draft, Edit, NewObject, Scope,
    schema::{
        DATABASE_AVAILABILITY_GROUP, DATABASE_AVAILABILITY_GROUP_NETWORK, MAILBOX_DATABASE,
        MAILBOX_DATABASE_COPY, SERVER,
    },
    value::Value,
    verbs::{
        NewDatabaseCopy, activate_copy, add_group_member, new_database_copy, new_server, prefer_copy,
        remove_database_copy, remove_group_member,
    },
};

use crate::house;

fn server(draft: &Draft<'_>, name: &str) -> Guid {
    draft.resolve(name, Scope::Class(&SERVER)).unwrap().guid
}
fn group(draft: &mut Draft<'_>, name: &str) -> Result<Guid, DirectoryError> {
    draft.create(NewObject::new(&DATABASE_AVAILABILITY_GROUP, name)).map(|group| group.guid)
}
fn copy(draft: &mut Draft<'_>, on: &str, preference: Option<i64>) -> Result<String, DirectoryError> {
    let database = draft.databases().next().unwrap().guid;
    let new = NewDatabaseCopy {
        database,
        server: server(draft, on),
        preference,
        spans: vec![("ReplayLagTime", EnhancedTimeSpan::from_days(1))],
        suspended: None,
    };
    new_database_copy(draft, new).map(|copy| copy.identity())
}
/// The servers of a database's copies, the most preferred first, with their preferences.
fn order(draft: &Draft<'_>) -> String {
    let database = draft.databases().next().unwrap().guid;
    let copies = draft.copies_of(database).into_iter();
    let shown = copies.map(|copy| format!("{} {}", copy.int("ActivationPreference").unwrap(), copy.name));
    shown.collect::<Vec<_>>().join(", ")
}
fn said<T>(result: Result<T, DirectoryError>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

/// Three servers in DAG1, one beside it.
async fn three() -> (Directory, tempfile::TempDir) {
    let (directory, dir) = house().await;
    let make = |draft: &mut Draft<'_>| {
        let dag = group(draft, "DAG1")?;
        let first = draft.servers().next().unwrap().guid;
        draft.modify(first, vec![("Name", Edit::set("MBX1"))])?;
        for name in ["MBX2", "MBX3", "MBX4"] {
            new_server(draft, name, "mbx.rialto.test")?;
        }
        for name in ["MBX1", "MBX2", "MBX3"] {
            let server = server(draft, name);
            add_group_member(draft, dag, server)?;
        }
        Ok(())
    };
    directory.commit(make).await.unwrap();
    (directory, dir)
}

#[tokio::test]
async fn preferences_are_always_one_to_n() {
    let (directory, _dir) = three().await;
    let check = |draft: &mut Draft<'_>| {
        let database = draft.databases().next().unwrap().clone();
        let first = draft.copies_of(database.guid)[0].guid;
        assert_eq!(copy(draft, "MBX2", None)?, format!("{}\\MBX2", database.name));
        assert!(order(draft).ends_with(", 2 MBX2"), "{}", order(draft));
        copy(draft, "MBX3", Some(1))?;
        assert!(order(draft).starts_with("1 MBX3, 2 "), "{}", order(draft));
        assert!(prefer_copy(draft, first, 3)?);
        assert!(!prefer_copy(draft, first, 3)?);
        assert!(order(draft).starts_with("1 MBX3, 2 MBX2, 3 "), "{}", order(draft));
        for wrong in [0, -1, 4] {
            assert!(said(prefer_copy(draft, first, wrong)).contains("from 1 to 3"), "{wrong}");
        }
        let (two, four) = (server(draft, "MBX2"), server(draft, "MBX4"));
        assert!(activate_copy(draft, database.guid, two)? && !activate_copy(draft, database.guid, two)?);
        assert!(said(activate_copy(draft, database.guid, four)).contains("holds no copy"));
        let second = draft.copy_on(database.guid, server(draft, "MBX3")).unwrap().guid;
        remove_database_copy(draft, second)?;
        assert!(order(draft).starts_with("1 MBX2, 2 "), "{}", order(draft));
        Ok(())
    };
    directory.commit(check).await.unwrap();
}

#[tokio::test]
async fn a_copy_is_where_it_may_be() {
    let (directory, _dir) = three().await;
    let check = |draft: &mut Draft<'_>| {
        let database = draft.databases().next().unwrap().guid;
        let active = draft.copies_of(database)[0].guid;
        assert!(said(copy(draft, "MBX4", None)).contains("isn't a member of the same"));
        assert!(said(copy(draft, "MBX1", None)).contains("exists already"));
        assert!(said(remove_database_copy(draft, active)).contains("active copy"));
        let circular = |on: bool| vec![("CircularLoggingEnabled", Edit::set(on))];
        draft.modify(database, circular(true))?;
        assert!(said(copy(draft, "MBX2", None)).contains("Circular logging"));
        draft.modify(database, circular(false))?;
        copy(draft, "MBX2", None)?;
        draft.modify(database, circular(true))?;
        let third = copy(draft, "MBX3", None)?;
        assert!(third.ends_with("\\MBX3"));
        let on = |draft: &Draft<'_>, name| draft.copy_on(database, server(draft, name)).unwrap().guid;
        let (two, three) = (on(draft, "MBX2"), on(draft, "MBX3"));
        remove_database_copy(draft, three)?;
        assert!(said(remove_database_copy(draft, two)).contains("last passive copy"));
        // A copy goes with its database, and is found in it after that was renamed.
        draft.modify(database, vec![("Name", Edit::set("Renamed"))])?;
        let found = draft.resolve("Renamed\\MBX2", Scope::Class(&MAILBOX_DATABASE_COPY))?;
        assert_eq!(found.guid, two);
        assert!(found.dn().to_string().contains("CN=Renamed,"));
        assert!(said(draft.delete(database)).contains("has the passive copy \"Renamed\\MBX2\""));
        draft.modify(database, circular(false))?;
        remove_database_copy(draft, two)?;
        draft.delete(database)?;
        assert_eq!(draft.of_class(&MAILBOX_DATABASE_COPY).count(), 0);
        assert_eq!(draft.of_class(&MAILBOX_DATABASE).count(), 0);
        Ok(())
    };
    directory.commit(check).await.unwrap();
}

#[tokio::test]
async fn members_are_in_one_group_of_at_most_sixteen() {
    let (directory, _dir) = three().await;
    let check = |draft: &mut Draft<'_>| {
        let (one, two) =
            (draft.resolve("DAG1", Scope::Class(&DATABASE_AVAILABILITY_GROUP))?.guid, group(draft, "DAG2")?);
        let member = server(draft, "MBX2");
        assert!(said(add_group_member(draft, two, member)).contains("\"DAG1\" already"));
        assert!(said(remove_group_member(draft, two, member)).contains("isn't a member"));
        copy(draft, "MBX2", None)?;
        assert!(said(remove_group_member(draft, one, member)).contains("\\MBX2\" of a replicated database"));
        assert!(said(draft.delete(one)).contains("has members"));
        for n in 5..18 {
            let server = new_server(draft, &format!("MBX{n}"), "mbx.rialto.test")?.guid;
            add_group_member(draft, one, server)?;
        }
        assert_eq!(draft.members_of_availability_group(one).len(), 16);
        let more = server(draft, "MBX4");
        assert!(said(add_group_member(draft, one, more)).contains("which is the maximum"));
        let three = server(draft, "MBX3");
        remove_group_member(draft, one, three)?;
        add_group_member(draft, two, three)?;
        remove_group_member(draft, two, three)?;
        let network = NewObject::new(&DATABASE_AVAILABILITY_GROUP_NETWORK, "Replication");
        let network = draft.create(network.with("DatabaseAvailabilityGroup", Value::Link(two)))?;
        assert_eq!(network.identity(), "DAG2\\Replication");
        draft.delete(two)?;
        assert!(draft.get(network.guid).is_none());
        Ok(())
    };
    directory.commit(check).await.unwrap();
}

#[tokio::test]
async fn names_and_witnesses_are_checked() {
    let (directory, _dir) = three().await;
    let check = |draft: &mut Draft<'_>| {
        for wrong in ["DAG_1", "a-name-that-is-long", "12345", "mbx2"] {
            assert!(said(group(draft, wrong)).contains(wrong), "{wrong}");
        }
        let one = draft.resolve("DAG1", Scope::Class(&DATABASE_AVAILABILITY_GROUP))?.guid;
        let two = group(draft, "DAG2")?;
        let witness = |name: &str| {
            vec![("WitnessServer", Edit::set(name)), ("WitnessDirectory", Edit::set("/srv/witness"))]
        };
        let fqdn = draft.get(server(draft, "MBX2")).unwrap().text("Fqdn").unwrap().to_owned();
        for member in ["MBX2", &fqdn] {
            assert!(said(draft.modify(one, witness(member))).contains("can't be its witness"), "{member}");
        }
        draft.modify(one, witness("MBX4"))?;
        let four = server(draft, "MBX4");
        assert!(said(add_group_member(draft, one, four)).contains("is the witness"));
        assert!(said(draft.modify(two, witness("MBX4"))).contains("used by the database availability group"));
        draft.modify(two, vec![("WitnessServer", Edit::set("MBX4"))])?;
        Ok(())
    };
    directory.commit(check).await.unwrap();
}
