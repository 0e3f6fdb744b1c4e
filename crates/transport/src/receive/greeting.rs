//! The opening of a session: greeting, `HELO`/`EHLO`, `STARTTLS`.

use wire::smtp::Reply;

use super::{
    Intake,
    channel::Gone,
    order::Phase,
    session::{Conversation, words},
};
use crate::stream::Transport;

impl<S: Transport, I: Intake> Conversation<'_, S, I> {
    /// The first reply; anything but 220 ends the session.
    pub(super) async fn greeting(&mut self) -> Reply {
        if let Err(refusal) = self.house.intake.connected(&self.session).await {
            self.closing = true;
            return words(refusal);
        }
        let connector = self.connector();
        match &connector.banner {
            Some(banner) => Reply::plain(220, banner.clone()),
            None => {
                let now = self.house.clock.now().to_rfc5322();
                Reply::plain(220, format!("{} Rialto ESMTP MAIL Service ready at {now}", connector.fqdn))
            }
        }
    }

    /// `HELO` and `EHLO`: names the peer and ends what was under way.
    pub(super) fn hello(&mut self, name: String, extended: bool) -> Reply {
        self.phase = Phase::Ready;
        self.reset();
        self.session.helo = name;
        self.session.extended = extended;
        let peer = self.session.remote.ip().to_canonical();
        let mut text = format!("{} Hello [{peer}]", self.connector().fqdn);
        if extended {
            self.keywords(&mut text);
        }
        Reply::plain(250, text)
    }

    /// The lines of the answer to `EHLO`, after its first.
    fn keywords(&self, text: &mut String) {
        let connector = self.connector();
        let on = connector.keywords;
        let size = match connector.max_message_size {
            usize::MAX => "SIZE".to_owned(),
            limit => format!("SIZE {limit}"),
        };
        let offers = [
            (true, size.as_str()),
            (on.pipelining, "PIPELINING"),
            (on.delivery_status_notification, "DSN"),
            (on.enhanced_status_codes, "ENHANCEDSTATUSCODES"),
            (self.offers_tls(), "STARTTLS"),
            (self.offers_auth(), "AUTH PLAIN LOGIN"),
            (on.eight_bit_mime, "8BITMIME"),
            (on.binary_mime && on.chunking, "BINARYMIME"),
            (on.chunking, "CHUNKING"),
            (on.smtp_utf8, "SMTPUTF8"),
        ];
        for (_, keyword) in offers.iter().filter(|(offered, _)| *offered) {
            text.push('\n');
            text.push_str(keyword);
        }
    }

    fn offers_tls(&self) -> bool {
        self.connector().auth.tls && self.house.tls.is_some() && self.session.tls.is_none()
    }

    pub(super) fn offers_auth(&self) -> bool {
        self.connector().auth.basic && self.session.tls.is_some() && self.session.identity.is_none()
    }

    /// `STARTTLS`: on 220 the loop shakes hands.
    pub(super) fn start_tls(&mut self) -> Reply {
        if self.session.tls.is_some() {
            return Reply::new(503, (5, 5, 2), "Only one STARTTLS command can be issued per session");
        }
        if !self.offers_tls() {
            return Reply::new(454, (4, 7, 0), "TLS not available");
        }
        if !self.channel.input.is_empty() {
            // Sent in the clear, it could be anyone's; it must not be read as if it came encrypted.
            self.closing = true;
            return Reply::new(554, (5, 7, 0), "Commands after STARTTLS; closing transmission channel");
        }
        Reply::new(220, (2, 0, 0), "SMTP server ready")
    }

    /// Shakes hands. All that was learned in the clear is forgotten (RFC 3207 section 4.2).
    pub(super) async fn secure(&mut self) -> Result<(), Gone> {
        let house = self.house;
        let Some(acceptor) = &house.tls else { return Err(Gone::Closed) };
        self.channel.start_tls(acceptor).await?;
        self.session.tls = self.channel.stream().facts();
        self.session.helo.clear();
        self.session.extended = false;
        self.phase = Phase::Start;
        Ok(())
    }
}
