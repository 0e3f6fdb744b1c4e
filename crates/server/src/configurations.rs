//! Session configurations: what remote sessions see of the cmdlets, by name. `Microsoft.Exchange` is built in and
//! shows all; others are an administrator's (`[session_configurations]` of `rialto.toml`).

use std::{collections::BTreeMap, sync::Arc};

use powershell::{CommandSource, cmdlet::Subset};
use serde::{Deserialize, Serialize};

/// The session configuration of the product: every cmdlet that the caller's roles allow.
pub(crate) const EXCHANGE: &str = "Microsoft.Exchange";
/// The longest name, bytes.
const NAME_MAX: usize = 64;
/// Most configurations, and most patterns of one.
const COUNT_MAX: usize = 256;

/// Names and, for each, patterns of the commands that exist in its sessions, on top of what roles allow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, Vec<String>>")]
pub(crate) struct SessionConfigurations(BTreeMap<String, Vec<String>>);

impl SessionConfigurations {
    /// One to try out: reading the directory.
    pub(crate) fn example() -> Self {
        let visible = ["Get-User", "Get-Contact", "Get-Group", "Get-*Recipient"];
        Self(BTreeMap::from([("DirectorySync".to_owned(), visible.map(str::to_owned).to_vec())]))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a configuration shows of these commands; nothing where there is none of this name.
    pub(crate) fn open(
        &self,
        name: &str,
        commands: Arc<dyn CommandSource>,
    ) -> Option<Arc<dyn CommandSource>> {
        if name.eq_ignore_ascii_case(EXCHANGE) {
            return Some(commands);
        }
        let (_, visible) = self.0.iter().find(|(own, _)| own.eq_ignore_ascii_case(name))?;
        Some(Arc::new(Subset::new(commands, visible)))
    }

    /// Whether there is one of this name.
    pub(crate) fn knows(&self, name: &str) -> bool {
        name.eq_ignore_ascii_case(EXCHANGE) || self.0.keys().any(|own| own.eq_ignore_ascii_case(name))
    }
}

impl TryFrom<BTreeMap<String, Vec<String>>> for SessionConfigurations {
    type Error = String;

    /// What would silently do nothing, or not what it says, is refused.
    fn try_from(all: BTreeMap<String, Vec<String>>) -> Result<Self, String> {
        if all.len() > COUNT_MAX {
            return Err(format!("there are more than {COUNT_MAX} session configurations"));
        }
        for (at, (name, visible)) in all.iter().enumerate() {
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
            if !(1..=NAME_MAX).contains(&name.len()) || !name.bytes().all(plain) {
                return Err(format!(
                    "the session configuration {name:?} needs a name of 1 to {NAME_MAX} letters, digits, dots, dashes \
                     and underscores"
                ));
            }
            if name.eq_ignore_ascii_case(EXCHANGE) {
                return Err(format!(
                    "the session configuration {EXCHANGE} is built in and shows every cmdlet"
                ));
            }
            if let Some(twin) = all.keys().take(at).find(|twin| twin.eq_ignore_ascii_case(name)) {
                return Err(format!("the session configurations {twin} and {name} have one name"));
            }
            check_patterns(name, visible)?;
        }
        Ok(Self(all))
    }
}

fn check_patterns(name: &str, visible: &[String]) -> Result<(), String> {
    if visible.is_empty() || visible.len() > COUNT_MAX {
        return Err(format!("the session configuration {name} must show 1 to {COUNT_MAX} names or patterns"));
    }
    let fits = |pattern: &String| {
        let one = std::slice::from_ref(pattern);
        !Subset::new(Arc::new(cmdlets::Declarations), one).names().is_empty()
    };
    match visible.iter().find(|pattern| !fits(pattern)) {
        Some(pattern) => {
            Err(format!("the session configuration {name} shows {pattern:?}, which no cmdlet is called"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<SessionConfigurations, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_configuration_shows_what_it_says() {
        let all = read("DirectorySync = ['Get-User', 'get-*group']").unwrap();
        let shown =
            |name: &str| all.open(name, Arc::new(cmdlets::Declarations)).map(|commands| commands.names());
        assert!(shown("microsoft.exchange").unwrap().len() > 800);
        let names = shown("directorysync").unwrap();
        assert!(names.iter().any(|name| &**name == "Get-DistributionGroup"), "{names:?}");
        assert!(names.iter().all(|name| name.starts_with("Get-")), "{names:?}");
        assert!(shown("Directory").is_none() && !all.knows("Directory") && all.knows("DIRECTORYSYNC"));
        let example = toml::to_string(&SessionConfigurations::example()).unwrap();
        assert_eq!(read(&example), Ok(SessionConfigurations::example()));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (text, why) in [
            ("'a b' = ['Get-User']", "needs a name"),
            ("'' = ['Get-User']", "needs a name"),
            ("'microsoft.exchange' = ['Get-User']", "built in"),
            ("Sync = []", "must show"),
            ("Sync = ['Get-User', 'Get-Usr']", "\"Get-Usr\", which no cmdlet is called"),
            ("Sync = ['Get-User']\nsync = ['Get-User']", "have one name"),
            ("Sync = 'Get-User'", "sequence"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
