//! `Measure-Object`: counts, sums, averages, extremes; lines, words and characters of texts.

use std::cmp::Ordering;

use super::{Args, Builtin, INPUT, p, switch};
use crate::{
    cmdlet::{ErrorCategory, ErrorRecord},
    eval::{Interp, Run, compare, number},
    members,
    pipeline::{Sink, Stage},
    value::{PsObject, Value},
};

pub(crate) const MEASURE_OBJECT: Builtin = Builtin {
    name: "Measure-Object",
    aliases: &["measure"],
    synopsis: "Calculates the numeric properties of objects, and the characters, words, and lines in string objects.",
    parameters: &[
        p("Property", "String[]").at(0),
        INPUT,
        switch("Sum"),
        switch("Average"),
        switch("Maximum"),
        switch("Minimum"),
        switch("Line"),
        switch("Word"),
        switch("Character"),
        switch("IgnoreWhiteSpace"),
    ],
    should_process: false,
    make,
};

/// What is measured of one property, or of the objects themselves.
#[derive(Default)]
struct Tally {
    property: Option<String>,
    count: usize,
    sum: f64,
    most: Option<Value>,
    least: Option<Value>,
    lines: usize,
    words: usize,
    characters: usize,
}

struct Measure {
    tallies: Vec<Tally>,
    sum: bool,
    average: bool,
    maximum: bool,
    minimum: bool,
    line: bool,
    word: bool,
    character: bool,
    no_blanks: bool,
}

fn make(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let names = args.list("Property");
    let tallies = if names.is_empty() {
        vec![Tally::default()]
    } else {
        names.iter().map(|n| Tally { property: Some(n.to_string()), ..Tally::default() }).collect()
    };
    Ok(args.feed(Box::new(Measure {
        tallies,
        sum: args.on("Sum"),
        average: args.on("Average"),
        maximum: args.on("Maximum"),
        minimum: args.on("Minimum"),
        line: args.on("Line"),
        word: args.on("Word"),
        character: args.on("Character"),
        no_blanks: args.on("IgnoreWhiteSpace"),
    })))
}

impl Measure {
    fn is_text(&self) -> bool {
        self.line || self.word || self.character
    }
}

impl Stage for Measure {
    fn process(&mut self, cx: &mut Interp<'_>, input: Value, _: &mut dyn Sink) -> Run<()> {
        let numeric = self.sum || self.average;
        let (text, no_blanks, now) = (self.is_text(), self.no_blanks, cx.state.clock.now());
        for tally in &mut self.tallies {
            let value = match &tally.property {
                Some(name) => members::property(&input, name),
                None => input.clone(),
            };
            if value.is_null() {
                continue;
            }
            if text {
                tally.read(&value.to_string(), no_blanks);
                continue;
            }
            if numeric || self.maximum || self.minimum {
                match number(&value) {
                    Ok(n) => tally.sum += float(&n),
                    Err(_) if numeric => {
                        let text = format!("Input object \"{value}\" is not numeric.");
                        let error = ErrorRecord::new(
                            "System.Management.Automation.PSInvalidCastException",
                            "NonNumericInputObject",
                            ErrorCategory::InvalidType,
                            text,
                        );
                        cx.write_error(error.from_command("Measure-Object").on(value.clone()))?;
                        continue;
                    }
                    Err(_) => {}
                }
            }
            tally.count += 1;
            let beats = |best: &Option<Value>, wanted: Ordering| {
                best.as_ref().is_none_or(|b| compare(&value, b, false, now) == Some(wanted))
            };
            if beats(&tally.most, Ordering::Greater) {
                tally.most = Some(value.clone());
            }
            if beats(&tally.least, Ordering::Less) {
                tally.least = Some(value.clone());
            }
        }
        Ok(())
    }

    fn end(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        for tally in &self.tallies {
            let object = if self.is_text() { self.text_result(tally) } else { self.result(tally) };
            out.put(cx, object.into())?;
        }
        Ok(())
    }
}

impl Measure {
    fn result(&self, tally: &Tally) -> PsObject {
        let extreme = |wanted: bool, value: &Option<Value>| match (wanted, value) {
            (true, Some(v)) => number(v).map_or_else(|_| v.clone(), |n| Value::Double(float(&n))),
            _ => Value::Null,
        };
        let average = (self.average && tally.count > 0).then(|| tally.sum / tally.count as f64);
        PsObject::new(&["Microsoft.PowerShell.Commands.GenericMeasureInfo"])
            .with("Count", tally.count)
            .with("Average", average)
            .with("Sum", self.sum.then_some(tally.sum))
            .with("Maximum", extreme(self.maximum, &tally.most))
            .with("Minimum", extreme(self.minimum, &tally.least))
            .with("Property", tally.property.clone())
    }

    fn text_result(&self, tally: &Tally) -> PsObject {
        PsObject::new(&["Microsoft.PowerShell.Commands.TextMeasureInfo"])
            .with("Lines", self.line.then_some(tally.lines))
            .with("Words", self.word.then_some(tally.words))
            .with("Characters", self.character.then_some(tally.characters))
            .with("Property", tally.property.clone())
    }
}

impl Tally {
    fn read(&mut self, text: &str, no_blanks: bool) {
        self.lines += text.lines().count();
        self.words += text.split_whitespace().count();
        self.characters += text.chars().filter(|c| !(no_blanks && c.is_whitespace())).count();
    }
}

fn float(value: &Value) -> f64 {
    match value {
        Value::Int(n) => f64::from(*n),
        Value::Long(n) => *n as f64,
        Value::Double(n) => *n,
        _ => 0.0,
    }
}
