//! The writer: events gather in a buffer and are appended to the hour's file within a second.

use std::{
    io::{self, IoSlice, Write},
    path::PathBuf,
    sync::Arc,
};

use base::{
    EnhancedTimeSpan, Timestamp, Unlimited,
    disk::{DiskFile, OpenMode, SharedDisk},
    eventlog::{EventKind, Level},
};
use parking_lot::Mutex;

use super::{
    Column,
    event::Event,
    files::{self, FileName},
};

/// The `schema-version` column, and `#Version` of a file.
pub(super) const SCHEMA_VERSION: &str = "15.00.1497.000";

/// The buffer is written out when it has grown to this, without waiting for the second to pass, bytes.
const BUFFER_WRITE: usize = 256 << 10;
/// Events are dropped (and counted) while the disk takes none and the buffer is this long, bytes.
const BUFFER_MAX: usize = 4 << 20;

const WRITE_FAILED: EventKind = EventKind {
    log: "Application",
    source: "MSExchangeTransport",
    id: 9201,
    category: "MessageTracking",
    level: Level::Error,
};

/// How the log is kept; the transport service's settings of the same names.
#[derive(Clone, Debug)]
pub struct TrackSettings {
    /// `MessageTrackingLogEnabled`
    pub enabled: bool,
    /// `MessageTrackingLogMaxAge`
    pub max_age: EnhancedTimeSpan,
    /// `MessageTrackingLogMaxDirectorySize`, bytes.
    pub max_directory_size: Unlimited<u64>,
    /// `MessageTrackingLogMaxFileSize`, bytes.
    pub max_file_size: Unlimited<u64>,
    /// `MessageTrackingLogSubjectLoggingEnabled`
    pub subjects: bool,
}

impl Default for TrackSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            max_age: EnhancedTimeSpan::from_days(30),
            max_directory_size: Unlimited::Limited(1000 << 20),
            max_file_size: Unlimited::Limited(10 << 20),
            subjects: true,
        }
    }
}

/// The tracking log of one server.
pub struct TrackingLog {
    pub(super) disk: SharedDisk,
    pub(super) dir: PathBuf,
    writer: Mutex<Writer>,
}

struct Writer {
    settings: TrackSettings,
    buffer: Vec<u8>,
    /// Of which hour the buffer's events are.
    hour: i64,
    /// `2026-11-23T05:`, the beginning of every line of the hour.
    hour_text: String,
    file: Option<Open>,
    /// Events lost since the last one that was written.
    dropped: u64,
}

struct Open {
    name: FileName,
    file: Arc<dyn DiskFile>,
    len: u64,
}

impl TrackingLog {
    /// The log in `dir`, which is made when missing.
    pub fn open(disk: SharedDisk, dir: PathBuf, settings: TrackSettings) -> io::Result<Self> {
        disk.create_dir_all(&dir)?;
        let writer = Writer {
            settings,
            buffer: Vec::new(),
            hour: i64::MIN,
            hour_text: String::new(),
            file: None,
            dropped: 0,
        };
        Ok(Self { disk, dir, writer: Mutex::new(writer) })
    }

    /// Takes new settings, from the next event on.
    pub fn set(&self, settings: TrackSettings) {
        self.writer.lock().settings = settings;
    }

    /// Records an event. Never fails and hardly ever waits: a log that cannot be written must not stop mail.
    pub fn record(&self, event: &Event<'_>) {
        let mut writer = self.writer.lock();
        if !writer.settings.enabled {
            return;
        }
        if FileName::hour_of(event.time) != writer.hour {
            self.write_out(&mut writer);
            writer.begin_hour(event.time);
        }
        if writer.buffer.len() >= BUFFER_MAX {
            writer.dropped += 1;
            return;
        }
        writer.line(event);
        if writer.buffer.len() >= BUFFER_WRITE {
            self.write_out(&mut writer);
        }
    }

    /// Writes what is buffered. Called every second, before a search and at shutdown.
    pub fn flush(&self) {
        self.write_out(&mut self.writer.lock());
    }

    fn write_out(&self, writer: &mut Writer) {
        if writer.buffer.is_empty() {
            return;
        }
        match self.try_write(writer) {
            Ok(()) => {
                writer.buffer.clear();
                if writer.dropped > 0 {
                    let lost = std::mem::take(&mut writer.dropped);
                    base::eventlog::write(
                        &WRITE_FAILED,
                        &format!("Message tracking is written again. {lost} events were lost meanwhile."),
                    );
                }
            }
            Err(error) => {
                writer.file = None;
                if writer.dropped == 0 {
                    writer.dropped = 1;
                    base::eventlog::write(
                        &WRITE_FAILED,
                        &format!(
                            "The message tracking log in {} can't be written: {error}. Mail flows on; \
                                  events are lost once the buffer is full.",
                            self.dir.display()
                        ),
                    );
                }
            }
        }
    }

    fn try_write(&self, writer: &mut Writer) -> io::Result<()> {
        let full = |open: &Open| writer.settings.max_file_size.limit().is_some_and(|max| open.len >= *max);
        let fits = writer.file.as_ref().is_some_and(|open| open.name.hour == writer.hour && !full(open));
        if !fits {
            writer.file = Some(self.next_file(writer)?);
        }
        let Some(open) = &mut writer.file else { return Ok(()) };
        open.file.write_all_at(&[IoSlice::new(&writer.buffer)], open.len)?;
        open.len += writer.buffer.len() as u64;
        Ok(())
    }

    /// A fresh file of the buffer's hour, its header written; older files are swept.
    fn next_file(&self, writer: &Writer) -> io::Result<Open> {
        let last = files::list(&*self.disk, &self.dir)?.into_iter().rfind(|name| name.hour == writer.hour);
        let name = FileName { hour: writer.hour, instance: last.map_or(1, |last| last.instance + 1) };
        let file = self.disk.open(&self.dir.join(name.to_string()), OpenMode::New)?;
        let columns: Vec<_> = Column::all().map(Column::name).collect();
        let header = format!(
            "#Software: Rialto\r\n#Version: {SCHEMA_VERSION}\r\n#Log-type: Message Tracking Log\r\n\
             #Date: {}\r\n#Fields: {}\r\n",
            name.start(),
            columns.join(",")
        );
        file.write_all_at(&[IoSlice::new(header.as_bytes())], 0)?;
        let oldest = name.start().plus(EnhancedTimeSpan { micros: -writer.settings.max_age.micros });
        let max_bytes = writer.settings.max_directory_size.limit().copied().unwrap_or(u64::MAX);
        files::sweep(&*self.disk, &self.dir, name, oldest, max_bytes)?;
        Ok(Open { name, file, len: header.len() as u64 })
    }
}

impl Drop for TrackingLog {
    fn drop(&mut self) {
        self.flush();
    }
}

impl Writer {
    fn begin_hour(&mut self, time: Timestamp) {
        self.hour = FileName::hour_of(time);
        self.hour_text = time.to_jiff().strftime("%Y-%m-%dT%H:").to_string();
    }

    fn line(&mut self, event: &Event<'_>) {
        let within = event.time.micros.rem_euclid(3_600_000_000) / 1000;
        self.buffer.extend_from_slice(self.hour_text.as_bytes());
        let (minute, second, milli) = (within / 60_000, within / 1000 % 60, within % 1000);
        // Writing to a vector cannot fail.
        let _ = write!(self.buffer, "{minute:02}:{second:02}.{milli:03}Z");
        if self.settings.subjects {
            event.write_after_time(&mut self.buffer);
        } else {
            Event { subject: "", ..event.clone() }.write_after_time(&mut self.buffer);
        }
    }
}
