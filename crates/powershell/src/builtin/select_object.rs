//! `Select-Object`: properties, and which objects.

use std::collections::VecDeque;

use super::{
    Args, Builtin, INPUT,
    columns::{self, Spec},
    p, switch,
};
use crate::{
    cmdlet::{ErrorCategory, ErrorRecord},
    eval::{Interp, Run, Wildcard, equal},
    members,
    pipeline::{ENOUGH, Sink, Stage},
    value::{PsObject, Value},
};

pub(crate) const SELECT_OBJECT: Builtin = Builtin {
    name: "Select-Object",
    aliases: &["select"],
    synopsis: "Selects objects or object properties.",
    parameters: &[
        p("Property", "Object[]").at(0),
        INPUT,
        p("ExcludeProperty", "String[]"),
        p("ExpandProperty", "String"),
        switch("Unique"),
        p("Last", "Int32"),
        p("First", "Int32"),
        p("Skip", "Int32"),
        p("SkipLast", "Int32"),
        p("Index", "Int32[]"),
        switch("Wait"),
    ],
    should_process: false,
    make,
};

struct Select {
    specs: Vec<Spec>,
    exclude: Vec<Wildcard>,
    expand: Option<String>,
    unique: Option<Vec<Value>>,
    first: Option<usize>,
    last: Option<usize>,
    skip: usize,
    skip_last: usize,
    index: Option<Vec<usize>>,
    seen: usize,
    passed: usize,
    waiting: VecDeque<Value>,
}

fn make(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let mut specs = columns::specs(args.list("Property"))?;
    let exclude: Vec<Wildcard> =
        args.list("ExcludeProperty").iter().map(|e| Wildcard::new(&e.to_string(), false)).collect();
    if !exclude.is_empty() && specs.is_empty() {
        specs.push(Spec::property("*"));
    }
    let index = args
        .has("Index")
        .then(|| args.list("Index").iter().filter_map(|i| i.to_string().parse().ok()).collect());
    Ok(args.feed(Box::new(Select {
        specs,
        exclude,
        expand: args.text("ExpandProperty"),
        unique: args.on("Unique").then(Vec::new),
        first: args.count("First"),
        last: args.count("Last"),
        skip: args.count("Skip").unwrap_or_default(),
        skip_last: args.count("SkipLast").unwrap_or_default(),
        index,
        seen: 0,
        passed: 0,
        waiting: VecDeque::new(),
    })))
}

impl Stage for Select {
    fn process(&mut self, cx: &mut Interp<'_>, input: Value, out: &mut dyn Sink) -> Run<()> {
        let at = self.seen;
        self.seen += 1;
        if let Some(index) = &self.index {
            return if index.contains(&at) { self.pass(cx, input, out) } else { Ok(()) };
        }
        if let (Some(last), false) = (self.last, self.first.is_some()) {
            // Skip counts from the end here.
            cx.charge(size_of::<Value>())?;
            self.waiting.push_back(input);
            if self.waiting.len() > last + self.skip {
                self.waiting.pop_front();
            }
            return Ok(());
        }
        if at < self.skip {
            return Ok(());
        }
        if self.skip_last > 0 {
            cx.charge(size_of::<Value>())?;
            self.waiting.push_back(input);
            if self.waiting.len() > self.skip_last
                && let Some(oldest) = self.waiting.pop_front()
            {
                return self.pass(cx, oldest, out);
            }
            return Ok(());
        }
        match self.first {
            Some(first) if self.passed >= first && self.last.is_none() => Err(ENOUGH),
            Some(first) if self.passed >= first => {
                self.waiting.push_back(input);
                if self.waiting.len() > self.last.unwrap_or_default() {
                    self.waiting.pop_front();
                }
                Ok(())
            }
            _ => {
                self.pass(cx, input, out)?;
                let full = self.first.is_some_and(|first| self.passed >= first);
                if full && self.last.is_none() { Err(ENOUGH) } else { Ok(()) }
            }
        }
    }

    fn end(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        if self.last.is_none() {
            return Ok(());
        }
        let waiting = std::mem::take(&mut self.waiting);
        let keep = self.last.unwrap_or_default();
        let count =
            if self.first.is_some() { waiting.len() } else { waiting.len().saturating_sub(self.skip) };
        let start = count.saturating_sub(keep);
        waiting.into_iter().take(count).skip(start).try_for_each(|item| self.pass(cx, item, out))
    }
}

impl Select {
    fn pass(&mut self, cx: &mut Interp<'_>, item: Value, out: &mut dyn Sink) -> Run<()> {
        self.passed += 1;
        let made = if let Some(name) = &self.expand {
            return self.expanded(cx, &item, &name.clone(), out);
        } else if self.specs.is_empty() {
            item
        } else {
            self.picked(cx, &item)?
        };
        if self.is_new(cx, &made)? { out.put(cx, made) } else { Ok(()) }
    }

    fn picked(&self, cx: &mut Interp<'_>, item: &Value) -> Run<Value> {
        let base = format!("Selected.{}", item.type_name().trim_start_matches("Selected."));
        let mut object =
            PsObject::new(&[&base, "System.Management.Automation.PSCustomObject", "System.Object"]);
        for spec in columns::expand(&self.specs, item) {
            if self.exclude.iter().any(|e| e.matches(&spec.label)) {
                continue;
            }
            let value = spec.value(cx, item)?;
            object.set(&spec.label, value);
        }
        Ok(object.into())
    }

    fn expanded(&mut self, cx: &mut Interp<'_>, item: &Value, name: &str, out: &mut dyn Sink) -> Run<()> {
        let known = match item {
            Value::Object(object) => object.with(|o| o.get(name).is_some()),
            other => !members::property(other, name).is_null(),
        };
        if !known {
            let text = format!("Property \"{name}\" cannot be found.");
            let error = ErrorRecord::new(
                "System.Management.Automation.PSArgumentException",
                "ExpandPropertyNotFound",
                ErrorCategory::InvalidArgument,
                text,
            );
            return cx.write_error(error.from_command("Select-Object").on(item.clone()));
        }
        let value = members::property(item, name);
        for one in value.into_list() {
            if self.is_new(cx, &one)? {
                out.put(cx, one)?;
            }
        }
        Ok(())
    }

    /// False for what `-Unique` has seen; objects are the same where all properties are, with case.
    fn is_new(&mut self, cx: &mut Interp<'_>, value: &Value) -> Run<bool> {
        let Some(seen) = &mut self.unique else { return Ok(true) };
        cx.work(seen.len() / 8)?;
        let known = seen.iter().any(|s| same(s, value));
        if !known {
            seen.put(cx, value.clone())?;
        }
        Ok(!known)
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let (a, b) = (a.to_object(), b.to_object());
            a.len() == b.len() && a.iter().zip(b.iter()).all(|((_, a), (_, b))| equal(a, b, true))
        }
        _ => equal(a, b, true),
    }
}
