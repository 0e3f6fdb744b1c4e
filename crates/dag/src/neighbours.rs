//! What other rooms ask of other servers, carried over the links.

use std::{sync::Arc, time::Duration};

use base::{
    Guid,
    neighbours::{Asked, Conversation, NeighbourError, Neighbours},
};
use bytes::Bytes;

use crate::link::{Endpoint, LinkError, Links, converse};

/// How long another server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

struct Linked {
    links: Links,
    endpoint: Endpoint,
}

/// One kind of question; `service` is one of [`crate::link::service`].
pub fn neighbours(links: &Links, service: u16) -> Arc<dyn Neighbours> {
    Arc::new(Linked { links: links.clone(), endpoint: Endpoint::of(service) })
}

impl Neighbours for Linked {
    fn ask(&self, server: Guid, question: Vec<Bytes>) -> Asked<'_, Bytes> {
        Box::pin(
            async move { self.links.call(server, self.endpoint, question, PATIENCE).await.map_err(explain) },
        )
    }
    fn converse(&self, server: Guid, head: Bytes) -> Asked<'_, Conversation> {
        Box::pin(async move {
            let (sink, source) =
                self.links.open_stream(server, self.endpoint, head).await.map_err(explain)?;
            Ok(Box::new(converse(sink, source)) as Conversation)
        })
    }
}

fn explain(error: LinkError) -> NeighbourError {
    match error {
        LinkError::Refused(refusal) => NeighbourError::Refused { code: refusal.code, text: refusal.text },
        error if error.is_unknown() => NeighbourError::Unknown(error.to_string()),
        error => NeighbourError::Unreachable(error.to_string()),
    }
}
