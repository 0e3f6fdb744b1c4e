//! The built-in roles and role groups: data (`data/roles.txt`, and the table of groups below).

use std::{collections::HashMap, sync::OnceLock};

use super::parameters::Parameters;

static TABLE: &str = include_str!("../../data/roles.txt");

/// Grows whenever the tables do: folders that were made with an older one get what is new.
pub(super) const VERSION: i64 = 3;

/// The role that holds every cmdlet no other role names.
const CATCH_ALL: &str = "Organization Configuration";
/// Who manages the organisation.
pub const ORGANIZATION_MANAGEMENT: &str = "Organization Management";

/// A built-in role group and what it is for.
pub struct RoleGroup {
    /// Its name.
    pub name: &'static str,
    /// A sentence for those who choose one.
    pub description: &'static str,
}

/// The role groups of a new organisation, sorted.
pub static ROLE_GROUPS: &[RoleGroup] = &[
    RoleGroup {
        name: "Compliance Management",
        description: "Sets up what compliance needs: data loss prevention, rights management, retention.",
    },
    RoleGroup { name: "Delegated Setup", description: "Installs servers that were prepared before." },
    RoleGroup { name: "Discovery Management", description: "Searches mailboxes and puts them on hold." },
    RoleGroup {
        name: "Help Desk",
        description: "Looks at recipients and changes what people could change themselves.",
    },
    RoleGroup { name: "Hygiene Management", description: "Manages what keeps junk and malware out." },
    RoleGroup {
        name: ORGANIZATION_MANAGEMENT,
        description: "Manages the whole organization and says who else may manage what.",
    },
    RoleGroup { name: "Public Folder Management", description: "Manages public folders." },
    RoleGroup { name: "Recipient Management", description: "Makes, changes and removes recipients." },
    RoleGroup {
        name: "Records Management",
        description: "Manages journaling, retention, transport rules and the audit logs.",
    },
    RoleGroup { name: "Server Management", description: "Manages servers, databases, protocols and queues." },
    RoleGroup { name: "UM Management", description: "Manages voice mail." },
    RoleGroup {
        name: "View-Only Organization Management",
        description: "Looks at everything in the organization and changes nothing.",
    },
];

/// A scope as a role declares it; what an assignment may replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Implicit {
    /// Nothing.
    None,
    /// Every recipient.
    Organization,
    /// The global address list of the person: to look at.
    MyGal,
    /// The person's own account.
    OwnSelf,
    /// Groups the person manages.
    MyDistributionGroups,
    /// The whole configuration.
    OrganizationConfig,
}

/// The words for implicit scopes.
const IMPLICIT: &[(&str, Implicit)] = &[
    ("MyDistributionGroups", Implicit::MyDistributionGroups),
    ("MyGAL", Implicit::MyGal),
    ("None", Implicit::None),
    ("Organization", Implicit::Organization),
    ("OrganizationConfig", Implicit::OrganizationConfig),
    ("Self", Implicit::OwnSelf),
];

impl Implicit {
    /// The scope of that name.
    pub fn parse(word: &str) -> Option<Self> {
        IMPLICIT.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, scope)| *scope)
    }
    /// Its name.
    pub fn name(self) -> &'static str {
        IMPLICIT.iter().find(|(_, scope)| *scope == self).map_or("", |(name, _)| *name)
    }
}

/// The four scopes of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scopes {
    /// Which recipients may be looked at.
    pub recipient_read: Implicit,
    /// Which may be changed.
    pub recipient_write: Implicit,
    /// What of the configuration may be looked at.
    pub config_read: Implicit,
    /// What may be changed.
    pub config_write: Implicit,
}

const EVERYWHERE: Scopes = Scopes {
    recipient_read: Implicit::Organization,
    recipient_write: Implicit::Organization,
    config_read: Implicit::OrganizationConfig,
    config_write: Implicit::OrganizationConfig,
};

/// One line's worth of cmdlets of one noun.
struct Row {
    /// Empty for every verb.
    verbs: Vec<&'static str>,
    parameters: Parameters,
}

/// A built-in management role.
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// The role it is a part of.
    pub parent: Option<&'static str>,
    /// What it may be used on.
    pub scopes: Scopes,
    /// The role groups that have it at first, beside Organization Management.
    pub groups: Vec<&'static str>,
    /// Organization Management may assign it but does not have it.
    pub delegated: bool,
    /// The default role assignment policy has it.
    pub in_policy: bool,
    kind: Option<&'static str>,
    views: Vec<&'static str>,
    /// By the noun in lower case.
    rows: HashMap<String, Vec<Row>>,
}

impl BuiltIn {
    fn new(name: &'static str) -> Self {
        BuiltIn {
            name,
            parent: None,
            scopes: EVERYWHERE,
            groups: Vec::new(),
            delegated: false,
            in_policy: false,
            kind: None,
            views: Vec::new(),
            rows: HashMap::new(),
        }
    }

    /// The role's type: its name without spaces and dashes, unless the table says otherwise.
    pub fn role_type(&self) -> String {
        match self.kind {
            Some(kind) => kind.to_owned(),
            None => self.name.replace([' ', '-'], ""),
        }
    }

    /// A role of people over what is their own.
    pub fn is_end_user(&self) -> bool {
        self.name.starts_with("My")
    }

    /// The parameters of a cmdlet it allows; nothing where it does not hold the cmdlet.
    pub fn get(&self, cmdlet: &str) -> Option<&Parameters> {
        let own = self.row(cmdlet);
        let every = || every().row(cmdlet).filter(|_| !self.is_end_user() && !self.rows.is_empty());
        own.or_else(every)
            .or_else(|| (self.name == CATCH_ALL && !is_named(cmdlet)).then_some(&Parameters::All))
    }

    fn row(&self, cmdlet: &str) -> Option<&Parameters> {
        let (verb, noun) = cmdlet.split_once('-')?;
        let rows = self.rows.get(&noun.to_ascii_lowercase())?;
        let has =
            |row: &&Row| row.verbs.is_empty() || row.verbs.iter().any(|own| own.eq_ignore_ascii_case(verb));
        rows.iter().find(has).map(|row| &row.parameters)
    }

    /// Adds what a line `VERBS: NOUNS` says.
    fn add(&mut self, verbs: &'static str, nouns: &'static str) {
        let verbs: Vec<&str> = if verbs == "*" { Vec::new() } else { verbs.split(' ').collect() };
        for noun in nouns.split(' ') {
            let (noun, parameters) = match noun.strip_suffix(')').and_then(|noun| noun.split_once('(')) {
                Some((noun, names)) => (noun, Parameters::parse(names)),
                None => (noun, Parameters::All),
            };
            let row = Row { verbs: verbs.clone(), parameters };
            self.rows.entry(noun.to_ascii_lowercase()).or_default().push(row);
        }
    }
}

/// The tables, read once.
struct Tables {
    every: BuiltIn,
    roles: Vec<BuiltIn>,
}

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| {
        let mut tables = read(TABLE);
        add_views(&mut tables.roles);
        tables.roles.sort_by_key(|role| role.name);
        tables
    })
}

fn every() -> &'static BuiltIn {
    &tables().every
}

/// Every built-in role, by name.
pub fn roles() -> &'static [BuiltIn] {
    &tables().roles
}

/// The built-in role of that name.
pub fn role(name: &str) -> Option<&'static BuiltIn> {
    let roles = roles();
    roles.binary_search_by_key(&name, |role| role.name).ok().map(|at| &roles[at])
}

/// Whether any role names a cmdlet.
fn is_named(cmdlet: &str) -> bool {
    every().row(cmdlet).is_some() || roles().iter().any(|role| role.row(cmdlet).is_some())
}

fn read(text: &'static str) -> Tables {
    let mut tables = Tables { every: BuiltIn::new("every"), roles: Vec::new() };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        if let Some(name) = line.strip_prefix("role ") {
            tables.roles.push(BuiltIn::new(name));
            continue;
        }
        let role = tables.roles.last_mut().unwrap_or(&mut tables.every);
        let list = |text: &'static str| text.split(", ").collect::<Vec<_>>();
        match line.split_once(' ') {
            None if line == "delegated" => role.delegated = true,
            None if line == "policy" => role.in_policy = true,
            Some(("type", kind)) => role.kind = Some(kind),
            Some(("parent", name)) => role.parent = Some(name),
            Some(("to", groups)) => role.groups = list(groups),
            Some(("views", names)) => role.views.extend(list(names)),
            Some(("scopes", words)) => role.scopes = scopes(words),
            _ => {
                if let Some((verbs, nouns)) = line.split_once(": ") {
                    role.add(verbs, nouns);
                }
            }
        }
    }
    tables
}

fn scopes(words: &str) -> Scopes {
    let words: Vec<Implicit> = words.split(' ').filter_map(Implicit::parse).collect();
    match words[..] {
        [recipient_read, recipient_write, config_read, config_write] => {
            Scopes { recipient_read, recipient_write, config_read, config_write }
        }
        _ => EVERYWHERE,
    }
}

/// Roles that look get the `Get` cmdlets of those they look at.
fn add_views(roles: &mut [BuiltIn]) {
    let looks = |role: &BuiltIn| -> Vec<String> {
        let gets =
            |rows: &&Vec<Row>| rows.iter().any(|row| row.verbs.is_empty() || row.verbs.contains(&"Get"));
        role.rows.iter().filter(|(_, rows)| gets(rows)).map(|(noun, _)| noun.clone()).collect()
    };
    let known: HashMap<&str, Vec<String>> = roles.iter().map(|role| (role.name, looks(role))).collect();
    for role in roles {
        for noun in role.views.iter().filter_map(|name| known.get(name)).flatten() {
            let row = Row { verbs: vec!["Get"], parameters: Parameters::All };
            role.rows.entry(noun.clone()).or_default().push(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_understood() {
        let known = ["role ", "type ", "parent ", "to ", "views ", "scopes ", "delegated", "policy", "every"];
        for line in TABLE.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            assert!(known.iter().any(|word| line.starts_with(word)) || line.contains(": "), "{line}");
        }
        for line in TABLE.lines().filter_map(|line| line.strip_prefix("scopes ")) {
            assert_eq!(line.split(' ').filter_map(Implicit::parse).count(), 4, "{line}");
        }
    }

    #[test]
    fn names_in_the_table_exist_once() {
        assert!(roles().windows(2).all(|pair| pair[0].name < pair[1].name));
        assert!(ROLE_GROUPS.windows(2).all(|pair| pair[0].name < pair[1].name));
        for role in roles() {
            for group in &role.groups {
                assert!(ROLE_GROUPS.iter().any(|known| known.name == *group), "{group}");
            }
            for name in role.views.iter().chain(&role.parent) {
                assert!(super::role(name).is_some(), "{name}");
            }
            for (noun, rows) in &role.rows {
                let verbs: Vec<_> =
                    rows.iter().flat_map(|row| &row.verbs).filter(|verb| **verb != "Get").collect();
                let mut once = verbs.clone();
                once.sort();
                once.dedup();
                assert_eq!(once.len(), verbs.len(), "{}: {noun}", role.name);
            }
        }
    }

    #[test]
    fn roles_hold_what_they_should() {
        let holds = |name: &str, cmdlet: &str| role(name).unwrap().get(cmdlet);
        assert_eq!(holds("Mail Recipients", "get-mailbox"), Some(&Parameters::All));
        assert!(holds("Mail Recipients", "New-Mailbox").is_none());
        assert!(!holds("Mail Recipients", "Set-Mailbox").unwrap().allow("Password"));
        assert!(holds("Legal Hold", "Set-Mailbox").unwrap().allow("LitigationHoldEnabled"));
        assert!(holds("View-Only Configuration", "Get-SendConnector").is_some());
        assert!(holds("View-Only Configuration", "Set-SendConnector").is_none());
        assert!(holds("View-Only Recipients", "Get-Mailbox").is_some());
        assert!(holds("Journaling", "Write-AdminAuditLog").is_some(), "in every administrator's role");
        assert!(holds("MyBaseOptions", "Write-AdminAuditLog").is_none());
        assert!(holds("ApplicationImpersonation", "Write-AdminAuditLog").is_none());
        assert!(holds("Organization Configuration", "Do-SomethingNew").is_some());
        assert!(holds("Journaling", "Do-SomethingNew").is_none());
        assert!(holds("Organization Configuration", "New-JournalRule").is_none());
        assert_eq!(role("View-Only Audit Logs").unwrap().role_type(), "ViewOnlyAuditLogs");
        assert_eq!(role("MyName").unwrap().role_type(), "MyProfileInformation");
    }
}
