//! A small organisation for tests: rialto.test with one server and one database.

use std::sync::Arc;

use base::{Guid, SmtpAddress, Timestamp, clock::ManualClock, rng::SeededRng};
use directory::{
    Directory, Draft, Edit, NewObject, Value, View,
    schema::{
        ACCEPTED_DOMAIN, CONTACT, DYNAMIC_GROUP, GROUP, MAILBOX_DATABASE, ORGANIZATION, REMOTE_DOMAIN,
        SEND_CONNECTOR, SERVER, TRANSPORT_CONFIG, USER,
    },
    value::ProxyAddress,
};

use crate::volume::Volume;

/// When every test begins.
pub(crate) const START: Timestamp = Timestamp::from_secs(1_795_412_281);

pub(crate) fn address(text: &str) -> SmtpAddress {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

pub(crate) fn proxy(text: &str) -> Value {
    Value::Proxy(format!("SMTP:{text}").parse::<ProxyAddress>().unwrap())
}

/// How the engine is opened in a test's folder.
pub(crate) fn engine_options(
    dir: &std::path::Path,
    name: &str,
    clock: &Arc<ManualClock>,
    disk: &Volume,
) -> engine::Options {
    engine::Options {
        dir: dir.join(name),
        name: name.to_owned(),
        segment_bytes: 1 << 20,
        cache_bytes: 1 << 20,
        checkpoint_bytes: 8 << 20,
        disk: Arc::new(disk.clone()),
        clock: clock.clone(),
    }
}

pub(crate) struct World {
    pub(crate) directory: Directory,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) rng: Arc<SeededRng>,
    pub(crate) database: Guid,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) disk: Volume,
}

impl World {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(START));
        let rng = Arc::new(SeededRng::new(1));
        let disk = Volume::default();
        let engine = engine_options(dir.path(), "directory", &clock, &disk);
        let directory = Directory::open(directory::Options { engine, rng: rng.clone() }).unwrap();
        let mut world = Self { directory, clock, rng, database: Guid::EMPTY, dir, disk };
        let container = "CN=Microsoft Exchange,CN=Services,CN=Configuration,DC=rialto,DC=test".parse().ok();
        let organization = NewObject::new(&ORGANIZATION, "Rialto").with("DomainName", "rialto.test");
        world.create(NewObject { container, ..organization }).await;
        let server = world.create(NewObject::new(&SERVER, "EX01")).await;
        let database = NewObject::new(&MAILBOX_DATABASE, "DB01").with("Server", Value::Link(server));
        world.database = world.create(database).await;
        world.create(NewObject::new(&TRANSPORT_CONFIG, "Transport Settings")).await;
        world.accepted("rialto.test", "Authoritative").await;
        world.remote("*", false).await;
        world
    }

    pub(crate) fn view(&self) -> Arc<View> {
        self.directory.snapshot()
    }

    pub(crate) async fn commit<R: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Draft<'_>) -> Result<R, directory::DirectoryError> + Send + 'static,
    ) -> R {
        self.directory.commit(f).await.unwrap()
    }

    pub(crate) async fn create(&self, new: NewObject) -> Guid {
        self.commit(move |draft| draft.create(new).map(|object| object.guid)).await
    }

    pub(crate) async fn edit(&self, guid: Guid, name: &'static str, value: impl Into<Value>) {
        let edit = Edit::set(value);
        self.commit(move |draft| draft.modify_system(guid, vec![(name, edit)])).await;
    }

    pub(crate) async fn clear(&self, guid: Guid, name: &'static str) {
        self.commit(move |draft| draft.modify_system(guid, vec![(name, Edit::clear())])).await;
    }

    pub(crate) async fn accepted(&self, domain: &'static str, kind: &'static str) -> Guid {
        let name = domain.replace('*', "any");
        let pattern = Value::Pattern(domain.parse().unwrap());
        let new = NewObject::new(&ACCEPTED_DOMAIN, name).with("DomainName", pattern).with("DomainType", kind);
        self.create(new.with("Default", domain == "rialto.test")).await
    }

    pub(crate) async fn remote(&self, domain: &str, auto_forward: bool) -> Guid {
        let name = if domain == "*" { "Default".into() } else { domain.replace('*', "any") };
        let pattern = Value::Pattern(domain.parse().unwrap());
        let new = NewObject::new(&REMOTE_DOMAIN, name).with("DomainName", pattern);
        self.create(new.with("AutoForwardEnabled", auto_forward)).await
    }

    /// A mailbox `name@rialto.test`.
    pub(crate) async fn mailbox(&self, name: &str) -> Guid {
        self.mailbox_in(name, self.database).await
    }

    /// A mailbox in one of several databases.
    pub(crate) async fn mailbox_in(&self, name: &str, database: Guid) -> Guid {
        let mailbox = Guid::new(&*self.rng);
        let new = NewObject::new(&USER, name)
            .with("Alias", name)
            .with("EmailAddresses", proxy(&format!("{name}@rialto.test")))
            .with("ExchangeGuid", Value::Guid(mailbox))
            .with("Database", Value::Link(database));
        self.create(new).await
    }

    pub(crate) async fn contact(&self, name: &str, external: &str) -> Guid {
        let new = NewObject::new(&CONTACT, name)
            .with("Alias", name)
            .with("EmailAddresses", proxy(&format!("{name}@rialto.test")))
            .with("ExternalEmailAddress", proxy(external));
        self.create(new).await
    }

    pub(crate) async fn mail_user(&self, name: &str, external: &str) -> Guid {
        let new = NewObject::new(&USER, name)
            .with("Alias", name)
            .with("EmailAddresses", proxy(&format!("{name}@rialto.test")))
            .with("ExternalEmailAddress", proxy(external));
        self.create(new).await
    }

    /// A group open to anyone.
    pub(crate) async fn group(&self, name: &str, members: &[Guid]) -> Guid {
        let new = NewObject::new(&GROUP, name)
            .with("Alias", name)
            .with("EmailAddresses", proxy(&format!("{name}@rialto.test")));
        let group = self.create(new).await;
        for member in members.iter().copied() {
            self.commit(move |draft| draft.add_member(group, member)).await;
        }
        group
    }

    pub(crate) async fn dynamic_group(&self, name: &str, filter: &str) -> Guid {
        let new = NewObject::new(&DYNAMIC_GROUP, name)
            .with("Alias", name)
            .with("EmailAddresses", proxy(&format!("{name}@rialto.test")))
            .with("RecipientFilter", filter);
        self.create(new).await
    }

    /// A send connector; with smart hosts or, without, by DNS.
    pub(crate) async fn connector(&self, name: &str, spaces: &[&str], smart_hosts: &[&str]) -> Guid {
        let spaces = spaces.iter().map(|space| Value::Space(Box::new(space.parse().unwrap()))).collect();
        let mut new = NewObject::new(&SEND_CONNECTOR, name)
            .with("AddressSpaces", Value::Multi(spaces))
            .with("DNSRoutingEnabled", smart_hosts.is_empty());
        if !smart_hosts.is_empty() {
            let hosts = smart_hosts.iter().map(|host| Value::from(*host)).collect();
            new = new.with("SmartHosts", Value::Multi(hosts));
        }
        self.create(new).await
    }
}
