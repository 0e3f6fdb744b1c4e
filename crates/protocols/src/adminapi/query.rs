//! What the request says beside its body: `$select`, `$top`, `$skiptoken`, and the page size it prefers.

use super::{problem::Problem, write::Select};

/// Objects on a page when the client does not say, and at most.
pub(super) const PAGE_DEFAULT: usize = 100;
pub(super) const PAGE_MAX: usize = 1000;
/// Properties a `$select` may name.
const SELECT_MAX: usize = 256;

/// The query options of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    /// The properties wanted.
    pub(super) select: Select,
    /// At most so many objects, on all pages together.
    pub(super) top: Option<u64>,
    /// Where to go on.
    pub(super) skip_token: Option<String>,
    /// The query without the skip token, as it was written.
    pub(super) rest: String,
}

impl Query {
    /// Reads a query string.
    pub(super) fn read(text: &str) -> Result<Self, Problem> {
        let mut query = Query::default();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = decode(name).zip(decode(value));
            let (name, value) = decoded.ok_or_else(|| Problem::bad("The query is malformed."))?;
            match &*name.to_ascii_lowercase() {
                "$skiptoken" => {
                    once(&name, query.skip_token.replace(value))?;
                    continue;
                }
                "$select" => once(&name, query.select.0.replace(names(&value)?))?,
                "$top" => {
                    let top = value.parse().map_err(|_| Problem::bad("$top is a whole number."))?;
                    once(&name, query.top.replace(top))?;
                }
                other if other.starts_with('$') => {
                    return Err(Problem::bad(format!("The query option {name} is not supported.")));
                }
                _ => {}
            }
            let joint = if query.rest.is_empty() { "" } else { "&" };
            query.rest.push_str(joint);
            query.rest.push_str(pair);
        }
        Ok(query)
    }
}

fn once<T>(name: &str, before: Option<T>) -> Result<(), Problem> {
    if before.is_some() { Err(Problem::bad(format!("{name} is given twice."))) } else { Ok(()) }
}

fn names(list: &str) -> Result<Vec<String>, Problem> {
    let names: Vec<String> = list.split(',').map(|name| name.trim().to_owned()).collect();
    if names.len() > SELECT_MAX || names.iter().any(String::is_empty) {
        return Err(Problem::bad(format!("$select is a list of 1 to {SELECT_MAX} property names.")));
    }
    Ok(names)
}

/// The page size of a `Prefer` header (RFC 7240): preferences one does not understand are ignored.
pub(super) fn page_size(prefer: Option<&str>) -> Option<usize> {
    let preferences = prefer?.split([',', ';']).filter_map(|one| one.split_once('='));
    let mut sizes = preferences.filter_map(|(name, value)| {
        let name = name.trim().to_ascii_lowercase();
        let ours = matches!(&*name, "odata.maxpagesize" | "maxpagesize");
        ours.then(|| value.trim().trim_matches('"').parse::<usize>().ok()).flatten()
    });
    sizes.next().map(|size| size.clamp(1, PAGE_MAX))
}

/// Percent-decodes a query's name or value; `+` is a space.
fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                (digit()? << 4 | digit()?) as u8
            }
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_options() {
        let query = Query::read("%24select=Name,%20Alias&x=1&$top=7&$skiptoken=abc").unwrap();
        assert_eq!(query.select.0, Some(vec!["Name".to_owned(), "Alias".to_owned()]));
        assert_eq!((query.top, query.skip_token.as_deref()), (Some(7), Some("abc")));
        assert_eq!(query.rest, "%24select=Name,%20Alias&x=1&$top=7");
        assert_eq!(Query::read("").unwrap(), Query::default());
        for bad in
            ["$select=", "$top=-1", "$top=x", "$filter=a", "$top=1&$top=2", "a=%zz", "%ff=1", "$select=a,,b"]
        {
            assert!(Query::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn reads_preferences() {
        for (header, size) in [
            (None, None),
            (Some("odata.maxpagesize=50"), Some(50)),
            (Some("respond-async, OData.MaxPageSize = \"7\""), Some(7)),
            (Some("maxpagesize=0"), Some(1)),
            (Some("odata.maxpagesize=99999"), Some(PAGE_MAX)),
            (Some("odata.maxpagesize=x"), None),
            (Some("return=minimal"), None),
        ] {
            assert_eq!(page_size(header), size, "{header:?}");
        }
    }
}
