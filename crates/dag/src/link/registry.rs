//! Who answers where.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Weak},
};

use bytes::Bytes;
use parking_lot::RwLock;

use super::{
    error::Refusal,
    stream::{Sink, Source},
    types::{Audience, Endpoint, Peer},
};

type Running<R> = Pin<Box<dyn Future<Output = R> + Send>>;
type Answer = dyn Fn(Peer, Bytes) -> Running<Result<Vec<Bytes>, Refusal>> + Send + Sync;
type Converse = dyn Fn(Peer, Bytes, Sink, Source) -> Running<()> + Send + Sync;

/// What answers at an endpoint.
#[derive(Clone)]
pub(crate) enum Handler {
    /// One request, one answer.
    Call(Arc<Answer>),
    /// A conversation.
    Stream(Arc<Converse>),
}

impl Handler {
    pub(crate) fn call<F>(f: impl Fn(Peer, Bytes) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Vec<Bytes>, Refusal>> + Send + 'static,
    {
        Handler::Call(Arc::new(move |peer, request| Box::pin(f(peer, request))))
    }
    pub(crate) fn stream<F>(f: impl Fn(Peer, Bytes, Sink, Source) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Handler::Stream(Arc::new(move |peer, head, sink, source| Box::pin(f(peer, head, sink, source))))
    }
}

type Key = (Audience, Endpoint);

/// The endpoints of this server.
#[derive(Default)]
pub(crate) struct Registry {
    handlers: RwLock<HashMap<Key, (u64, Handler)>>,
}

impl Registry {
    /// Answers at an endpoint from now on, in the place of whoever did before.
    pub(crate) fn register(
        self: &Arc<Self>,
        audience: Audience,
        endpoint: Endpoint,
        handler: Handler,
    ) -> Registration {
        let key = (audience, endpoint);
        let mut handlers = self.handlers.write();
        let number = handlers.get(&key).map_or(0, |(number, _)| number + 1);
        handlers.insert(key, (number, handler));
        Registration { registry: Arc::downgrade(self), key, number }
    }

    pub(crate) fn find(&self, audience: Audience, endpoint: Endpoint) -> Option<Handler> {
        self.handlers.read().get(&(audience, endpoint)).map(|(_, handler)| handler.clone())
    }
}

/// As long as it lives, the endpoint answers.
#[must_use = "dropped, the endpoint answers no more"]
pub struct Registration {
    registry: Weak<Registry>,
    key: Key,
    number: u64,
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Some(registry) = self.registry.upgrade() {
            let mut handlers = registry.handlers.write();
            if handlers.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
                handlers.remove(&self.key);
            }
        }
    }
}
