//! Where active copies belong: which moves `RedistributeActiveDatabases` makes.

use base::Guid;

/// How active copies are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balance {
    /// `-BalanceDbsByActivationPreference`: each on its most preferred copy.
    ByActivationPreference,
    /// `-BalanceDbsBySiteAndActivationPreference`: that, but no site has much more than its share.
    BySiteAndActivationPreference {
        /// `-AllowedDeviationFromMeanPercentage`: the width of what is allowed; half of it on either side.
        deviation_percent: u32,
    },
}

/// The product's `AllowedDeviationFromMeanPercentage`.
pub const DEVIATION_PERCENT: u32 = 20;

/// A copy that a database may be active on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Its server.
    pub server: Guid,
    /// `ActivationPreference`, 1 first.
    pub preference: u32,
    /// It is healthy and nothing blocks it.
    pub activatable: bool,
}

/// A database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// Which.
    pub database: Guid,
    /// The server of its active copy.
    pub active: Guid,
    /// All its copies, the active one too.
    pub copies: Vec<Copy>,
}

/// A server of the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Which.
    pub server: Guid,
    /// Its site.
    pub site: String,
    /// `MaximumActiveDatabases`.
    pub maximum_active: Option<usize>,
}

/// One switchover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Which database.
    pub database: Guid,
    /// From the server that has the active copy
    pub from: Guid,
    /// to this one.
    pub to: Guid,
}

/// The moves, in an order in which no server is over its maximum at any time.
pub fn moves(balance: Balance, databases: &[Database], servers: &[Server]) -> Vec<Move> {
    let _ = (balance, databases, servers);
    Vec::new()
}
