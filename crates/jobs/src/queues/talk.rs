//! What servers ask each other about copies of queues.

use std::{collections::BTreeSet, time::Duration};

use base::{Fault, Guid};
use bytes::Bytes;
use dag::link::{Audience, Endpoint, Peer, Refusal, Registration, Status, service};
use directory::View;
use serde::{Deserialize, Serialize};

use super::{Held, Keeper, unavailable};

/// How long a server may take to answer; a hand-over is the longest.
const PATIENCE: Duration = Duration::from_secs(5);

/// All about the queue of a server.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Question {
    /// Have you a copy, or what is left of one?
    Held(Guid),
    /// Yours is the active one: who belongs to the group?
    Members(Guid),
    /// I make mine anew, or have made it: it does not belong to the group until then. Who does now?
    Remake(Guid, bool),
    /// I am back, and have all that you have: hand over.
    HandBack(Guid),
    /// Yours needs log that is gone.
    Stranded(Guid),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    Yes,
    No,
    Members(BTreeSet<Guid>),
}

impl Keeper {
    /// Answers other servers.
    pub(super) fn answer_others(&self) -> Registration {
        let keeper = self.clone();
        let endpoint = Endpoint::of(service::QUEUES);
        let links = &self.inner.settings.links;
        links.register_call(Audience::Servers, endpoint, move |peer: Peer, question: Bytes| {
            let keeper = keeper.clone();
            async move {
                let question = postcard::from_bytes(&question).map_err(|_| {
                    Refusal::new(1, "the question is not understood: are both servers of one release?")
                })?;
                let answer = keeper.answer(peer.server, question).await;
                let answer = answer.map_err(|fault| Refusal::new(2, fault.public_text))?;
                let bytes =
                    postcard::to_stdvec(&answer).map_err(|error| Refusal::new(2, error.to_string()))?;
                Ok(vec![Bytes::from(bytes)])
            }
        })
    }

    async fn answer(&self, peer: Guid, question: Question) -> Result<Answer, Fault> {
        let active = |owner| {
            let copy = self.copy(owner).filter(|copy| copy.group.standing().is_active);
            copy.ok_or_else(|| unavailable("This server has not the active copy."))
        };
        Ok(match question {
            Question::Held(owner) => match self.held(owner) {
                Some(Held::Copy(_) | Held::Failed(_)) => Answer::Yes,
                _ => Answer::No,
            },
            Question::Members(owner) => Answer::Members(active(owner)?.group.standing().members()),
            Question::Remake(owner, begins) => Answer::Members(active(owner)?.remake(peer, begins)),
            Question::HandBack(owner) if owner == peer => {
                let copy = active(owner)?;
                copy.group.hand_over(peer).await.map_err(|error| unavailable(error.to_string()))?;
                Answer::Yes
            }
            Question::HandBack(_) => Answer::No,
            Question::Stranded(owner) => {
                if let Some(copy) = self.copy(owner) {
                    self.give_up(&copy, "the log it needs is gone", true).await;
                }
                Answer::Yes
            }
        })
    }

    pub(super) async fn ask(&self, server: Guid, question: &Question) -> Result<Answer, Fault> {
        let bytes = postcard::to_stdvec(question).map_err(Fault::internal)?;
        let links = &self.inner.settings.links;
        let answer = links.call(server, Endpoint::of(service::QUEUES), vec![bytes.into()], PATIENCE).await;
        let answer = answer.map_err(|error| unavailable(error.to_string()))?;
        postcard::from_bytes(&answer).map_err(Fault::internal)
    }

    /// All other servers.
    pub(super) fn neighbours(&self, view: &View) -> Vec<Guid> {
        view.servers().map(|server| server.guid).filter(|server| *server != self.me()).collect()
    }

    pub(super) fn is_up(&self, server: Guid) -> bool {
        let state = self.inner.settings.links.state(server);
        server == self.me() || state.is_some_and(|state| state.status == Status::Up)
    }
}
