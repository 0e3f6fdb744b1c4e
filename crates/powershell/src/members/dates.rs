//! Dates and time spans.

use base::{EnhancedTimeSpan, Timestamp};
use jiff::{ToSpan, Zoned, civil::Weekday};

use super::Call;
use crate::{
    eval::{Interp, Run, formatted},
    value::{Value, display_date, from_local, local, local_zone},
};

const SECOND: f64 = 1_000_000.0;
const EPOCH_TICKS: i64 = 621_355_968_000_000_000;

pub(super) fn date_property(at: Timestamp, name: &str) -> Option<Value> {
    let zoned = local(at);
    Some(match &*name.to_ascii_lowercase() {
        "year" => Value::Int(i32::from(zoned.year())),
        "month" => Value::Int(i32::from(zoned.month())),
        "day" => Value::Int(i32::from(zoned.day())),
        "hour" => Value::Int(i32::from(zoned.hour())),
        "minute" => Value::Int(i32::from(zoned.minute())),
        "second" => Value::Int(i32::from(zoned.second())),
        "millisecond" => Value::Int(i32::from(zoned.millisecond())),
        "dayofyear" => Value::Int(i32::from(zoned.day_of_year())),
        "dayofweek" => weekday(zoned.weekday()),
        "date" => Value::DateTime(from_local(zoned.date().at(0, 0, 0, 0))?),
        "timeofday" => {
            let midnight = from_local(zoned.date().at(0, 0, 0, 0))?;
            Value::TimeSpan(EnhancedTimeSpan { micros: at.micros - midnight.micros })
        }
        "ticks" => Value::Long(ticks(at)),
        "kind" => Value::enumeration("System.DateTimeKind", "Local", 2),
        _ => return None,
    })
}

/// .NET ticks of the local wall clock.
fn ticks(at: Timestamp) -> i64 {
    let offset = i64::from(local(at).offset().seconds()) * 1_000_000;
    at.micros.saturating_add(offset).saturating_mul(10).saturating_add(EPOCH_TICKS)
}

fn weekday(day: Weekday) -> Value {
    const NAMES: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    let at = day.to_sunday_zero_offset();
    let name = NAMES.get(usize::try_from(at).unwrap_or_default()).copied().unwrap_or_default();
    Value::enumeration("System.DayOfWeek", name, i32::from(at))
}

/// What `AddX(1)` adds, microseconds.
fn unit(name: &str) -> Option<f64> {
    Some(match name {
        "adddays" | "fromdays" => 86_400.0 * SECOND,
        "addhours" | "fromhours" => 3600.0 * SECOND,
        "addminutes" | "fromminutes" => 60.0 * SECOND,
        "addseconds" | "fromseconds" => SECOND,
        "addmilliseconds" | "frommilliseconds" => 1000.0,
        "addticks" | "fromticks" => 0.1,
        _ => return None,
    })
}

/// `[TimeSpan]::FromDays(n)` and the like.
pub(super) fn span_from(name: &str, amount: f64) -> Option<EnhancedTimeSpan> {
    name.starts_with("from")
        .then(|| unit(name))
        .flatten()
        .map(|unit| EnhancedTimeSpan { micros: (amount * unit).round() as i64 })
}

pub(super) fn date_method(cx: &mut Interp<'_>, at: Timestamp, call: &Call<'_>) -> Run<Option<Value>> {
    if let Some(unit) = unit(call.name).filter(|_| call.name.starts_with("add")) {
        let micros = (call.double(cx, 0)? * unit).round() as i64;
        return moment(cx, at.micros.checked_add(micros), call).map(Some);
    }
    let zoned = local(at);
    let shown = |spec: &str| formatted(&Value::DateTime(at), spec).map(Value::from);
    Ok(match call.name {
        "addmonths" | "addyears" => {
            let n = call.int(cx, 0)?.clamp(-120_000, 120_000);
            let span = if call.name == "addmonths" { n.months() } else { (n.clamp(-9999, 9999)).years() };
            let moved = zoned.checked_add(span).ok().map(|moved| moved.timestamp().as_microsecond());
            Some(moment(cx, moved, call)?)
        }
        "add" | "subtract" => match call.arguments.first() {
            Some(Value::TimeSpan(span)) => {
                let micros = if call.name == "add" { span.micros } else { span.micros.saturating_neg() };
                Some(moment(cx, at.micros.checked_add(micros), call)?)
            }
            Some(Value::DateTime(other)) => {
                Some(Value::TimeSpan(EnhancedTimeSpan { micros: at.micros.saturating_sub(other.micros) }))
            }
            _ => None,
        },
        // A moment's wall clock in another zone: .NET shifts the clock, so do we.
        "touniversaltime" => Some(Value::DateTime(shifted(at, -offset(&zoned)))),
        "tolocaltime" => Some(Value::DateTime(shifted(at, offset(&zoned)))),
        "toshortdatestring" => shown("d"),
        "tolongdatestring" => shown("D"),
        "toshorttimestring" => shown("t"),
        "tolongtimestring" => shown("T"),
        "tofiletime" | "tofiletimeutc" => Some(Value::Long(at.micros * 10 + 116_444_736_000_000_000)),
        "isdaylightsavingtime" => Some(Value::Bool(local_zone().to_offset_info(at.to_jiff()).dst().is_dst())),
        "tostring" if call.count() == 0 => Some(Value::string(display_date(at))),
        _ => None,
    })
}

/// A moment, where .NET has it: from the year 1 to 9999.
fn moment(cx: &Interp<'_>, micros: Option<i64>, call: &Call<'_>) -> Run<Value> {
    let known = micros.filter(|micros| (YEAR_1..=YEAR_9999_END).contains(micros));
    known.map(|micros| Value::DateTime(Timestamp { micros })).ok_or_else(|| {
        let why =
            "The added or subtracted value results in an un-representable DateTime.\r\nParameter name: value";
        cx.method_failed(call.typed, call.count(), "ArgumentOutOfRangeException", why)
    })
}

/// The first and last moments of dates, microseconds since 1970.
const YEAR_1: i64 = -62_135_596_800_000_000;
const YEAR_9999_END: i64 = 253_402_207_199_999_999;

fn offset(zoned: &Zoned) -> i64 {
    i64::from(zoned.offset().seconds()) * 1_000_000
}

fn shifted(at: Timestamp, micros: i64) -> Timestamp {
    at.plus(EnhancedTimeSpan { micros })
}

pub(super) fn span_property(span: EnhancedTimeSpan, name: &str) -> Option<Value> {
    let micros = span.micros;
    let part = |unit: i64, modulo: i64| Value::Int((micros / unit % modulo) as i32);
    let total = |unit: f64| Value::Double(micros as f64 / unit);
    Some(match &*name.to_ascii_lowercase() {
        "days" => Value::Int((micros / 86_400_000_000) as i32),
        "hours" => part(3_600_000_000, 24),
        "minutes" => part(60_000_000, 60),
        "seconds" => part(1_000_000, 60),
        "milliseconds" => part(1000, 1000),
        "ticks" => Value::Long(micros.saturating_mul(10)),
        "totaldays" => total(86_400.0 * SECOND),
        "totalhours" => total(3600.0 * SECOND),
        "totalminutes" => total(60.0 * SECOND),
        "totalseconds" => total(SECOND),
        "totalmilliseconds" => total(1000.0),
        _ => return None,
    })
}

pub(super) fn span_method(_: &mut Interp<'_>, span: EnhancedTimeSpan, call: &Call<'_>) -> Run<Option<Value>> {
    let made = |micros: i64| Some(Value::TimeSpan(EnhancedTimeSpan { micros }));
    Ok(match (call.name, call.arguments.first()) {
        ("add", Some(Value::TimeSpan(other))) => made(span.micros.saturating_add(other.micros)),
        ("subtract", Some(Value::TimeSpan(other))) => made(span.micros.saturating_sub(other.micros)),
        ("negate", None) => made(span.micros.saturating_neg()),
        ("duration", None) => made(span.micros.saturating_abs()),
        _ => None,
    })
}
