//! What servers ask each other about copies, and the work that an administrator on one of them has done on others.

use std::{collections::BTreeSet, time::Duration};

use base::{Fault, Guid};
use bytes::Bytes;
use dag::{
    link::{Audience, Endpoint, LinkError, Refusal, Registration, service},
    machine::status::{Mount, Role},
};
use serde::{Deserialize, Serialize};

use super::{CopyReport, Manager, Moved, Probe, Seed, Seeding, Switchover, unavailable};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a hand-over may take.
const HANDING_OVER: Duration = Duration::from_secs(30);
/// How often the progress of a seed is asked for.
const POLL: Duration = Duration::from_millis(200);
/// How often it is looked whether a copy has left its group.
const LEAVING: u32 = 50;
/// How often it is asked whether the other copy has taken over, and how often at most.
const TAKING_OVER: (Duration, u32) = (Duration::from_millis(20), 500);

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Question {
    /// How is your copy of this database?
    Report(Guid),
    /// That server makes its copy anew, or has made it: it does not belong to the group until then. Who does now?
    Remake(Guid, Guid, bool),
    /// Make yours anew.
    Seed(Seed),
    /// How far is that?
    Seeding(Guid),
    /// End it.
    Cancel(Guid),
    /// Yours needs log that is gone.
    Stranded(Guid),
    /// Hand over to the copy on that server.
    HandOver(Guid, Guid),
    /// Mount yours, which is the active one, or dismount it.
    Mount(Guid, bool),
    /// Look at what the directory says now.
    Look,
    /// How are your services?
    Probe,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    Report(Box<CopyReport>),
    Members(BTreeSet<Guid>),
    Seeding(Option<Seeding>),
    Probes(Vec<Probe>),
    Done,
    Failed(String),
}

/// Answers for as long as it lives.
#[must_use = "dropped, other servers are not answered any more"]
pub struct Answers(#[expect(dead_code, reason = "it answers while it lives")] Registration);

impl Manager {
    /// Answers other servers.
    pub fn answer_others(&self) -> Answers {
        let manager = self.clone();
        let endpoint = Endpoint::of(service::COPIES);
        let links = &self.inner.settings.links;
        Answers(links.register_call(Audience::Servers, endpoint, move |_, question: Bytes| {
            let manager = manager.clone();
            async move {
                let question = postcard::from_bytes(&question).map_err(|_| {
                    Refusal::new(1, "the question is not understood: are both servers of one release?")
                })?;
                let answer = match manager.answer(question).await {
                    Ok(answer) => answer,
                    Err(fault) => Answer::Failed(fault.public_text),
                };
                let bytes =
                    postcard::to_stdvec(&answer).map_err(|error| Refusal::new(2, error.to_string()))?;
                Ok(vec![Bytes::from(bytes)])
            }
        }))
    }

    async fn answer(&self, question: Question) -> Result<Answer, Fault> {
        match question {
            Question::Report(database) => {
                let report = self.own_report(database);
                let none = || Fault::not_found("This server has no copy of the database.");
                Ok(Answer::Report(Box::new(report.ok_or_else(none)?)))
            }
            Question::Remake(database, server, begins) => {
                self.copy(database)?.remake(server, begins).map(Answer::Members)
            }
            Question::Seed(seed) => self.seed_here(&seed).await.map(|()| Answer::Done),
            Question::Seeding(database) => Ok(self.seeding_here(database)),
            Question::Cancel(database) => self.cancel_here(database).map(|()| Answer::Done),
            Question::Stranded(database) => {
                self.strand(database).await;
                Ok(Answer::Done)
            }
            Question::HandOver(database, to) => {
                self.copy(database)?.hand_over(self, to).await.map(|()| Answer::Done)
            }
            Question::Mount(database, mounted) => {
                self.copy(database)?.set_mounted(self, mounted).map(|()| Answer::Done)
            }
            Question::Look => {
                self.poke();
                Ok(Answer::Done)
            }
            Question::Probe => Ok(Answer::Probes(self.own_probes())),
        }
    }

    /// Asks a server, this one too.
    pub(super) async fn ask(&self, server: Guid, question: &Question) -> Result<Answer, Fault> {
        self.ask_for(server, question, PATIENCE).await
    }

    async fn ask_for(&self, server: Guid, question: &Question, within: Duration) -> Result<Answer, Fault> {
        let bytes = postcard::to_stdvec(question).map_err(Fault::internal)?;
        if server == self.me() {
            let question = postcard::from_bytes(&bytes).map_err(Fault::internal)?;
            return heard(Box::pin(self.answer(question)).await?);
        }
        let links = &self.inner.settings.links;
        let answer = links.call(server, Endpoint::of(service::COPIES), vec![bytes.into()], within).await;
        let answer = answer.map_err(|error| self.unreachable(server, &error))?;
        heard(postcard::from_bytes(&answer).map_err(Fault::internal)?)
    }

    fn unreachable(&self, server: Guid, error: &LinkError) -> Fault {
        let view = self.view();
        let name = view.get(server).map_or_else(|| server.to_string(), |server| server.name.to_string());
        unavailable(format!("The server \"{name}\" can't be reached: {error}."))
    }

    pub(super) fn tell_stranded(&self, server: Guid, database: Guid) {
        let manager = self.clone();
        tokio::spawn(async move {
            if let Err(error) = manager.ask_for(server, &Question::Stranded(database), HANDING_OVER).await {
                tracing::debug!(%server, %error, "a copy was not told that it must be seeded anew");
            }
        });
    }

    /// Has every server that has a copy look at what the directory says of it, and waits, though not for ever, until
    /// copies that were removed or suspended do not decide any more.
    pub async fn apply(&self, database: Guid) {
        self.poke();
        let view = self.view();
        for server in view.copies_of(database).iter().filter_map(|copy| copy.link("Server")) {
            if server != self.me() {
                let _ = self.ask(server, &Question::Look).await;
            }
        }
        let Ok(object) = self.database(database) else { return };
        for _ in 0..LEAVING {
            let (view, reports) = (self.view(), self.reports(&view, &object).await);
            let wanted = view.copies_of(database).into_iter().filter(|copy| !copy.flag("Suspended"));
            let wanted: BTreeSet<Guid> = wanted.filter_map(|copy| copy.link("Server")).collect();
            if reports.iter().all(|report| report.members.is_subset(&wanted)) {
                return;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Whether a server could hold a copy: it answers.
    pub async fn prepare(&self, server: Guid) -> Result<(), Fault> {
        self.ask(server, &Question::Probe).await.map(drop)
    }

    /// Checks of a server's part in replication.
    pub async fn probe(&self, server: Guid) -> Result<Vec<Probe>, Fault> {
        match self.ask(server, &Question::Probe).await? {
            Answer::Probes(probes) => Ok(probes),
            _ => Err(unavailable("The server answered something else.")),
        }
    }

    /// Mounts or dismounts the active copy, wherever it is.
    pub async fn set_mounted(&self, database: Guid, mounted: bool) -> Result<(), Fault> {
        let active = self.active(database).await?;
        self.ask(active, &Question::Mount(database, mounted)).await.map(drop)
    }

    /// Whether this is one of several copies, for whoever would mount it as the only one.
    pub fn is_replicated(&self, database: Guid) -> bool {
        self.view().copies_of(database).len() > 1 || self.copy(database).is_ok()
    }

    /// Has a server make its copy anew, and waits until that ends or `progress` says false.
    pub async fn seed(&self, seed: &Seed, progress: &mut dyn FnMut(&Seeding) -> bool) -> Result<(), Fault> {
        self.ask(seed.server, &Question::Seed(seed.clone())).await?;
        if seed.begin_only {
            return Ok(());
        }
        loop {
            match self.ask(seed.server, &Question::Seeding(seed.database)).await? {
                Answer::Seeding(Some(now)) if !progress(&now) => {
                    self.cancel_seed(seed.database, seed.server).await?;
                    return Err(Fault::invalid("The seed was canceled."));
                }
                Answer::Seeding(Some(_)) => tokio::time::sleep(POLL).await,
                _ => return Ok(()),
            }
        }
    }

    /// Ends a seed.
    pub async fn cancel_seed(&self, database: Guid, server: Guid) -> Result<(), Fault> {
        self.ask(server, &Question::Cancel(database)).await.map(drop)
    }

    /// The server whose copy is the active one, by what the copies say.
    pub(super) async fn active(&self, database: Guid) -> Result<Guid, Fault> {
        self.active_report(database).await.map(|report| report.server)
    }

    /// Who belongs to a database's group, by what its active copy says.
    pub(super) async fn members(&self, database: Guid) -> Result<BTreeSet<Guid>, Fault> {
        self.active_report(database).await.map(|report| report.members)
    }

    async fn active_report(&self, database: Guid) -> Result<CopyReport, Fault> {
        let object = self.database(database)?;
        let reports = self.reports(&self.view(), &object).await;
        let active = reports
            .into_iter()
            .find(|report| report.facts.server_reachable && matches!(report.facts.role, Role::Active(_)));
        active.ok_or_else(|| {
            unavailable(format!(
                "No copy of database \"{}\" is active: too few of its servers are reached.",
                object.name
            ))
        })
    }

    /// Makes the copy on the first server that takes over the active one.
    pub async fn switch(&self, switchover: &Switchover) -> Result<Moved, Fault> {
        let database = switchover.database;
        let mut warnings = Vec::new();
        let source = self.active(database).await?;
        for to in &switchover.order {
            let question = Question::HandOver(database, *to);
            match self.ask_for(source, &question, HANDING_OVER).await {
                Ok(_) => {
                    let mounted = self.has_taken_over(database, *to).await;
                    return Ok(Moved { active: *to, mounted, lost_logs: 0, warnings });
                }
                Err(fault) => warnings.push(fault.public_text),
            }
        }
        Err(unavailable(warnings.join(" ")))
    }

    async fn has_taken_over(&self, database: Guid, server: Guid) -> bool {
        let (pause, times) = TAKING_OVER;
        for _ in 0..times {
            let report = self.ask(server, &Question::Report(database)).await;
            if let Ok(Answer::Report(report)) = report
                && report.facts.role == Role::Active(Mount::Mounted)
            {
                return true;
            }
            tokio::time::sleep(pause).await;
        }
        false
    }
}

fn heard(answer: Answer) -> Result<Answer, Fault> {
    match answer {
        Answer::Failed(text) => Err(unavailable(text)),
        answer => Ok(answer),
    }
}
