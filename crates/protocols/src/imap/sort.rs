//! SORT: what was found, in the order asked for (RFC 5256, RFC 5957).

use std::cmp::Ordering;

use services::{Mailbox, mailbox::Item};
use wire::{
    imap::{Ranges, Search, SortKey, set},
    mime::{Address, Summary, SummaryField, date, decode_words, subject::BaseSubject},
};

use super::{
    pages::{self, Entry, Pages, Wants},
    reply::{Failure, Outcome},
    search::Found,
    session::Session,
};

/// Names and subjects are compared by their beginning, bytes.
const TEXT_MAX: usize = 256;

/// What a message is ordered by.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Number(i64),
    Text(String),
}

impl Session {
    pub(super) async fn sort(
        &mut self,
        tag: &str,
        uid: bool,
        order: &[(SortKey, bool)],
        search: &Search,
    ) -> Outcome {
        if search.results.is_some_and(|wanted| wanted.update) {
            self.refuse_update(tag);
        }
        let Found { uids, modseq } = self.find(tag, search).await?;
        let sorted = self.in_order(uids, order).await?;
        self.tell_results("SORT", tag, uid, search.results, &sorted, modseq)
    }

    /// The UIDs in the order of the keys; what is alike in all of them stays in the order of the folder.
    async fn in_order(&mut self, uids: Vec<u32>, order: &[(SortKey, bool)]) -> Result<Vec<u32>, Failure> {
        let (mailbox, view) = self.selected()?;
        let wants = Wants { summary: order.iter().any(|(key, _)| reads_summary(*key)), ..Wants::default() };
        let mut rows: Vec<(Vec<Value>, u32)> = Vec::with_capacity(uids.len());
        let mut pages = Pages::new(mailbox, view.folder, set::from_sorted(uids));
        let read =
            move |mailbox: &Mailbox, folder, ranges: &Ranges| pages::entries(mailbox, folder, ranges, wants);
        while let Some(page) = pages.next(read).await? {
            rows.extend(
                page.iter()
                    .map(|entry| (order.iter().map(|(key, _)| value(*key, entry)).collect(), entry.item.uid)),
            );
        }
        rows.sort_by(|a, b| compare(order, &a.0, &b.0).then(a.1.cmp(&b.1)));
        Ok(rows.into_iter().map(|(_, uid)| uid).collect())
    }

    /// Results of SORT are not kept up to date (RFC 5267 section 4.3.1).
    fn refuse_update(&mut self, tag: &str) {
        self.link.say(&format!("* NO [NOUPDATE \"{tag}\"] Sorted results are not followed\r\n"));
    }
}

fn compare(order: &[(SortKey, bool)], a: &[Value], b: &[Value]) -> Ordering {
    for (((_, reverse), a), b) in order.iter().zip(a).zip(b) {
        match if *reverse { b.cmp(a) } else { a.cmp(b) } {
            Ordering::Equal => {}
            decided => return decided,
        }
    }
    Ordering::Equal
}

fn reads_summary(key: SortKey) -> bool {
    !matches!(key, SortKey::Arrival | SortKey::Size)
}

fn value(key: SortKey, entry: &Entry) -> Value {
    let Entry { item, summary, .. } = entry;
    let (key, summary) = match (key, summary) {
        (SortKey::Size, _) => return Value::Number(item.size.into()),
        (SortKey::Arrival, _) | (_, None) => return Value::Number(item.received.micros),
        (key, Some(summary)) => (key, summary),
    };
    let text = match key {
        SortKey::Date => return Value::Number(sent(item, summary)),
        SortKey::Subject => BaseSubject::of(&summary.subject()).text,
        SortKey::Cc => mailbox_name(summary, SummaryField::Cc),
        SortKey::From => mailbox_name(summary, SummaryField::From),
        SortKey::To => mailbox_name(summary, SummaryField::To),
        SortKey::DisplayFrom => display_name(summary, SummaryField::From),
        SortKey::DisplayTo => display_name(summary, SummaryField::To),
        SortKey::Arrival | SortKey::Size => String::new(),
    };
    let mut text = text.to_lowercase();
    text.truncate(text.floor_char_boundary(TEXT_MAX));
    Value::Text(text)
}

/// When a message was sent, microseconds since 1970: what has no date was sent when it came.
pub(super) fn sent(item: &Item, summary: &Summary) -> i64 {
    let sent = summary.text(SummaryField::Date).and_then(date::parse_sent_date);
    sent.map_or(item.received.micros, |sent| sent.at.micros)
}

/// The local part of the first address.
fn mailbox_name(summary: &Summary, field: SummaryField) -> String {
    let first = summary.addresses(field).next();
    match first {
        Some(Address::Mailbox { local, .. }) => String::from_utf8_lossy(local).into_owned(),
        Some(Address::Group(name)) => decode_words(name),
        _ => String::new(),
    }
}

/// The name shown for the first address, or the address.
fn display_name(summary: &Summary, field: SummaryField) -> String {
    match summary.addresses(field).next() {
        Some(Address::Mailbox { name: Some(name), .. }) if !name.is_empty() => decode_words(name),
        Some(Address::Mailbox { local, host, .. }) => {
            format!("{}@{}", String::from_utf8_lossy(local), String::from_utf8_lossy(host))
        }
        Some(Address::Group(name)) => decode_words(name),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use bytes::Bytes;
    use services::mailbox::{Flags, ItemId};

    use super::*;

    fn entry(uid: u32, header: &str) -> Entry {
        let flags = Flags::default();
        let received = Timestamp::from_secs(uid.into());
        let item = Item { id: ItemId(uid.into()), uid, modseq: 1, flags, received, size: 10 - uid };
        Entry { item, provenance: None, summary: Some(Summary::parse(header.as_bytes())), body: Bytes::new() }
    }

    #[test]
    fn values() {
        let entry = entry(1, "From: \"Zed Q\" <ann@x>\r\nTo: bob@y\r\nSubject: Re: Ärger\r\n\r\n");
        let text = |text: &str| Value::Text(text.into());
        for (key, expected) in [
            (SortKey::From, text("ann")),
            (SortKey::DisplayFrom, text("zed q")),
            (SortKey::DisplayTo, text("bob@y")),
            (SortKey::Subject, text("ärger")),
            (SortKey::Cc, text("")),
            (SortKey::Size, Value::Number(9)),
            (SortKey::Date, Value::Number(1_000_000)),
        ] {
            assert_eq!(value(key, &entry), expected, "{key:?}");
        }
    }

    #[test]
    fn the_second_key_decides_where_the_first_does_not() {
        let order = [(SortKey::Subject, false), (SortKey::Size, true)];
        let values = |entry: &Entry| order.iter().map(|(key, _)| value(*key, entry)).collect::<Vec<_>>();
        let (a, b) = (values(&entry(1, "Subject: x\r\n\r\n")), values(&entry(2, "Subject: re: X\r\n\r\n")));
        assert_eq!(compare(&order, &a, &b), Ordering::Less);
        assert_eq!(compare(&order[..1], &a, &b), Ordering::Equal);
    }
}
