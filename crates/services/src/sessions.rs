//! How many sessions one person may hold at a time.

use std::sync::Arc;

use base::{
    Fault, FaultKind, Guid,
    census::{Census, Place},
};

/// `MaxConnectionsPerUser` by the name of the protocol, as the product has it; other protocols hold no
/// mailbox open.
const PER_USER: [(&str, usize); 2] = [("IMAP4", 16), ("POP3", 16)];

/// A session that is counted.
pub(crate) type Session = Place<(&'static str, Guid)>;

/// The sessions of a server.
#[derive(Default)]
pub(crate) struct Sessions(Arc<Census<(&'static str, Guid)>>);

impl Sessions {
    /// Counts one more session, or says that there are enough.
    pub(crate) fn begin(&self, protocol: &'static str, user: Guid) -> Result<Option<Session>, Fault> {
        let Some((_, most)) = PER_USER.iter().find(|(name, _)| *name == protocol) else { return Ok(None) };
        self.0.admit((protocol, user), *most).map(Some).ok_or_else(|| {
            let text = format!("Too many connections: you have {most} {protocol} sessions open already.");
            Fault::new(FaultKind::Exhausted, "MaxConnectionsPerUser", text)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_of_each_protocol_and_person() {
        let sessions = Sessions::default();
        let (ana, nuno) = (Guid([1; 16]), Guid([2; 16]));
        let mut open: Vec<_> = (0..16).map(|_| sessions.begin("IMAP4", ana).unwrap().unwrap()).collect();
        let refused = sessions.begin("IMAP4", ana).unwrap_err();
        assert_eq!((refused.kind, refused.code), (FaultKind::Exhausted, "MaxConnectionsPerUser"));
        assert!(sessions.begin("POP3", ana).unwrap().is_some());
        assert!(sessions.begin("IMAP4", nuno).unwrap().is_some());
        assert!(sessions.begin("EWS", ana).unwrap().is_none(), "not counted");
        open.pop();
        assert!(sessions.begin("IMAP4", ana).is_ok());
    }
}
