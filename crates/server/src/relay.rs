//! Cmdlets that other servers' administrators run on what this server keeps.

use std::sync::Arc;

use cmdlets::{Answers, Context};
use dag::link::{Audience, Endpoint, Links, Registration, converse, service};

/// Runs what other servers ask for, as long as the registration lives.
pub(crate) fn answer(links: &Links, cx: Arc<Context>) -> Registration {
    let answers = Arc::new(Answers::new(cx));
    links.register_stream(Audience::Servers, Endpoint::of(service::COMMANDS), move |_, head, sink, source| {
        let answers = answers.clone();
        async move { answers.answer(&head, Box::new(converse(sink, source))).await }
    })
}
