//! One session: its state and its one loop. Reading, limits, strikes and tagged answers are here; what
//! commands do is elsewhere.

use std::{sync::Arc, time::Duration};

use base::neighbours::Conversation;
use bytes::Bytes;
use services::{Client, Mailbox, Standing};
use wire::imap::{Command, Frame, Framer, Phase, Request, notify::Filter, set};

use super::{
    Server,
    capability::Enabled,
    context::Followed,
    idle::changed,
    names::Tree,
    notify::Watching,
    reply::{Done, Failure, Outcome, done, no},
    view::View,
};
use crate::{
    link::{Gone, Link, READ_MORE},
    listen::Door,
};

/// The lines of one command, literals not counted, bytes: before and after the client has authenticated.
const LINE_MAX: [usize; 2] = [4 << 10, 64 << 10];
/// The literals of one command that is not APPEND, bytes: before and after.
const LITERALS_MAX: [usize; 2] = [4 << 10, 64 << 10];
/// Commands that were `BAD` in a row before the connection is closed: before and after.
const STRIKES_MAX: [u32; 2] = [5, 20];
/// Commands a client may give before it has authenticated.
const PREAUTH_COMMANDS_MAX: u32 = 50;

/// The state of one session.
pub(super) struct Session {
    pub(super) server: Arc<Server>,
    pub(super) link: Link,
    pub(super) client: Client,
    framer: Framer,
    /// The caller's mailbox, once authenticated.
    pub(super) mailbox: Option<Arc<Mailbox>>,
    /// The client has authenticated, and the session goes on at another server.
    pub(super) elsewhere: Option<Conversation>,
    /// The folders by name.
    pub(super) tree: Option<Tree>,
    /// The selected folder.
    pub(super) view: Option<View>,
    /// What the client has switched on.
    pub(super) enabled: Enabled,
    /// Searches of the selected folder whose results are kept up to date.
    pub(super) followed: Vec<Followed>,
    /// What is told of other folders.
    pub(super) watching: Watching,
    /// Passwords refused.
    pub(super) refused: u32,
    /// The client said goodbye.
    pub(super) leaving: bool,
    strikes: u32,
    commands: u32,
}

impl Session {
    pub(super) fn new(server: Arc<Server>, link: Link, client: Client) -> Self {
        Session {
            server,
            link,
            client,
            framer: Framer::default(),
            mailbox: None,
            elsewhere: None,
            tree: None,
            view: None,
            enabled: Enabled::default(),
            followed: Vec::new(),
            watching: Watching::default(),
            refused: 0,
            leaving: false,
            strikes: 0,
            commands: 0,
        }
    }

    /// Holds the conversation, from greeting to goodbye.
    pub(super) async fn run(mut self, door: Door) {
        let ended = self.converse(door).await;
        self.end(ended).await;
    }

    /// Holds the rest of one that another server has begun.
    pub(super) async fn resume(mut self, mailbox: Mailbox, standing: Standing) {
        self.take_over(mailbox, &standing);
        let ended = self.listen().await;
        self.end(ended).await;
    }

    async fn end(mut self, ended: Result<(), Gone>) {
        let bye = match &ended {
            Err(Gone::Inactive) => Some("Connection closed: inactive for too long"),
            Err(Gone::Stopping) => Some("Server shutting down"),
            Err(Gone::Offline) => {
                Some("[UNAVAILABLE] The mailbox is no longer available here; log on again in a moment")
            }
            Err(Gone::Ended(why)) => Some(*why),
            Ok(()) | Err(Gone::Closed | Gone::Broken(_)) => None,
        };
        if let Some(bye) = bye {
            self.link.say(&format!("* BYE {bye}\r\n"));
        }
        match ended {
            Err(error) => tracing::debug!(%error, commands = self.commands, "session ended"),
            Ok(()) => tracing::debug!(commands = self.commands, "session ended by the client"),
        }
        self.link.close().await;
    }

    async fn converse(&mut self, door: Door) -> Result<(), Gone> {
        if door == Door::ImplicitTls {
            self.begin_tls().await?;
        }
        let greeting =
            format!("* OK [CAPABILITY {}] {}\r\n", self.capabilities(), self.server.settings.banner);
        self.link.say(&greeting);
        self.listen().await
    }

    /// Obeys until the client leaves.
    async fn listen(&mut self) -> Result<(), Gone> {
        while !self.leaving {
            let command = self.next_command().await?;
            self.obey(command).await?;
            if let Some(there) = self.elsewhere.take() {
                return Box::pin(self.link.carry(there, self.client.protocol)).await;
            }
            self.link.relieve().await?;
        }
        Ok(())
    }

    /// 1 once the client has authenticated, else 0: the index of the limits above.
    fn trust(&self) -> usize {
        usize::from(self.mailbox.is_some())
    }

    /// The next whole command. Its literals are agreed to, or it is refused, as it comes.
    async fn next_command(&mut self) -> Result<Bytes, Gone> {
        if self.mailbox.is_none() {
            // The whole command must come in time: a byte now and then buys no more of it.
            let patience = self.server.settings.preauth_timeout;
            return tokio::time::timeout(patience, self.read_command()).await.map_err(|_| Gone::Inactive)?;
        }
        self.read_command().await
    }

    async fn read_command(&mut self) -> Result<Bytes, Gone> {
        self.link.shrink();
        let patience = self.server.settings.idle_timeout;
        loop {
            match self.framer.next(&self.link.input, LINE_MAX[self.trust()]) {
                Frame::Command(len) => return Ok(self.link.take(len)),
                Frame::TooLong => return Err(Gone::Ended("Command line too long")),
                Frame::Literal { size, waits } => self.agree(size, waits).await?,
                Frame::Incomplete => {
                    let missing = self.framer.seen().saturating_sub(self.link.input.len());
                    if self.watching.is_active() && self.link.input.is_empty() {
                        self.wait_watching(patience).await?;
                    } else {
                        self.link.fill(missing.min(READ_MORE), patience).await?;
                    }
                }
            }
        }
    }

    /// Waits for input, and meanwhile tells what NOTIFY asks for.
    async fn wait_watching(&mut self, patience: Duration) -> Result<(), Gone> {
        let Session { link, view, watching, .. } = self;
        tokio::select! {
            filled = link.fill(0, patience) => return filled,
            () = changed(view) => {}
            () = watching.changed() => {}
        }
        // Without a word about the selected folder nothing of it is told between commands.
        let told = match self.watching.selected() {
            None => self.tell_watched(),
            Some((filter, _)) => {
                let may_expunge = *filter == Filter::Selected;
                self.tell_news(may_expunge).await
            }
        };
        match told {
            Err(Failure::Gone(gone)) => Err(gone),
            Err(_) => Err(Gone::Ended("The mailbox cannot be read")),
            Ok(()) => Ok(()),
        }
    }

    /// Agrees to a literal, or refuses the command that announced it.
    async fn agree(&mut self, size: u64, waits: bool) -> Result<(), Gone> {
        let line = &self.link.input[..self.framer.seen()];
        let is_append = self.mailbox.is_some() && Request::brings_messages(line);
        let most = if is_append { self.server.append_max as usize } else { LITERALS_MAX[self.trust()] };
        let total = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(self.framer.in_literals());
        if total <= most {
            self.framer.accept(usize::try_from(size).unwrap_or(usize::MAX));
            if waits {
                self.link.say("+ OK\r\n");
                self.link.flush().await?;
            }
            return Ok(());
        }
        let refused = self.framer.abandon();
        let command = self.link.take(refused);
        let tag = command.split(|b| *b == b' ').next().unwrap_or_default();
        let tag = std::str::from_utf8(tag).ok().filter(|tag| tag.bytes().all(|b| b.is_ascii_alphanumeric()));
        let word = if is_append { "NO" } else { "BAD" };
        let answer = format!("{} {word} [TOOBIG] Literal too large\r\n", tag.unwrap_or("*"));
        self.link.say(&answer);
        if waits { self.strike() } else { Err(Gone::Ended("Literal too large")) }
    }

    /// Counts a command that was wrong.
    fn strike(&mut self) -> Result<(), Gone> {
        self.strikes += 1;
        let most = STRIKES_MAX[self.trust()];
        if self.strikes < most { Ok(()) } else { Err(Gone::Ended("Too many invalid commands")) }
    }

    /// Carries a command out and answers it.
    async fn obey(&mut self, bytes: Bytes) -> Result<(), Gone> {
        self.commands += 1;
        if self.mailbox.is_none() && self.commands > PREAUTH_COMMANDS_MAX {
            return Err(Gone::Ended("Too many commands before authentication"));
        }
        let command = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let command = bytes.slice_ref(command.strip_suffix(b"\r").unwrap_or(command));
        drop(bytes);
        let request = match Request::parse(&command, self.enabled.utf8) {
            Ok(request) => request,
            Err(error) => {
                self.link.say(&format!("* BAD {error}\r\n"));
                return self.strike();
            }
        };
        drop(command);
        let outcome = match (request.spec, request.command) {
            (Some(spec), Ok(command)) => match self.check_phase(spec.phase) {
                Ok(()) => {
                    tracing::trace!(command = spec.name);
                    metrics::counter!("rialto_imap_commands_total", "command" => spec.name).increment(1);
                    self.dispatch(&request.tag, command).await
                }
                Err(failure) => Err(failure),
            },
            (_, Err(error)) => Err(Failure::Bad(error.0.into())),
            (None, Ok(_)) => Err(Failure::Bad("Unknown command".into())),
        };
        self.answer(&request.tag, outcome)
    }

    fn answer(&mut self, tag: &str, outcome: Outcome) -> Result<(), Gone> {
        let (word, code, text) = match outcome {
            Ok(Done { text: "", .. }) => return Ok(()),
            Ok(Done { code, text }) => ("OK", code, text.into()),
            Err(Failure::No { code, text }) => ("NO", code, text),
            Err(Failure::Bad(text)) => ("BAD", "".into(), text),
            Err(Failure::Gone(gone)) => return Err(gone),
        };
        let answer = match &*code {
            "" => format!("{tag} {word} {text}\r\n"),
            code => format!("{tag} {word} [{code}] {text}\r\n"),
        };
        self.link.say(&answer);
        if word == "BAD" {
            return self.strike();
        }
        self.strikes = 0;
        if self.refused >= self.server.settings.auth_failures_max {
            return Err(Gone::Ended("Too many authentication failures"));
        }
        Ok(())
    }

    fn check_phase(&self, phase: Phase) -> Result<(), Failure> {
        let refusal = match phase {
            Phase::Any => None,
            Phase::NotAuthenticated => self.mailbox.is_some().then_some("Already authenticated"),
            Phase::Authenticated => self.mailbox.is_none().then_some("Authenticate first"),
            Phase::Selected => self.view.is_none().then_some("Select a mailbox first"),
        };
        refusal.map_or(Ok(()), |text| Err(Failure::Bad(text.into())))
    }

    /// Carries a command out, then tells the client what else has happened in the selected folder. While
    /// sequence numbers are in use no message may lose its number (RFC 3501 section 7.4.1).
    async fn dispatch(&mut self, tag: &str, command: Command) -> Outcome {
        if self.enabled.uid_only && command.uses_sequence_numbers() {
            return Err(Failure::Bad("[UIDREQUIRED] Messages are known by UID only".into()));
        }
        let may_expunge = !command.holds_numbers();
        // Boxed, so that a session that only waits does not hold room for the largest command.
        let outcome = Box::pin(self.run_command(tag, command)).await;
        if !matches!(outcome, Err(Failure::Gone(_))) {
            self.tell_news(may_expunge).await?;
        }
        outcome
    }

    async fn run_command(&mut self, tag: &str, command: Command) -> Outcome {
        use Command as C;
        match command {
            C::Append { mailbox, messages } => self.append(&mailbox, messages).await,
            C::Authenticate { mechanism, initial } => self.authenticate(tag, &mechanism, initial).await,
            C::CancelUpdate(tags) => self.cancel_update(&tags),
            C::Capability => self.capability(),
            C::Check | C::Noop => done("Completed"),
            C::Close => self.close_folder().await,
            C::Compress(mechanism) => self.compress(tag, &mechanism).await,
            C::Copy { uid, set, mailbox } => self.copy(uid, &set, &mailbox).await,
            C::Create { mailbox, special_use } => self.create(&mailbox, special_use).await,
            C::Delete(mailbox) => self.delete(&mailbox).await,
            C::DeleteAcl { mailbox, .. } | C::SetAcl { mailbox, .. } => self.change_acl(&mailbox),
            C::Enable(names) => self.enable(&names),
            C::Expunge(set) => self.expunge(set).await,
            C::Fetch { uid, set, fetch } => self.fetch(uid, &set, fetch).await,
            C::GetAcl(mailbox) => self.get_acl(&mailbox),
            C::GetMetadata { mailbox, entries, depth, max_size } => {
                self.get_metadata(&mailbox, &entries, depth, max_size)
            }
            C::GetQuota(root) => self.get_quota(&root),
            C::GetQuotaRoot(mailbox) => self.get_quota_root(&mailbox),
            C::Id(pairs) => self.id(&pairs),
            C::Idle => self.idle().await,
            C::List(list) => self.list(&list),
            C::ListRights { mailbox, identifier } => self.list_rights(&mailbox, &identifier),
            C::Login { user, password } => self.login(tag, user, password).await,
            C::Logout => self.logout(),
            C::Lsub(list) => self.lsub(&list),
            C::Move { uid, set, mailbox } => self.move_messages(uid, &set, &mailbox).await,
            C::MyRights(mailbox) => self.my_rights(&mailbox),
            C::Namespace => self.namespace(),
            C::Notify(notify) => self.notify(notify).await,
            C::Rename { from, to } => self.rename(&from, &to).await,
            C::Replace { uid, set, mailbox, message } => self.replace(uid, &set, &mailbox, message).await,
            C::Search { uid, search } => self.search(tag, uid, &search).await,
            C::Select { mailbox, read_only, condstore, qresync } => {
                self.select(&mailbox, read_only, condstore, qresync).await
            }
            C::SetMetadata { mailbox, entries } => self.set_metadata(&mailbox, entries).await,
            C::Sort { uid, order, search } => self.sort(tag, uid, &order, &search).await,
            C::StartTls => self.start_tls(tag).await,
            C::Status { mailbox, items } => self.status(&mailbox, &items),
            C::Store { uid, set, store } => self.store(uid, &set, store).await,
            C::Subscribe(mailbox, subscribed) => self.subscribe(&mailbox, subscribed).await,
            C::Thread { uid, threading, search } => self.thread(tag, uid, threading, &search).await,
            C::Unselect => self.unselect(),
        }
    }

    /// The caller's mailbox; the table of commands has made sure there is one.
    pub(super) fn mailbox(&self) -> Result<Arc<Mailbox>, Failure> {
        self.mailbox.clone().ok_or(Failure::Bad("Authenticate first".into()))
    }

    /// The mailbox and the selected folder; the table of commands has made sure there is one.
    pub(super) fn selected(&self) -> Result<(Arc<Mailbox>, &View), Failure> {
        match &self.view {
            Some(view) => Ok((self.mailbox()?, view)),
            None => Err(Failure::Bad("Select a mailbox first".into())),
        }
    }

    /// As [`Session::selected`], for commands that change messages.
    pub(super) fn selected_for_change(&self) -> Result<(Arc<Mailbox>, &View), Failure> {
        let (mailbox, view) = self.selected()?;
        if view.read_only {
            Err(no("READ-ONLY", "The mailbox is open read-only"))
        } else {
            Ok((mailbox, view))
        }
    }

    /// Tells what has happened since the client was last told: in the selected folder, and where NOTIFY
    /// watches.
    pub(super) async fn tell_news(&mut self, may_expunge: bool) -> Result<(), Failure> {
        self.tell_watched()?;
        let (Some(view), Some(mailbox)) = (&mut self.view, &self.mailbox) else { return Ok(()) };
        let Some(since) = view.stale(may_expunge) else { return Ok(()) };
        let changes = match mailbox.changes_since(view.folder, since) {
            Ok(changes) => changes,
            Err(fault) if fault.kind == base::FaultKind::NotFound => {
                return Err(Gone::Ended("The selected mailbox was deleted").into());
            }
            Err(fault) => return Err(fault.into()),
        };
        let before = view.uids().last().copied().unwrap_or(0);
        view.absorb(&changes, may_expunge, self.enabled, &mut self.link.output);
        if !self.followed.is_empty() {
            self.update_followed(&changes)?;
        }
        let fetch = self.watching.selected().and_then(|(_, events)| events.fetch.clone());
        if let Some(fetch) = fetch {
            let fresh = changes.changed.iter().map(|item| item.uid).filter(|uid| *uid > before);
            let fresh = set::from_sorted(fresh);
            Box::pin(self.fetch_ranges(&fetch, fresh)).await?;
        }
        Ok(())
    }
}
