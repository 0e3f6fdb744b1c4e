//! Which folders a restore copies, and where each goes.

use std::collections::HashMap;

use directory::{Object, Value};
use store::{Folder, FolderId, FolderRole, Mailbox, StoreError};

/// A folder to be copied.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    /// In the source.
    pub(super) id: FolderId,
    /// Items in it, and their sizes together, bytes.
    pub(super) items: u32,
    pub(super) size: u64,
    /// The folder of the target that it goes below, or into.
    anchor: FolderRole,
    /// Name and class of each folder below that one.
    below: Vec<(String, String)>,
}

/// Recoverable items that a restore brings along.
const RECOVERABLE: [FolderRole; 4] =
    [FolderRole::Deletions, FolderRole::Versions, FolderRole::Purges, FolderRole::DiscoveryHolds];

/// The folders of `source` that a request means.
pub(super) fn folders(request: &Object, source: &Mailbox) -> Result<Vec<Planned>, StoreError> {
    let all = source.all_folders()?;
    let tree = Tree::new(&all);
    let list = |name: &str| {
        let texts = request.values(name).iter().filter_map(Value::as_text);
        texts.map(|text| Pattern::parse(text, &all)).collect::<Vec<_>>()
    };
    let (include, exclude) = (list("IncludeFolders"), list("ExcludeFolders"));
    let root = match request.text("SourceRootFolder") {
        Some(text) => {
            Some(tree.find(&Pattern::parse(text, &all).path).ok_or(StoreError::FolderName(text.into()))?)
        }
        None => None,
    };
    let mut planned = Vec::new();
    for folder in &all {
        let recoverable = folder.role.filter(|role| RECOVERABLE.contains(role));
        let line = tree.line(folder);
        let visible = line.first().is_some_and(|top| top.role == Some(FolderRole::IpmSubtree));
        let means = |pattern: &Pattern| pattern.fits(&folder.path);
        if !(visible || recoverable.is_some() && !request.flag("ExcludeDumpster"))
            || !include.is_empty() && !include.iter().any(means)
            || exclude.iter().any(means)
        {
            continue;
        }
        let (anchor, below) = match (recoverable, root) {
            (Some(role), None) => (role, Vec::new()),
            (Some(_), Some(_)) => continue,
            (None, root) => {
                let Some(place) = place(&line, root, request.text("TargetRootFolder").is_some()) else {
                    continue;
                };
                place
            }
        };
        let status = source.status(folder.id)?;
        planned.push(Planned { id: folder.id, items: status.items, size: status.size, anchor, below });
    }
    Ok(planned)
}

/// Where a folder goes: below the last of its line that is a default folder, or by names alone where it goes below
/// another root. Nothing where it is not below `root`.
fn place(
    line: &[&Folder],
    root: Option<FolderId>,
    by_name: bool,
) -> Option<(FolderRole, Vec<(String, String)>)> {
    let from = match root {
        Some(root) => line.iter().position(|folder| folder.id == root)? + 1,
        None if by_name => 1,
        None => line.iter().rposition(|folder| folder.role.is_some())? + 1,
    };
    let anchor = match root {
        None if !by_name => line[from - 1].role?,
        _ => FolderRole::IpmSubtree,
    };
    let named = |folder: &&Folder| Some((folder.path.last()?.clone(), folder.class.clone()));
    Some((anchor, line[from..].iter().filter_map(named).collect()))
}

/// The folder of the target that a planned one goes into; made where it is not there.
pub(super) async fn open_target(
    target: &Mailbox,
    request: &Object,
    planned: &Planned,
) -> Result<FolderId, StoreError> {
    let mut at = planned.anchor.folder();
    if let Some(root) = request.text("TargetRootFolder").filter(|_| !RECOVERABLE.contains(&planned.anchor)) {
        let all = target.all_folders()?;
        let path = Pattern::parse(root, &all).path;
        at = match Tree::new(&all).find(&path) {
            Some(found) => found,
            None => {
                let mut at = FolderRole::IpmSubtree.folder();
                for name in path.iter().skip(1) {
                    at = find_or_make(target, at, name, "IPF.Note").await?;
                }
                at
            }
        };
    }
    for (name, class) in &planned.below {
        at = find_or_make(target, at, name, class).await?;
    }
    Ok(at)
}

async fn find_or_make(
    target: &Mailbox,
    parent: FolderId,
    name: &str,
    class: &str,
) -> Result<FolderId, StoreError> {
    match target.find_folder(Some(parent), name)? {
        Some(found) => Ok(found),
        None => match target.create_folder(Some(parent), name, class).await {
            // Somebody else made it at the same moment.
            Err(error @ StoreError::FolderExists(_)) => target.find_folder(Some(parent), name)?.ok_or(error),
            made => made,
        },
    }
}

/// The folders of a mailbox by identity.
struct Tree<'a>(HashMap<FolderId, &'a Folder>);

impl<'a> Tree<'a> {
    fn new(all: &'a [Folder]) -> Self {
        Self(all.iter().map(|folder| (folder.id, folder)).collect())
    }

    /// A folder with those above it, the uppermost first.
    fn line(&self, folder: &'a Folder) -> Vec<&'a Folder> {
        let mut line = vec![folder];
        while let Some(parent) = line.last().and_then(|last| last.parent).and_then(|id| self.0.get(&id)) {
            line.push(parent);
        }
        line.reverse();
        line
    }

    fn find(&self, path: &[String]) -> Option<FolderId> {
        self.0.values().find(|folder| same(&folder.path, path)).map(|folder| folder.id)
    }
}

fn same(a: &[String], b: &[String]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_lowercase() == b.to_lowercase())
}

/// A folder as the parameters name it: a path below the root of what people see; `#Inbox#` is a default folder
/// whatever it is called, `/*` at the end those below it too.
struct Pattern {
    path: Vec<String>,
    below: bool,
}

impl Pattern {
    fn parse(text: &str, all: &[Folder]) -> Self {
        let text = text.replace('\\', "/");
        let (text, below) = match text.strip_suffix("/*") {
            Some(text) => (text, true),
            None => (&*text, false),
        };
        let role = |role: FolderRole| all.iter().find(|folder| folder.role == Some(role));
        let root = role(FolderRole::IpmSubtree).map_or_else(Vec::new, |root| root.path.clone());
        let text = text.trim_matches('/');
        let tagged = text.strip_prefix('#').and_then(|text| text.split_once('#'));
        let default = tagged.and_then(|(tag, rest)| {
            let known = |folder: &&Folder| {
                folder.role.is_some_and(|role| {
                    let kind = role.default_folder().map_or("", |folder| folder.folder_type);
                    [format!("{role:?}").as_str(), kind].iter().any(|name| name.eq_ignore_ascii_case(tag))
                })
            };
            Some((all.iter().find(known)?.path.clone(), rest))
        });
        let (mut path, rest) = default.unwrap_or((root, text));
        path.extend(rest.split('/').filter(|name| !name.is_empty()).map(str::to_owned));
        Self { path, below }
    }

    fn fits(&self, path: &[String]) -> bool {
        let head = &path[..self.path.len().min(path.len())];
        same(head, &self.path) && (self.below || path.len() == self.path.len())
    }
}
