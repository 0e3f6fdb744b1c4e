//! What a role assignment reaches: recipients and configuration, to look at and to change.

use std::sync::Arc;

use base::Guid;
use directory::{
    Dn, Filter, Object, View,
    schema::{MAILBOX_DATABASE, MAILBOX_DATABASE_COPY, SERVER},
};

use super::builtin::Implicit;

/// A set of objects.
#[derive(Clone, Debug)]
pub enum Reach {
    /// As the role declares it.
    Implicit(Implicit),
    /// Recipients in an organisational unit.
    Unit(Dn),
    /// What a management scope says.
    Custom(Arc<Custom>),
}

/// A management scope, parsed.
#[derive(Clone, Debug)]
pub struct Custom {
    /// The scope's object.
    pub guid: Guid,
    /// Whoever is in it is changed only by those who have it.
    pub exclusive: bool,
    root: Option<Dn>,
    restriction: Restriction,
}

/// What kind of objects a scope holds, and which of them.
#[derive(Clone, Debug)]
enum Restriction {
    Recipients(Option<Filter>),
    Servers(Option<Filter>),
    Databases(Option<Filter>),
    /// A stored filter that no longer parses holds nothing.
    Nothing,
}

impl Custom {
    /// Reads a management scope.
    pub fn of(view: &View, scope: &Object) -> Self {
        let filter = |name: &str| scope.text(name).map(Filter::parse).transpose();
        let parsed = match scope.text("ScopeRestrictionType") {
            Some("ServerScope") => filter("ServerFilter").map(Restriction::Servers),
            Some("DatabaseScope") => filter("DatabaseFilter").map(Restriction::Databases),
            _ => filter("RecipientFilter").map(Restriction::Recipients),
        };
        let root = scope.link("RecipientRoot").and_then(|guid| view.get(guid)).map(|root| root.dn());
        let restriction = parsed.unwrap_or_else(|error| {
            tracing::error!(scope = &*scope.name, %error, "a management scope's filter does not parse");
            Restriction::Nothing
        });
        Custom { guid: scope.guid, exclusive: scope.flag("Exclusive"), root, restriction }
    }

    /// Whether it is about databases alone.
    pub fn is_databases(&self) -> bool {
        matches!(self.restriction, Restriction::Databases(_))
    }

    /// Whether an object is in it.
    pub fn contains(&self, view: &View, object: &Object) -> bool {
        let fits = |filter: &Option<Filter>, object: &Object| {
            filter.as_ref().is_none_or(|f| f.matches(view, object))
        };
        match &self.restriction {
            Restriction::Recipients(filter) => {
                object.class.recipient
                    && self.root.as_ref().is_none_or(|root| object.container.is_within(root))
                    && fits(filter, object)
            }
            Restriction::Servers(filter) => {
                server_of(view, object).is_some_and(|server| fits(filter, server))
            }
            Restriction::Databases(filter) => {
                database_of(view, object).is_some_and(|database| fits(filter, database))
            }
            Restriction::Nothing => false,
        }
    }
}

/// The server an object is, or belongs to.
fn server_of<'a>(view: &'a View, object: &'a Object) -> Option<&'a Object> {
    if *object.class == SERVER {
        return Some(object);
    }
    object.class.attribute("Server")?;
    view.get(object.link("Server")?).map(|server| &**server)
}

/// The database an object is, or is a copy of.
fn database_of<'a>(view: &'a View, object: &'a Object) -> Option<&'a Object> {
    match object.class {
        class if *class == MAILBOX_DATABASE => Some(object),
        class if *class == MAILBOX_DATABASE_COPY => view.get(object.link("Database")?).map(|found| &**found),
        _ => None,
    }
}

impl Reach {
    /// Whether an object is in reach of `person`. `to_change` tells what may be changed from what may be seen.
    pub fn contains(&self, view: &View, person: Guid, object: &Object, to_change: bool) -> bool {
        let recipient = object.class.recipient;
        match self {
            Reach::Implicit(Implicit::None) => false,
            Reach::Implicit(Implicit::Organization) => recipient,
            Reach::Implicit(Implicit::OrganizationConfig) => !recipient,
            Reach::Implicit(Implicit::OwnSelf) => object.guid == person,
            Reach::Implicit(Implicit::MyGal) => {
                recipient && !to_change && !object.flag("HiddenFromAddressListsEnabled")
            }
            Reach::Implicit(Implicit::MyDistributionGroups) => {
                object.class.attribute("ManagedBy").is_some()
                    && object.links("ManagedBy").any(|owner| owner == person)
            }
            Reach::Unit(unit) => recipient && object.container.is_within(unit),
            Reach::Custom(custom) => custom.contains(view, object),
        }
    }

    /// The management scope it is, if it is one.
    pub fn custom(&self) -> Option<&Custom> {
        match self {
            Reach::Custom(custom) => Some(custom),
            Reach::Implicit(_) | Reach::Unit(_) => None,
        }
    }
}
