//! The search behind `Get-MessageTrackingLog`: reads the files of the asked-for hours, oldest first.

use std::{io, sync::Arc};

use base::{
    Timestamp,
    disk::{DiskFile, OpenMode},
};
use memchr::memmem;

use super::{
    Column, TrackingLog, csv,
    files::{self, FileName},
};

/// Read at once, bytes.
const CHUNK: usize = 256 << 10;
/// The longest line that is read; a longer one is passed over, bytes.
const LINE_MAX: usize = 8 << 20;

/// Which events to find; everything given must fit. Addresses and names compare without case.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// From this moment on.
    pub start: Option<Timestamp>,
    /// Up to, not including, this moment.
    pub end: Option<Timestamp>,
    /// `RECEIVE`, `DELIVER` …
    pub event: Option<String>,
    /// `SMTP`, `STOREDRIVER` …
    pub source: Option<String>,
    /// The sender's address.
    pub sender: Option<String>,
    /// Any of these among the recipients.
    pub recipients: Vec<String>,
    /// `Message-ID`, with or without angle brackets.
    pub message_id: Option<String>,
    /// A part of the subject.
    pub subject: Option<String>,
    /// The number on this server.
    pub internal_id: Option<u64>,
    /// The identity across servers.
    pub network_id: Option<String>,
    /// The reference.
    pub reference: Option<String>,
}

/// One event found. All columns are text, as they stand in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record(Vec<String>);

impl Record {
    /// A column's text; empty where the event says nothing.
    pub fn get(&self, column: Column) -> &str {
        &self.0[column as usize]
    }
    /// When it happened.
    pub fn time(&self) -> Option<Timestamp> {
        self.get(Column::DateTime).parse().ok()
    }
    /// The recipients it is about.
    pub fn recipients(&self) -> Vec<&str> {
        split_list(self.get(Column::RecipientAddress))
    }
    /// Their statuses. A status itself may hold `; `.
    pub fn statuses(&self) -> Vec<&str> {
        split_list(self.get(Column::RecipientStatus))
    }
}

/// Splits at each `;` that no space follows.
fn split_list(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut begin = 0;
    for (at, _) in text.match_indices(';') {
        if !text[at + 1..].starts_with(' ') {
            parts.push(&text[begin..at]);
            begin = at + 1;
        }
    }
    if !text.is_empty() {
        parts.push(&text[begin..]);
    }
    parts
}

impl TrackingLog {
    /// The first `limit` events that fit, oldest first.
    pub fn search(&self, filter: &Filter, limit: usize) -> io::Result<Vec<Record>> {
        self.flush();
        let mut found = Vec::new();
        let wanted = Wanted::new(filter);
        for name in files::list(&*self.disk, &self.dir)? {
            let before = filter.start.is_some_and(|start| name.hour < FileName::hour_of(start));
            let after = filter.end.is_some_and(|end| name.start() >= end);
            if before || after {
                continue;
            }
            match self.disk.open(&self.dir.join(name.to_string()), OpenMode::Existing) {
                Ok(file) => scan(&file, &wanted, limit, &mut found)?,
                // Swept away since it was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            if found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }
}

/// Goes through one file line by line.
fn scan(file: &Arc<dyn DiskFile>, wanted: &Wanted, limit: usize, found: &mut Vec<Record>) -> io::Result<()> {
    let len = file.len()?;
    let mut places: Vec<Option<Column>> = Column::all().map(Some).collect();
    let mut pending: Vec<u8> = Vec::new();
    let mut offset = 0;
    while offset < len && found.len() < limit {
        let take = CHUNK.min(usize::try_from(len - offset).unwrap_or(CHUNK));
        let old = pending.len();
        pending.resize(old + take, 0);
        file.read_exact_at(&mut pending[old..], offset)?;
        offset += take as u64;
        let mut begin = 0;
        for end in memchr::memchr_iter(b'\n', &pending) {
            let line = pending[begin..end].strip_suffix(b"\r").unwrap_or(&pending[begin..end]);
            begin = end + 1;
            if let Some(fields) = line.strip_prefix(b"#Fields: ") {
                places = fields.split(|b| *b == b',').map(Column::named).collect();
            } else if !line.starts_with(b"#") && found.len() < limit {
                found.extend(wanted.read(line, &places));
            }
        }
        pending.drain(..begin);
        if pending.len() > LINE_MAX {
            pending.clear();
        }
    }
    Ok(())
}

/// A filter made ready: lower case, and the rarest text to look for before a line is taken apart.
struct Wanted<'a> {
    filter: &'a Filter,
    needle: Option<memmem::Finder<'a>>,
    subject: Option<String>,
}

impl<'a> Wanted<'a> {
    fn new(filter: &'a Filter) -> Self {
        // Only values whose written form is certain can be looked for in the raw line.
        let id = filter.message_id.as_deref().filter(|id| !id.contains(['"', ',']));
        Self {
            filter,
            needle: id.map(memmem::Finder::new),
            subject: filter.subject.as_ref().map(|subject| subject.to_lowercase()),
        }
    }

    fn read(&self, line: &[u8], places: &[Option<Column>]) -> Option<Record> {
        if self.needle.as_ref().is_some_and(|needle| needle.find(line).is_none()) {
            return None;
        }
        let mut values = vec![String::new(); Column::COUNT];
        for (value, place) in csv::split(line).into_iter().zip(places) {
            if let Some(column) = place {
                values[*column as usize] = value;
            }
        }
        Some(Record(values)).filter(|record| self.fits(record))
    }

    fn fits(&self, record: &Record) -> bool {
        let filter = self.filter;
        let same = |wanted: &Option<String>, column: Column| {
            wanted.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(record.get(column)))
        };
        let in_time = || {
            let (Some(start), Some(end)) = (filter.start, filter.end) else {
                return record.time().is_none_or(|time| {
                    filter.start.is_none_or(|start| time >= start) && filter.end.is_none_or(|end| time < end)
                });
            };
            record.time().is_some_and(|time| (start..end).contains(&time))
        };
        let is_recipient = |wanted: &String| {
            record.recipients().iter().any(|have| have.to_lowercase() == wanted.to_lowercase())
        };
        same(&filter.event, Column::EventId)
            && same(&filter.source, Column::Source)
            && same(&filter.sender, Column::SenderAddress)
            && same(&filter.network_id, Column::NetworkMessageId)
            && same(&filter.reference, Column::Reference)
            && filter.message_id.as_ref().is_none_or(|id| bare(id) == bare(record.get(Column::MessageId)))
            && filter.internal_id.is_none_or(|id| record.get(Column::InternalMessageId).parse() == Ok(id))
            && self
                .subject
                .as_ref()
                .is_none_or(|part| record.get(Column::MessageSubject).to_lowercase().contains(part))
            && (filter.recipients.is_empty() || filter.recipients.iter().any(is_recipient))
            && in_time()
    }
}

/// A message identity without its angle brackets.
fn bare(id: &str) -> &str {
    id.trim().trim_start_matches('<').trim_end_matches('>')
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use base::{EnhancedTimeSpan, Guid, disk::SystemDisk};

    use super::{
        super::{Direction, Event, EventId, Source, TrackSettings},
        *,
    };

    const NOW: Timestamp = Timestamp::from_secs(1_795_412_281);

    fn log(dir: &Path, settings: TrackSettings) -> TrackingLog {
        TrackingLog::open(Arc::new(SystemDisk), dir.to_owned(), settings).unwrap()
    }

    fn event(at: i64, id: u64, event: EventId) -> Event<'static> {
        Event {
            internal_id: id,
            message_id: "<m1@ext.example>",
            network_id: Guid([7; 16]),
            recipients: &["ana@rialto.test", "Nuno@rialto.test"],
            status: &["250 2.1.5 A; b", "250 2.1.5 C; d"],
            subject: "Ponte, de \"Rialto\"\r\n",
            sender: "x@ext.example",
            direction: Direction::Originating,
            client_ip: Some([127, 0, 0, 1].into()),
            ..Event::new(NOW.plus(EnhancedTimeSpan::from_secs(at)), Source::Smtp, event)
        }
    }

    #[test]
    fn events_are_found_again_by_each_filter() {
        let dir = tempfile::tempdir().unwrap();
        let log = log(dir.path(), TrackSettings::default());
        log.record(&event(0, 1, EventId::Receive));
        log.record(&event(1, 1, EventId::Deliver));
        log.record(&Event { message_id: "<m2@x>", sender: "y@x", ..event(7200, 2, EventId::Receive) });
        let count = |filter: Filter| log.search(&filter, 100).unwrap().len();
        assert_eq!(count(Filter::default()), 3);
        let at = |secs| Some(NOW.plus(EnhancedTimeSpan::from_secs(secs)));
        for (filter, n) in [
            (Filter { start: at(1), ..Filter::default() }, 2),
            (Filter { end: at(1), ..Filter::default() }, 1),
            (Filter { start: at(0), end: at(7200), ..Filter::default() }, 2),
            (Filter { event: Some("receive".into()), ..Filter::default() }, 2),
            (Filter { source: Some("DSN".into()), ..Filter::default() }, 0),
            (Filter { sender: Some("X@EXT.example".into()), ..Filter::default() }, 2),
            (Filter { recipients: vec!["z@z".into(), "nuno@rialto.test".into()], ..Filter::default() }, 3),
            (Filter { message_id: Some("m2@x".into()), ..Filter::default() }, 1),
            (Filter { subject: Some("de \"rialto".into()), ..Filter::default() }, 3),
            (Filter { internal_id: Some(2), ..Filter::default() }, 1),
            (Filter { reference: Some("r".into()), ..Filter::default() }, 0),
        ] {
            assert_eq!(count(filter.clone()), n, "{filter:?}");
        }
        let first = log.search(&Filter::default(), 1).unwrap().remove(0);
        assert_eq!(first.time(), Some(NOW));
        assert_eq!(first.get(Column::EventId), "RECEIVE");
        assert_eq!(first.get(Column::MessageSubject), "Ponte, de \"Rialto\"  ");
        assert_eq!(first.get(Column::Directionality), "Originating");
        assert_eq!(first.get(Column::RecipientCount), "2");
        assert_eq!(first.recipients(), ["ana@rialto.test", "Nuno@rialto.test"]);
        assert_eq!(first.statuses(), ["250 2.1.5 A; b", "250 2.1.5 C; d"]);
        assert_eq!(first.get(Column::SchemaVersion), super::super::log::SCHEMA_VERSION);
        let files = files::list(&SystemDisk, dir.path()).unwrap();
        assert_eq!(files.len(), 2);
        assert_eq!(files[0].to_string(), "MSGTRK2026112305-1.LOG");
    }

    #[test]
    fn files_rotate_and_the_oldest_go() {
        let dir = tempfile::tempdir().unwrap();
        let settings = TrackSettings {
            max_file_size: base::Unlimited::Limited(1),
            max_directory_size: base::Unlimited::Limited(5000),
            ..TrackSettings::default()
        };
        let log = log(dir.path(), settings);
        for id in 0..20 {
            log.record(&event(0, id, EventId::Receive));
            log.flush();
        }
        let kept = log.search(&Filter::default(), 100).unwrap();
        assert!((1..10).contains(&kept.len()), "{}", kept.len());
        assert_eq!(kept.last().unwrap().get(Column::InternalMessageId), "19");
        log.record(&event(40 * 86_400, 99, EventId::Receive));
        assert_eq!(log.search(&Filter::default(), 100).unwrap().len(), 1);
    }

    #[test]
    fn a_reopened_log_goes_on_in_a_new_file_and_lines_across_chunks_read() {
        let dir = tempfile::tempdir().unwrap();
        for round in 0..2 {
            let log = log(dir.path(), TrackSettings { subjects: false, ..TrackSettings::default() });
            for id in 0..1500 {
                log.record(&event(0, round * 1500 + id, EventId::Receive));
            }
        }
        let log = log(dir.path(), TrackSettings::default());
        let all = log.search(&Filter::default(), usize::MAX).unwrap();
        assert_eq!(all.len(), 3000);
        assert!(all.iter().enumerate().all(|(i, r)| r.get(Column::InternalMessageId) == i.to_string()));
        assert_eq!(all[0].get(Column::MessageSubject), "");
    }
}
