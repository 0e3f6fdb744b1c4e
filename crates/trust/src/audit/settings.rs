//! What is to be recorded, as `Set-AdminAuditLogConfig` says.

use base::{EnhancedTimeSpan, Timestamp};
use directory::{Object, Value, filter::wildcard_matches};

/// Always recorded: a change to what is recorded.
const ALWAYS: &str = "Set-AdminAuditLogConfig";
/// Verbs that only look.
const LOOKING: &[&str] = &["Get", "Search"];
/// Where no settings exist, entries are kept this long, seconds.
const AGE_SECS: i64 = 90 * 86_400;

/// How much is recorded of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Who, what, when, with which parameters.
    Call,
    /// Also the properties before and after.
    Verbose,
}

/// Whether and how a call is recorded. Without settings, everything that changes something is.
pub fn level<'a>(
    config: Option<&Object>,
    cmdlet: &str,
    parameters: impl IntoIterator<Item = &'a str>,
) -> Option<Level> {
    let verb = cmdlet.split_once('-').map_or(cmdlet, |(verb, _)| verb);
    let Some(config) = config else {
        return (!LOOKING.contains(&verb) && verb != "Test").then_some(Level::Call);
    };
    let level = if config.text("LogLevel") == Some("Verbose") { Level::Verbose } else { Level::Call };
    if cmdlet.eq_ignore_ascii_case(ALWAYS) {
        return Some(level);
    }
    if LOOKING.contains(&verb) || (verb == "Test" && !config.flag("TestCmdletLoggingEnabled")) {
        return None;
    }
    let fits = |name: &str, text: &str| patterns(config, name).any(|pattern| wildcard_matches(pattern, text));
    let wanted = config.flag("AdminAuditLogEnabled")
        && fits("AdminAuditLogCmdlets", cmdlet)
        && !fits("AdminAuditLogExcludedCmdlets", cmdlet)
        && (patterns(config, "AdminAuditLogParameters").any(|pattern| pattern == "*")
            || parameters.into_iter().any(|parameter| fits("AdminAuditLogParameters", parameter)));
    wanted.then_some(level)
}

fn patterns<'a>(config: &'a Object, name: &str) -> impl Iterator<Item = &'a str> {
    config.values(name).iter().filter_map(Value::as_text)
}

/// Entries before this moment are no longer kept.
pub fn age_limit(config: Option<&Object>, now: Timestamp) -> Timestamp {
    let kept = config.and_then(|config| config.span("AdminAuditLogAgeLimit"));
    let kept = kept.unwrap_or(EnhancedTimeSpan::from_secs(AGE_SECS));
    now.plus(EnhancedTimeSpan { micros: -kept.micros })
}
