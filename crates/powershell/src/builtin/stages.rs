//! Stages made of one function: for each object, once, or over everything gathered.

use crate::{
    eval::{Interp, Run},
    pipeline::{Sink, Stage},
    value::Value,
};

/// A stage fed by `-InputObject` instead of a pipeline.
pub(super) struct WithInput {
    inner: Box<dyn Stage>,
    input: Value,
}

impl WithInput {
    pub(super) fn new(inner: Box<dyn Stage>, input: Value) -> Self {
        WithInput { inner, input }
    }
}

impl Stage for WithInput {
    fn begin(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        self.inner.begin(cx, out)
    }
    fn process(&mut self, cx: &mut Interp<'_>, input: Value, out: &mut dyn Sink) -> Run<()> {
        self.inner.process(cx, input, out)
    }
    fn alone(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        let items = match self.input.clone() {
            Value::Array(list) => list.to_vec(),
            one => vec![one],
        };
        items.into_iter().try_for_each(|item| self.inner.process(cx, item, out))
    }
    fn end(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        self.inner.end(cx, out)
    }
}

struct Each<F>(F);

impl<F: FnMut(&mut Interp<'_>, Value, &mut dyn Sink) -> Run<()> + Send> Stage for Each<F> {
    fn process(&mut self, cx: &mut Interp<'_>, input: Value, out: &mut dyn Sink) -> Run<()> {
        (self.0)(cx, input, out)
    }
}

/// Runs for each pipeline object.
pub(super) fn each(
    run: impl FnMut(&mut Interp<'_>, Value, &mut dyn Sink) -> Run<()> + Send + 'static,
) -> Box<dyn Stage> {
    Box::new(Each(run))
}

struct Once<F>(Option<F>);

impl<F: FnOnce(&mut Interp<'_>, &mut dyn Sink) -> Run<()> + Send> Stage for Once<F> {
    fn process(&mut self, _: &mut Interp<'_>, _: Value, _: &mut dyn Sink) -> Run<()> {
        Ok(())
    }
    fn end(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        self.0.take().map_or(Ok(()), |run| run(cx, out))
    }
}

/// Runs once; pipeline objects are ignored.
pub(super) fn once(
    run: impl FnOnce(&mut Interp<'_>, &mut dyn Sink) -> Run<()> + Send + 'static,
) -> Box<dyn Stage> {
    Box::new(Once(Some(run)))
}

struct Gather<F> {
    items: Vec<Value>,
    run: Option<F>,
}

impl<F: FnOnce(&mut Interp<'_>, Vec<Value>, &mut dyn Sink) -> Run<()> + Send> Stage for Gather<F> {
    fn process(&mut self, cx: &mut Interp<'_>, input: Value, _: &mut dyn Sink) -> Run<()> {
        self.items.put(cx, input)
    }
    fn end(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        let items = std::mem::take(&mut self.items);
        self.run.take().map_or(Ok(()), |run| run(cx, items, out))
    }
}

/// Runs once over all pipeline objects.
pub(super) fn gather(
    run: impl FnOnce(&mut Interp<'_>, Vec<Value>, &mut dyn Sink) -> Run<()> + Send + 'static,
) -> Box<dyn Stage> {
    Box::new(Gather { items: Vec::new(), run: Some(run) })
}
