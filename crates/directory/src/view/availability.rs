//! Who keeps copies of what: members of database availability groups, copies of databases.

use std::sync::Arc;

use base::Guid;

use super::View;
use crate::{
    object::Object,
    rules::availability::means,
    schema::{AD_SITE, MAILBOX_DATABASE_COPY},
};

impl View {
    /// The servers of a database availability group, by name.
    pub fn members_of_availability_group(&self, group: Guid) -> Vec<&Arc<Object>> {
        let member = |server: &&Arc<Object>| server.link("DatabaseAvailabilityGroup") == Some(group);
        self.servers().filter(member).collect()
    }
    /// The site that a server is in; [`Guid::EMPTY`] where nothing is known of it.
    pub fn site_of(&self, server: Guid) -> Guid {
        let name = self.get(server).and_then(|server| server.text("Site")).unwrap_or_default();
        let mut sites = self.of_class(&AD_SITE);
        sites.find(|site| site.name.eq_ignore_ascii_case(name)).map_or(Guid::EMPTY, |site| site.guid)
    }
    /// The database availability group whose members keep a database.
    pub fn availability_group_of(&self, database: Guid) -> Option<&Arc<Object>> {
        let server = self.get(self.get(database)?.link("Server")?)?;
        self.get(server.link("DatabaseAvailabilityGroup")?)
    }
    /// The server that is the witness of a database availability group, where it belongs to the organisation.
    pub fn witness_of(&self, group: &Object) -> Option<&Arc<Object>> {
        let witness = group.text("WitnessServer")?;
        self.servers().find(|server| means(server, witness))
    }
    /// The copies of a mailbox database, the most preferred first.
    pub fn copies_of(&self, database: Guid) -> Vec<&Arc<Object>> {
        let linking = self.linking_to(database).filter(|object| *object.class == MAILBOX_DATABASE_COPY);
        let mut copies: Vec<&Arc<Object>> = linking.collect();
        copies.sort_by_key(|copy| (copy.int("ActivationPreference"), copy.guid));
        copies
    }
    /// The copy of a mailbox database on a server.
    pub fn copy_on(&self, database: Guid, server: Guid) -> Option<&Arc<Object>> {
        self.copies_of(database).into_iter().find(|copy| copy.link("Server") == Some(server))
    }
}
