//! Sites: the first one, which is there from the beginning, further ones, and servers that move between them.

use std::{collections::BTreeSet, sync::Arc};

use base::Guid;

use crate::{
    draft::{Draft, NewObject},
    edit::Edit,
    error::DirectoryError,
    object::Object,
    schema::{AD_SITE, AD_SITE_LINK},
    value::Value,
    view::Scope,
};

/// The site of servers that nobody has put anywhere.
pub const DEFAULT_SITE: &str = "Default-First-Site-Name";
/// The link between all sites.
const DEFAULT_LINK: &str = "DEFAULTIPSITELINK";

/// Makes what is missing: the sites that servers are in, and the link between all sites.
pub fn complete_sites(draft: &mut Draft<'_>) -> Result<(), DirectoryError> {
    let named = draft.servers().filter_map(|server| server.text("Site").map(str::to_owned));
    let wanted: BTreeSet<String> = named.chain([DEFAULT_SITE.to_owned()]).collect();
    for site in wanted {
        ensure_site(draft, &site)?;
    }
    Ok(())
}

/// Makes a site, which the link between all sites reaches from then on.
pub fn new_site(draft: &mut Draft<'_>, name: &str) -> Result<Arc<Object>, DirectoryError> {
    let site = draft.create(NewObject::new(&AD_SITE, name))?;
    let link = draft.of_class(&AD_SITE_LINK).find(|link| &*link.name == DEFAULT_LINK).map(|link| link.guid);
    let link = match link {
        Some(link) => link,
        None => draft.create(NewObject::new(&AD_SITE_LINK, DEFAULT_LINK))?.guid,
    };
    let add = Edit::AddRemove { add: vec![Value::text(name)], remove: Vec::new() };
    draft.modify_system(link, vec![("Sites", add)])?;
    Ok(site)
}

/// Before a site is removed: no server may be in it, and links forget it.
pub fn forget_site(draft: &mut Draft<'_>, site: &Object) -> Result<(), DirectoryError> {
    let inside = |server: &&Arc<Object>| is_in(server, site);
    if let Some(server) = draft.servers().find(inside) {
        return Err(DirectoryError::Invalid(format!(
            "The site \"{}\" can't be removed: the server \"{}\" is in it.",
            site.name, server.name
        )));
    }
    let links: Vec<Guid> = draft.of_class(&AD_SITE_LINK).map(|link| link.guid).collect();
    for link in links {
        let remove = Edit::AddRemove { add: Vec::new(), remove: vec![Value::text(&*site.name)] };
        draft.modify_system(link, vec![("Sites", remove)])?;
    }
    Ok(())
}

/// Puts a server into a site, which is made where there is none of that name.
pub fn put_into_site(draft: &mut Draft<'_>, server: Guid, name: &str) -> Result<bool, DirectoryError> {
    let site = ensure_site(draft, name)?;
    draft.modify_system(server, vec![("Site", Edit::set(&*site.name))])
}

fn ensure_site(draft: &mut Draft<'_>, name: &str) -> Result<Arc<Object>, DirectoryError> {
    match draft.resolve(name, Scope::Class(&AD_SITE)) {
        Err(DirectoryError::NotFound { .. }) => new_site(draft, name),
        found => found,
    }
}

fn is_in(server: &Object, site: &Object) -> bool {
    server.text("Site").is_some_and(|name| name.eq_ignore_ascii_case(&site.name))
}
