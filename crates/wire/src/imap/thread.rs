//! THREAD's two algorithms (RFC 5256 section 3): pure, over what the caller read of the messages.

use std::collections::HashMap;

use crate::{imap::write, mime::subject::BaseSubject};

/// How deep a thread may be: what would go deeper becomes a thread of its own.
const DEPTH_MAX: usize = 512;
/// Identifiers looked at of those one message refers to: the newest.
const REFERENCES_MAX: usize = 64;

/// What is known of a message.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// The number the answer shows.
    pub number: u32,
    /// When it was sent, microseconds since 1970 (only the order counts).
    pub sent: i64,
    /// Its base subject.
    pub subject: BaseSubject,
    /// Its `Message-ID`, as [`identifiers`] reads it; empty where there is none.
    pub id: Vec<u8>,
    /// The identifiers it refers to, oldest first.
    pub references: Vec<Vec<u8>>,
}

/// The identifiers in a raw header field: what stands between `<` and `>`.
pub fn identifiers(field: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    field.split(|b| *b == b'<').skip(1).filter_map(|text| {
        let end = memchr::memchr(b'>', text)?;
        let id: Vec<u8> = text[..end].iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
        (!id.is_empty()).then_some(id)
    })
}

/// Appends the threads by subject alone: the first message of a subject, the others below it.
pub fn ordered_subject(out: &mut Vec<u8>, mut entries: Vec<Entry>) {
    entries.sort_by_key(|entry| (entry.sent, entry.number));
    let mut forest = Forest::default();
    let mut first: HashMap<String, usize> = HashMap::new();
    for entry in entries {
        let subject = entry.subject.text.clone();
        let node = forest.add(Some(entry));
        let root = *first.entry(subject).or_insert(node);
        if root != node {
            forest.adopt(root, node);
        }
    }
    forest.write(out);
}

/// Appends the threads by references, then by subject.
pub fn references(out: &mut Vec<u8>, entries: Vec<Entry>) {
    let mut forest = Forest::default();
    forest.link_references(entries);
    forest.prune();
    forest.gather_subjects();
    forest.write(out);
}

/// A message, or the place of one that is only referred to.
#[derive(Default)]
struct Node {
    message: Option<Entry>,
    parent: Option<usize>,
    children: Vec<usize>,
    /// Taken out of the forest.
    gone: bool,
}

#[derive(Default)]
struct Forest {
    nodes: Vec<Node>,
}

impl Forest {
    fn add(&mut self, message: Option<Entry>) -> usize {
        self.nodes.push(Node { message, ..Node::default() });
        self.nodes.len() - 1
    }

    /// Makes `child` a child of `parent`, unless that closes a loop or goes too deep. Children are listed
    /// later.
    fn link(&mut self, parent: usize, child: usize) {
        let mut above = Some(parent);
        for _ in 0..DEPTH_MAX {
            match above {
                Some(node) if node == child => return,
                Some(node) => above = self.nodes[node].parent,
                None => {
                    self.nodes[child].parent = Some(parent);
                    return;
                }
            }
        }
    }

    /// Puts a thread below a node.
    fn adopt(&mut self, parent: usize, child: usize) {
        self.nodes[child].parent = Some(parent);
        self.nodes[parent].children.push(child);
    }

    fn link_references(&mut self, entries: Vec<Entry>) {
        let mut by_id: HashMap<Vec<u8>, usize> = HashMap::new();
        for mut entry in entries {
            let (id, mut chain) = (std::mem::take(&mut entry.id), std::mem::take(&mut entry.references));
            chain.drain(..chain.len().saturating_sub(REFERENCES_MAX));
            let own = match by_id.get(&id) {
                Some(&known) if self.nodes[known].message.is_none() => {
                    self.nodes[known].message = Some(entry);
                    known
                }
                // A second message of this name, or one without: it stands for itself.
                Some(_) => self.add(Some(entry)),
                None => {
                    let node = self.add(Some(entry));
                    if !id.is_empty() {
                        by_id.insert(id, node);
                    }
                    node
                }
            };
            let mut above = None;
            for id in chain {
                let node = *by_id.entry(id).or_insert_with(|| {
                    self.nodes.push(Node::default());
                    self.nodes.len() - 1
                });
                if let Some(above) = above.filter(|_| self.nodes[node].parent.is_none()) {
                    self.link(above, node);
                }
                above = Some(node);
            }
            if let Some(above) = above
                && self.nodes[own].parent != Some(above)
            {
                self.link(above, own);
            }
        }
    }

    fn roots(&self) -> Vec<usize> {
        let is_root = |node: &Node| node.parent.is_none() && !node.gone;
        (0..self.nodes.len()).filter(|node| is_root(&self.nodes[*node])).collect()
    }

    /// Lists the children of each node. The places of messages that are not there are taken out: their
    /// children move up, to the top only where there is one.
    fn prune(&mut self) {
        for node in 0..self.nodes.len() {
            if let Some(parent) = self.nodes[node].parent {
                self.nodes[parent].children.push(node);
            }
        }
        for node in self.downwards().into_iter().rev() {
            let mut kept = Vec::new();
            for child in std::mem::take(&mut self.nodes[node].children) {
                if self.nodes[child].message.is_some() {
                    kept.push(child);
                } else {
                    self.nodes[child].gone = true;
                    kept.append(&mut self.nodes[child].children);
                }
            }
            self.nodes[node].children = kept;
        }
        for node in self.downwards() {
            let needless = self.nodes[node].message.is_none() && self.nodes[node].children.len() < 2;
            let above = (!needless).then_some(node);
            for child in self.nodes[node].children.clone() {
                self.nodes[child].parent = above;
            }
            if needless {
                self.nodes[node].gone = true;
                self.nodes[node].children.clear();
            }
        }
    }

    /// Every node, parents before children.
    fn downwards(&self) -> Vec<usize> {
        let mut order = self.roots();
        let mut next = 0;
        while let Some(node) = order.get(next).copied() {
            order.extend(&self.nodes[node].children);
            next += 1;
        }
        order
    }

    /// What speaks for a thread: its first message.
    fn speaker(&self, root: usize) -> Option<&Entry> {
        let node = &self.nodes[root];
        let first = || node.children.iter().filter_map(|child| self.nodes[*child].message.as_ref());
        node.message.as_ref().or_else(|| first().min_by_key(|entry| (entry.sent, entry.number)))
    }

    fn subject(&self, root: usize) -> BaseSubject {
        self.speaker(root).map(|entry| entry.subject.clone()).unwrap_or_default()
    }

    /// Joins threads of one subject (section 3, step 5).
    fn gather_subjects(&mut self) {
        let mut roots = self.roots();
        roots.sort_by_key(|root| self.speaker(*root).map(|entry| (entry.sent, entry.number)));
        let mut table: HashMap<String, usize> = HashMap::new();
        for &root in &roots {
            let subject = self.subject(root);
            if subject.text.is_empty() {
                continue;
            }
            let kept = table.entry(subject.text).or_insert(root);
            let dummy = |node: usize| self.nodes[node].message.is_none();
            let better = (dummy(root) && !dummy(*kept))
                || (self.subject(*kept).is_reply && !subject.is_reply && !dummy(*kept));
            if better {
                *kept = root;
            }
        }
        for root in roots {
            let subject = self.subject(root);
            let Some(&kept) = table.get(&subject.text).filter(|kept| **kept != root) else { continue };
            let dummy = |node: usize| self.nodes[node].message.is_none();
            match (dummy(kept), dummy(root)) {
                (true, true) => {
                    for child in std::mem::take(&mut self.nodes[root].children) {
                        self.nodes[child].parent = Some(kept);
                        self.nodes[kept].children.push(child);
                    }
                    self.nodes[root].gone = true;
                }
                (true, false) => self.adopt(kept, root),
                _ if subject.is_reply && !self.subject(kept).is_reply => self.adopt(kept, root),
                _ => {
                    let above = self.add(None);
                    self.adopt(above, kept);
                    self.adopt(above, root);
                    table.insert(subject.text, above);
                }
            }
        }
    }

    /// Appends the forest, siblings by date.
    fn write(&mut self, out: &mut Vec<u8>) {
        enum Step {
            Thread(usize),
            Close,
        }
        // The date of a place without a message is its first child's: children come before parents here.
        let mut dates: Vec<(i64, u32)> = vec![(i64::MAX, u32::MAX); self.nodes.len()];
        for node in self.downwards().into_iter().rev() {
            let mut children = std::mem::take(&mut self.nodes[node].children);
            children.sort_by_key(|child| dates[*child]);
            let first = children.first().map(|child| dates[*child]);
            let own = self.nodes[node].message.as_ref().map(|entry| (entry.sent, entry.number));
            dates[node] = own.or(first).unwrap_or((i64::MAX, u32::MAX));
            self.nodes[node].children = children;
        }
        let mut roots = self.roots();
        roots.sort_by_key(|root| dates[*root]);
        let mut steps: Vec<Step> = roots.into_iter().rev().map(Step::Thread).collect();
        while let Some(step) = steps.pop() {
            let Step::Thread(mut node) = step else {
                out.push(b')');
                continue;
            };
            out.push(b'(');
            steps.push(Step::Close);
            // A chain is written flat; where it branches each branch is a thread of its own.
            let mut separate = false;
            loop {
                if let Some(entry) = &self.nodes[node].message {
                    if separate {
                        out.push(b' ');
                    }
                    write::number(out, entry.number.into());
                    separate = true;
                }
                match &self.nodes[node].children[..] {
                    [only] => node = *only,
                    [] => break,
                    several => {
                        if separate {
                            out.push(b' ');
                        }
                        steps.extend(several.iter().rev().map(|child| Step::Thread(*child)));
                        break;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages sent in the order of their numbers: number, own identifier, references, subject.
    fn entries(of: &[(u32, &str, &str, &str)]) -> Vec<Entry> {
        of.iter()
            .map(|(number, id, references, subject)| Entry {
                number: *number,
                sent: i64::from(*number),
                subject: BaseSubject::of(subject),
                id: id.as_bytes().to_vec(),
                references: identifiers(references.as_bytes()).collect(),
            })
            .collect()
    }

    fn threaded(of: &[(u32, &str, &str, &str)]) -> String {
        let mut out = Vec::new();
        references(&mut out, entries(of));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn by_references() {
        assert_eq!(threaded(&[(1, "a", "", "x"), (2, "b", "<a>", "x"), (3, "c", "<a> <b>", "x")]), "(1 2 3)");
        assert_eq!(threaded(&[(1, "a", "", "x"), (2, "b", "<a>", "y"), (3, "c", "<a>", "z")]), "(1 (2)(3))");
        // The root is missing: its children hang together all the same.
        assert_eq!(threaded(&[(2, "b", "<a>", "y"), (3, "c", "<a>", "z")]), "((2)(3))");
        // A place with one child is no place.
        assert_eq!(threaded(&[(2, "b", "<a>", "y"), (3, "c", "<b>", "z")]), "(2 3)");
        // Loops are not closed, two messages of one name are two.
        assert_eq!(threaded(&[(1, "a", "<b>", "x"), (2, "b", "<a>", "y")]), "(2 1)");
        assert_eq!(threaded(&[(1, "a", "<a>", "x"), (2, "a", "", "y")]), "(1)(2)");
    }

    #[test]
    fn by_subject() {
        assert_eq!(threaded(&[(1, "a", "", "x"), (2, "b", "", "Re: x")]), "(1 2)");
        assert_eq!(threaded(&[(1, "a", "", "x"), (2, "b", "", "x")]), "((1)(2))");
        assert_eq!(threaded(&[(1, "a", "", ""), (2, "b", "", "")]), "(1)(2)");
        let mut out = Vec::new();
        ordered_subject(
            &mut out,
            entries(&[(1, "", "", "x"), (2, "", "", "y"), (3, "", "", "re: x"), (4, "", "", "x")]),
        );
        assert_eq!(String::from_utf8(out).unwrap(), "(1 (3)(4))(2)");
    }

    #[test]
    fn a_long_chain_takes_no_recursion_and_little_time() {
        let chain = (1..20_000).map(|n| Entry {
            number: n,
            sent: n.into(),
            id: n.to_string().into_bytes(),
            references: vec![(n - 1).to_string().into_bytes()],
            ..Entry::default()
        });
        let mut out = Vec::new();
        references(&mut out, chain.collect());
        let numbers = out.split(|b| !b.is_ascii_digit()).filter(|digits| !digits.is_empty()).count();
        assert_eq!(numbers, 19_999);
    }

    proptest::proptest! {
        #[test]
        fn every_message_is_shown_once(of in proptest::collection::vec((0..12_u8, proptest::collection::vec(0..12_u8, 0..4), "(Re: )?[xy]?", -3..3_i64), 0..24)) {
            let list = of.into_iter().enumerate().map(|(at, (id, refs, subject, sent))| Entry {
                number: at as u32 + 1,
                sent,
                subject: BaseSubject::of(&subject),
                id: if id == 0 { Vec::new() } else { vec![id] },
                references: refs.into_iter().map(|id| vec![id]).collect(),
            });
            let count = list.len();
            let mut out = Vec::new();
            references(&mut out, list.collect());
            let text = String::from_utf8(out).unwrap();
            let mut numbers: Vec<usize> = text.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
            numbers.sort_unstable();
            proptest::prop_assert_eq!(numbers, (1..=count).collect::<Vec<_>>(), "{}", text);
            let depth = text.chars().try_fold(0_i32, |depth, c| match c { '(' => Some(depth + 1), ')' if depth > 0 => Some(depth - 1), ')' => None, _ => Some(depth) });
            proptest::prop_assert_eq!(depth, Some(0), "{}", text);
        }
    }
}
