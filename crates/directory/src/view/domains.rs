//! Which accepted or remote domain covers a domain name: exact, then `*.parent` nearest first, then `*`.

use std::{collections::HashMap, sync::Arc};

use crate::{
    object::Object,
    value::{DomainPattern, Value},
};

/// Objects with a `DomainName`, found by the most specific match in time proportional to its labels.
#[derive(Default)]
pub struct DomainTable {
    exact: HashMap<Box<str>, Arc<Object>>,
    below: HashMap<Box<str>, Arc<Object>>,
    any: Option<Arc<Object>>,
}

impl DomainTable {
    /// The most specific object that covers `domain`.
    pub fn find(&self, domain: &str) -> Option<&Arc<Object>> {
        let domain = domain.trim_end_matches('.').to_lowercase();
        if let Some(object) = self.exact.get(domain.as_str()) {
            return Some(object);
        }
        let mut rest = domain.as_str();
        loop {
            if let Some(object) = self.below.get(rest) {
                return Some(object);
            }
            match rest.split_once('.') {
                Some((_, parent)) => rest = parent,
                None => return self.any.as_ref(),
            }
        }
    }
}

impl FromIterator<Arc<Object>> for DomainTable {
    fn from_iter<T: IntoIterator<Item = Arc<Object>>>(objects: T) -> Self {
        let mut table = DomainTable::default();
        for object in objects {
            let Some(Value::Pattern(pattern)) = object.stored_value("DomainName").cloned() else { continue };
            match pattern {
                DomainPattern::Any => table.any = Some(object),
                DomainPattern::SubDomains(domain) => {
                    table.below.insert(domain.as_str().into(), object);
                }
                DomainPattern::Exact(domain) => {
                    let with_sub_domains = object.class.attribute("MatchSubDomains").is_some();
                    if with_sub_domains && object.flag("MatchSubDomains") {
                        table.below.entry(domain.as_str().into()).or_insert_with(|| object.clone());
                    }
                    table.exact.insert(domain.as_str().into(), object);
                }
            }
        }
        table
    }
}
