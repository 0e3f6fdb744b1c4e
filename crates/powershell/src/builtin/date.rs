//! `Get-Date`, `New-TimeSpan`, `Start-Sleep`.

use std::{thread, time::Duration};

use base::{EnhancedTimeSpan, Timestamp};

use super::{
    Args, Builtin, P, p,
    stages::{each, once},
    uformat::uformat,
};
use crate::{
    eval::{Interp, Run, formatted},
    pipeline::Stage,
    types::Type,
    value::{Value, from_local, local},
};

pub(crate) const GET_DATE: Builtin = Builtin {
    name: "Get-Date",
    aliases: &[],
    synopsis: "Gets the current date and time.",
    parameters: &[
        P { piped: true, ..p("Date", "DateTime").at(0).alias(&["LastWriteTime"]) },
        p("Format", "String"),
        p("UFormat", "String"),
        p("DisplayHint", "String"),
        p("Year", "Int32"),
        p("Month", "Int32"),
        p("Day", "Int32"),
        p("Hour", "Int32"),
        p("Minute", "Int32"),
        p("Second", "Int32"),
        p("Millisecond", "Int32"),
    ],
    should_process: false,
    make: get_date,
};

pub(crate) const NEW_TIME_SPAN: Builtin = Builtin {
    name: "New-TimeSpan",
    aliases: &[],
    synopsis: "Creates a TimeSpan object.",
    parameters: &[
        P { piped: true, ..p("Start", "DateTime").at(0).alias(&["LastWriteTime"]) },
        p("End", "DateTime").at(1),
        p("Days", "Int32"),
        p("Hours", "Int32"),
        p("Minutes", "Int32"),
        p("Seconds", "Int32"),
    ],
    should_process: false,
    make: new_time_span,
};

pub(crate) const START_SLEEP: Builtin = Builtin {
    name: "Start-Sleep",
    aliases: &["sleep"],
    synopsis: "Suspends the activity in a script or session for the specified period of time.",
    parameters: &[
        P { piped: true, ..p("Seconds", "Double").at(0) },
        p("Milliseconds", "Int32").alias(&["m"]),
    ],
    should_process: false,
    make: start_sleep,
};

/// The moment with the parts that were given replaced.
fn with_parts(cx: &Interp<'_>, at: Timestamp, args: &Args) -> Run<Timestamp> {
    let zoned = local(at);
    let part = |name: &str, now: i64| args.count(name).map_or(now, |n| n as i64);
    let small = |n: i64| i8::try_from(n).unwrap_or(-1);
    let date = jiff::civil::Date::new(
        i16::try_from(part("Year", i64::from(zoned.year()))).unwrap_or(-1),
        small(part("Month", i64::from(zoned.month()))),
        small(part("Day", i64::from(zoned.day()))),
    );
    let milliseconds = part("Millisecond", -1);
    let nanos = if milliseconds < 0 { zoned.subsec_nanosecond() } else { milliseconds as i32 * 1_000_000 };
    let time = jiff::civil::Time::new(
        small(part("Hour", i64::from(zoned.hour()))),
        small(part("Minute", i64::from(zoned.minute()))),
        small(part("Second", i64::from(zoned.second()))),
        nanos,
    );
    match (date, time) {
        (Ok(date), Ok(time)) => Ok(from_local(date.to_datetime(time)).unwrap_or(at)),
        _ => cx.convert("".into(), &Type::DateTime).map(|_| at),
    }
}

fn get_date(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let parts = ["Year", "Month", "Day", "Hour", "Minute", "Second", "Millisecond"];
    Ok(super::stages::gather(move |cx, items, out| {
        let mut moments = Vec::new();
        for item in items {
            moments.push(cx.convert(item, &Type::DateTime)?);
        }
        if moments.is_empty() {
            let now = cx.state.clock.now();
            moments.push(args.get("Date").cloned().unwrap_or(Value::DateTime(now)));
        }
        for moment in moments {
            let Value::DateTime(at) = moment else { continue };
            let at = if parts.iter().any(|name| args.has(name)) { with_parts(cx, at, &args)? } else { at };
            let made = match (args.text("Format"), args.text("UFormat")) {
                (Some(format), _) => named_format(&format, at),
                (None, Some(format)) => uformat(at, &format).into(),
                _ => Value::DateTime(at),
            };
            out.put(cx, made)?;
        }
        Ok(())
    }))
}

fn named_format(format: &str, at: Timestamp) -> Value {
    let format = match &*format.to_ascii_lowercase() {
        "filedate" => "yyyyMMdd",
        "filedatetime" => "yyyyMMddTHHmmssffff",
        _ => format,
    };
    formatted(&Value::DateTime(at), format).map_or(Value::Null, Value::from)
}

fn new_time_span(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let amount = |name: &str, unit: i64| match args.get(name) {
        Some(Value::Int(n)) => i64::from(*n) * unit,
        _ => 0,
    };
    let seconds =
        amount("Days", 86_400) + amount("Hours", 3600) + amount("Minutes", 60) + amount("Seconds", 1);
    let between = args.has("Start") || args.has("End");
    let end = args.get("End").cloned();
    let start = args.get("Start").cloned();
    let span = move |cx: &Interp<'_>, start: Option<Value>| -> Run<Value> {
        let now = Value::DateTime(cx.state.clock.now());
        let moment = |value: Option<Value>| cx.convert(value.unwrap_or_else(|| now.clone()), &Type::DateTime);
        match (moment(start)?, moment(end.clone())?) {
            (Value::DateTime(from), Value::DateTime(to)) => {
                Ok(Value::TimeSpan(EnhancedTimeSpan { micros: to.micros.saturating_sub(from.micros) }))
            }
            _ => Ok(Value::Null),
        }
    };
    if args.fed && start.is_none() {
        return Ok(each(move |cx, item, out| {
            let made = span(cx, Some(item))?;
            out.put(cx, made)
        }));
    }
    Ok(once(move |cx, out| {
        let made =
            if between { span(cx, start)? } else { Value::TimeSpan(EnhancedTimeSpan::from_secs(seconds)) };
        out.put(cx, made)
    }))
}

/// How often a sleeping script looks whether it is being stopped.
const NAP: Duration = Duration::from_millis(50);

fn start_sleep(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let seconds = match args.get("Seconds") {
        Some(Value::Double(n)) if n.is_finite() => n.clamp(0.0, 1e9),
        _ => 0.0,
    };
    let wait = Duration::from_secs_f64(seconds)
        + Duration::from_millis(args.count("Milliseconds").unwrap_or(0) as u64);
    Ok(once(move |cx, _| {
        // Naps are counted, not looked up: a clock that stands still must not make a script sleep forever.
        let mut left = wait;
        while !left.is_zero() {
            cx.look()?;
            let nap = left.min(NAP);
            thread::sleep(nap);
            left -= nap;
        }
        Ok(())
    }))
}
