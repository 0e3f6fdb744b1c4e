//! Pipelines: stages that push objects to one another as they come.

mod command;
mod external;
mod resolve;

pub(crate) use command::Prepared;
pub(crate) use resolve::{Found, simple};

use crate::{
    ast::Element,
    cmdlet::{ErrorCategory, Flow},
    eval::{Context, Interp, Run, Unwind, runtime},
    value::Value,
};

/// How many stages a pipeline may have.
const STAGES_MAX: usize = 128;

/// Takes objects.
pub(crate) trait Sink: Send {
    fn put(&mut self, cx: &mut Interp<'_>, value: Value) -> Run<()>;
}

/// A command at work.
pub(crate) trait Stage: Send {
    /// Once, before any input.
    fn begin(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        let _ = (cx, out);
        Ok(())
    }
    /// Once for each pipeline object.
    fn process(&mut self, cx: &mut Interp<'_>, input: Value, out: &mut dyn Sink) -> Run<()>;
    /// Once instead of `process`, where no pipeline feeds the command.
    fn alone(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        let _ = (cx, out);
        Ok(())
    }
    /// Once, after all input.
    fn end(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        let _ = (cx, out);
        Ok(())
    }
}

/// Keeps what comes.
impl Sink for Vec<Value> {
    fn put(&mut self, cx: &mut Interp<'_>, value: Value) -> Run<()> {
        cx.charge(size_of::<Value>())?;
        self.push(value);
        Ok(())
    }
}

/// Hands objects to whoever runs the script.
pub(crate) struct ToHost;

impl Sink for ToHost {
    fn put(&mut self, cx: &mut Interp<'_>, value: Value) -> Run<()> {
        match cx.host.output(value) {
            Flow::Continue => Ok(()),
            Flow::Stop => cx.look().and(Err(Unwind::Return)),
        }
    }
}

/// Drops what comes.
pub(crate) struct Nowhere;

impl Sink for Nowhere {
    fn put(&mut self, _: &mut Interp<'_>, _: Value) -> Run<()> {
        Ok(())
    }
}

/// The stages behind one: they run in the context of the pipeline, not of the stage that writes.
struct Rest<'a> {
    stages: &'a mut [Prepared],
    last: &'a mut dyn Sink,
    home: &'a Context,
    pipeline: u64,
    /// The place of the first of `stages` in the pipeline.
    place: usize,
}

impl Sink for Rest<'_> {
    fn put(&mut self, cx: &mut Interp<'_>, value: Value) -> Run<()> {
        let Some((stage, rest)) = self.stages.split_first_mut() else {
            return self.last.put(cx, value);
        };
        cx.step()?;
        let (home, pipeline, place) = (self.home, self.pipeline, self.place);
        let mut next = Rest { stages: rest, last: self.last, home, pipeline, place: place + 1 };
        cx.nested(|cx| cx.within(home.clone(), |cx| stage.process(cx, value, &mut next)))
            .map_err(|unwind| claim(unwind, pipeline, place))
    }
}

/// A stage that has enough does not know its place: it is filled in here.
fn claim(unwind: Unwind, pipeline: u64, stage: usize) -> Unwind {
    match unwind {
        Unwind::Enough { pipeline: 0, .. } => Unwind::Enough { pipeline, stage },
        other => other,
    }
}

/// What a stage returns when it needs no more input.
pub(crate) const ENOUGH: Unwind = Unwind::Enough { pipeline: 0, stage: 0 };

impl Interp<'_> {
    /// Runs a pipeline, writing to `out`.
    pub(crate) fn run_pipeline(&mut self, elements: &[Element], out: &mut dyn Sink) -> Run<()> {
        if elements.len() > STAGES_MAX {
            let text = "The pipeline has too many elements.";
            return Err(runtime("PipelineTooLong", ErrorCategory::LimitsExceeded, text));
        }
        let home = self.at.clone();
        let first = match elements.first() {
            Some(Element::Expression(expr, redirections)) => {
                let value = self.redirected(expr, redirections)?;
                Some(value)
            }
            _ => None,
        };
        let mut stages = Vec::with_capacity(elements.len());
        for element in elements {
            if let Element::Command(command) = element {
                let fed = first.is_some() || !stages.is_empty();
                stages.push(self.prepare(command, fed)?);
            }
        }
        self.ok = true;
        let result = self.drive(&mut stages, first, &home, out);
        // What the common parameters collect is there even after an error.
        for stage in &mut stages {
            stage.finish(self)?;
        }
        result
    }

    fn drive(
        &mut self,
        stages: &mut [Prepared],
        first: Option<Vec<Value>>,
        home: &Context,
        out: &mut dyn Sink,
    ) -> Run<()> {
        let pipeline = self.next_pipeline();
        let count = stages.len();
        for place in (0..count).rev() {
            at_stage(self, stages, place, (home, pipeline), out, Stage::begin)?;
        }
        let fed = self.feed(stages, first, home, pipeline, out);
        // Stages before one that had enough are not ended.
        let from = match fed {
            Err(Unwind::Enough { pipeline: p, stage }) if p == pipeline => stage,
            other => {
                other?;
                0
            }
        };
        let mut from = from;
        let mut place = from;
        while place < count {
            match at_stage(self, stages, place, (home, pipeline), out, Stage::end) {
                Err(Unwind::Enough { pipeline: p, stage }) if p == pipeline => from = stage.max(place + 1),
                other => other?,
            }
            place = from.max(place + 1);
        }
        Ok(())
    }

    fn feed(
        &mut self,
        stages: &mut [Prepared],
        first: Option<Vec<Value>>,
        home: &Context,
        pipeline: u64,
        out: &mut dyn Sink,
    ) -> Run<()> {
        match first {
            Some(items) => {
                let mut rest = Rest { stages, last: out, home, pipeline, place: 0 };
                for item in items {
                    rest.put(self, item)?;
                }
                Ok(())
            }
            None => at_stage(self, stages, 0, (home, pipeline), out, Stage::alone),
        }
    }

    /// The items of a pipeline's leading expression, its own redirections obeyed.
    fn redirected(
        &mut self,
        expr: &crate::ast::Expr,
        redirections: &[crate::ast::Redirection],
    ) -> Run<Vec<Value>> {
        let redirect = self.redirect(redirections)?;
        let frame = redirect.frame(&self.at.frame);
        let at = Context { frame: frame.clone().or_else(|| self.at.frame.clone()), ..self.at.clone() };
        let value = self.within(at, |cx| cx.eval(expr))?;
        let mut items = match value {
            Value::Null => vec![Value::Null],
            other => other.into_items(),
        };
        if let Some(frame) = frame {
            items.extend(std::mem::take(&mut *frame.merged.lock()));
        }
        redirect.write(self, items)
    }
}

/// Runs one phase of a stage, its output going to the stages behind it.
fn at_stage(
    cx: &mut Interp<'_>,
    stages: &mut [Prepared],
    place: usize,
    (home, pipeline): (&Context, u64),
    out: &mut dyn Sink,
    phase: impl FnOnce(&mut Prepared, &mut Interp<'_>, &mut dyn Sink) -> Run<()>,
) -> Run<()> {
    let Some((stage, rest)) = stages.get_mut(place..).and_then(<[Prepared]>::split_first_mut) else {
        return Ok(());
    };
    let mut next = Rest { stages: rest, last: out, home, pipeline, place: place + 1 };
    cx.within(home.clone(), |cx| phase(stage, cx, &mut next)).map_err(|unwind| claim(unwind, pipeline, place))
}
