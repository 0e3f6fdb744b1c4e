//! The administrator audit log against those who have its disk, and against crashes.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use base::{EnhancedTimeSpan, Timestamp, disk::SystemDisk};
use proptest::prelude::*;
use trust::audit::{Entry, Finding, FindingKind, Hash, Log, Options, Query, Report};

const START: Timestamp = Timestamp::from_secs(1_795_412_281);
const DAY: i64 = 86_400;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }
    fn open(&self) -> Log {
        let (dir, head) = (self.0.path().join("log"), self.0.path().join("audit.head"));
        Log::open(Options { disk: Arc::new(SystemDisk), dir, head }).unwrap()
    }
    fn segments(&self) -> Vec<PathBuf> {
        let folder = fs::read_dir(self.0.path().join("log")).unwrap();
        let mut paths: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    }
    fn head(&self) -> PathBuf {
        self.0.path().join("audit.head")
    }
    /// A log of so many entries, closed again.
    fn with(entries: u32) -> Self {
        let place = Self::new();
        let log = place.open();
        for n in 0..entries {
            log.append(entry(n, 0)).unwrap();
        }
        place
    }
    fn verify(&self) -> Report {
        self.open().verify(&mut |_, _| {}).unwrap()
    }
}

fn entry(n: u32, days: i64) -> Entry {
    Entry {
        time: START.plus(EnhancedTimeSpan::from_secs(days * DAY)),
        caller: format!("rialto.test/Users/Admin {n}"),
        cmdlet: "Set-Mailbox".into(),
        parameters: vec![("Office".into(), "Porto\n\"x\"".into())],
        object: format!("rialto.test/Users/User {n}"),
        succeeded: n.is_multiple_of(2),
        ..Entry::default()
    }
}

fn everything() -> Query {
    Query { limit: usize::MAX, ..Query::default() }
}

fn kinds(report: &Report) -> Vec<(FindingKind, u64, u64)> {
    report.findings.iter().map(|Finding { entry, through, kind }| (*kind, *entry, *through)).collect()
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

fn write(path: &Path, lines: &[String]) {
    fs::write(path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

#[test]
fn what_is_appended_stays_and_goes_on() {
    let place = Place::with(3);
    let log = place.open();
    assert_eq!(log.append(entry(3, 0)).unwrap().number, 4);
    let found = log.search(&everything()).unwrap();
    assert_eq!(found.iter().map(|e| e.number).collect::<Vec<_>>(), [4, 3, 2, 1]);
    assert_eq!(found[0].parameters[0].1, "Porto\n\"x\"");
    let some = Query { callers: vec!["admin 2".into()], succeeded: Some(true), ..everything() };
    assert_eq!(log.search(&some).unwrap().len(), 1);
    assert_eq!(log.search(&Query { skip: 1, limit: 2, ..Query::default() }).unwrap()[0].number, 3);
    let mut heard = Vec::new();
    let report = log.verify(&mut |done, of| heard.push((done, of))).unwrap();
    assert_eq!(heard.first().map(|heard| heard.0), Some(0));
    assert!(heard.iter().all(|(done, of)| done < of));
    assert!(report.is_intact(), "{report:?}");
    assert_eq!((report.entries, report.first, report.last), (4, 1, 4));
}

#[test]
fn an_altered_entry_is_named() {
    let place = Place::with(5);
    let path = &place.segments()[0];
    let mut text = lines(path);
    text[2] = text[2].replace("User 2", "User 9");
    write(path, &text);
    assert_eq!(kinds(&place.verify()), [(FindingKind::Altered, 3, 3)]);
}

#[test]
fn missing_entries_are_named_wherever_they_were() {
    for (gone, expected) in [(0..1, (1, 1)), (1..3, (2, 3)), (4..5, (5, 5)), (2..5, (3, 5)), (0..5, (1, 5))] {
        let place = Place::with(5);
        let path = &place.segments()[0];
        let mut text = lines(path);
        text.drain(gone);
        write(path, &text);
        assert_eq!(kinds(&place.verify()), [(FindingKind::Missing, expected.0, expected.1)]);
        // It stays known after others were written behind the gap.
        place.open().append(entry(9, 0)).unwrap();
        assert_eq!(kinds(&place.verify()), [(FindingKind::Missing, expected.0, expected.1)]);
    }
    let place = Place::with(5);
    fs::remove_file(&place.segments()[0]).unwrap();
    assert_eq!(kinds(&place.verify()), [(FindingKind::Missing, 1, 5)]);
}

#[test]
fn a_log_written_anew_is_noticed() {
    let place = Place::with(4);
    let path = &place.segments()[0];
    let mut previous = Hash::default();
    let mut text = Vec::new();
    for line in lines(path) {
        let json = line[65..].replace("Admin 1", "Nobody");
        previous = previous.then(json.as_bytes());
        text.push(format!("{previous} {json}"));
    }
    write(path, &text);
    assert_eq!(kinds(&place.verify()), [(FindingKind::Rewritten, 4, 4)]);
    // The chain that goes on behind it is not the forged one's.
    place.open().append(entry(4, 0)).unwrap();
    assert_eq!(kinds(&place.verify()), [(FindingKind::Altered, 5, 5)]);
}

#[test]
fn a_missing_head_is_noticed_and_never_forgotten() {
    let place = Place::with(3);
    fs::remove_file(place.head()).unwrap();
    assert_eq!(kinds(&place.verify()), [(FindingKind::HeadMissing, 3, 3)]);
    place.open().append(entry(4, 0)).unwrap();
    assert_eq!(kinds(&place.verify()), [(FindingKind::HeadMissing, 3, 3)]);
}

#[test]
fn entries_in_another_order_are_noticed() {
    let place = Place::with(4);
    let path = &place.segments()[0];
    let mut text = lines(path);
    text.swap(1, 2);
    write(path, &text);
    assert!(kinds(&place.verify()).contains(&(FindingKind::OutOfPlace, 2, 2)));
}

#[test]
fn what_a_crash_left_half_written_is_cut() {
    let place = Place::with(2);
    let path = &place.segments()[0];
    let mut bytes = fs::read(path).unwrap();
    bytes.extend_from_slice(b"0123456789abcdef{\"number\":3");
    fs::write(path, bytes).unwrap();
    let log = place.open();
    assert!(log.verify(&mut |_, _| {}).unwrap().is_intact());
    assert_eq!(log.append(entry(2, 0)).unwrap().number, 3);
    assert!(log.verify(&mut |_, _| {}).unwrap().is_intact());
}

#[test]
fn a_head_that_lags_behind_says_nothing_wrong() {
    let place = Place::with(2);
    let head = fs::read(place.head()).unwrap();
    place.open().append(entry(2, 0)).unwrap();
    fs::write(place.head(), head).unwrap();
    assert!(place.verify().is_intact());
    // Half of the head torn: the other slot counts.
    let mut head = fs::read(place.head()).unwrap();
    head[..100].fill(b'#');
    fs::write(place.head(), head).unwrap();
    assert!(place.verify().is_intact());
}

#[test]
fn old_entries_go_and_the_rest_holds() {
    let place = Place::new();
    let log = place.open();
    for day in 0..10 {
        log.append(entry(0, day * 2)).unwrap();
    }
    assert_eq!(place.segments().len(), 10);
    let cutoff = START.plus(EnhancedTimeSpan::from_secs(9 * DAY));
    assert_eq!(
        log.prune(cutoff).unwrap(),
        4,
        "the segment before the first kept entry stays until it is old"
    );
    let report = log.verify(&mut |_, _| {}).unwrap();
    assert!(report.is_intact(), "{report:?}");
    assert_eq!((report.first, report.last), (5, 10));
    drop(log);
    assert!(place.verify().is_intact());
    // The anchor keeps the new front from being cut further.
    fs::remove_file(&place.segments()[0]).unwrap();
    assert_eq!(kinds(&place.verify()), [(FindingKind::Missing, 5, 5)]);
}

#[test]
fn everything_may_be_too_old() {
    let place = Place::with(3);
    let log = place.open();
    assert_eq!(log.prune(START.plus(EnhancedTimeSpan::from_secs(1))).unwrap(), 3);
    assert!(place.segments().is_empty());
    assert!(log.verify(&mut |_, _| {}).unwrap().is_intact());
    drop(log);
    let log = place.open();
    assert_eq!(log.append(entry(0, 1)).unwrap().number, 4);
    let report = log.verify(&mut |_, _| {}).unwrap();
    assert!(report.is_intact() && (report.first, report.last) == (4, 4), "{report:?}");
}

#[test]
fn many_write_at_once() {
    let place = Place::new();
    let log = place.open();
    std::thread::scope(|scope| {
        for n in 0..8 {
            let log = &log;
            scope.spawn(move || (0..25).for_each(|_| _ = log.append(entry(n, 0)).unwrap()));
        }
    });
    let report = log.verify(&mut |_, _| {}).unwrap();
    assert!(report.is_intact());
    assert_eq!(report.entries, 200);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_byte_can_be_changed_unnoticed(at in any::<prop::sample::Index>(), flip in 1u8..=255) {
        let place = Place::with(6);
        let path = place.segments().remove(0);
        let mut bytes = fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        fs::write(&path, bytes).unwrap();
        prop_assert!(!place.verify().is_intact());
    }

    #[test]
    fn no_cut_goes_unnoticed(at in any::<prop::sample::Index>()) {
        let place = Place::with(6);
        let path = place.segments().remove(0);
        let bytes = fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        fs::write(&path, &bytes[..at]).unwrap();
        prop_assert!(!place.verify().is_intact());
    }
}
