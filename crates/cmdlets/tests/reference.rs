//! The reference under `docs/admin/reference` says what is declared: one page for each noun, from what `Get-Help`
//! shows.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use cmdlets::{ALL, Cmdlet, Declarations};
use powershell::{CommandInfo, ParameterInfo, help};

/// Where a line of syntax is broken, characters.
const WIDTH: usize = 110;
/// Examples shown of a cmdlet.
const EXAMPLES_MAX: usize = 2;

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/admin/reference"))
}

/// A call over several lines, what belongs to one parameter together.
fn wrapped(call: &str) -> String {
    let (mut out, mut width) = (String::new(), 0);
    // Behind a blank stands a parameter, or a parameter's type.
    for word in call.replace(" <", "\0<").split(' ').map(|word| word.replace('\0', " ")) {
        if width > 0 && width + 1 + word.len() > WIDTH {
            out.push_str("\n   ");
            width = 3;
        }
        if width > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(&word);
        width += word.len();
    }
    out
}

/// What is to be known of a parameter beside its type, in a few words.
fn notes(parameter: &ParameterInfo) -> String {
    let code = |names: &[std::sync::Arc<str>]| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    let piped = match (parameter.by_value, parameter.by_property_name) {
        (true, true) => "from the pipeline, itself or its property",
        (true, false) => "from the pipeline",
        (false, true) => "from the pipeline's property",
        (false, false) => "",
    };
    let listed = |what: &str, names: &[std::sync::Arc<str>]| match names {
        [] => String::new(),
        names => format!("{what} {}", code(names)),
    };
    let notes = [
        if parameter.required { "required".to_owned() } else { String::new() },
        parameter.position.map_or_else(String::new, |position| format!("position {position}")),
        piped.to_owned(),
        listed("in", &parameter.sets),
        listed("also", &parameter.aliases),
        listed("one of", &parameter.values),
    ];
    notes.into_iter().filter(|note| !note.is_empty()).collect::<Vec<_>>().join("; ")
}

fn section(cmdlet: &Cmdlet, info: &CommandInfo) -> String {
    let mut out = format!("\n## {}\n{}\n\n```powershell\n", info.name, info.synopsis);
    let calls: Vec<String> = help::syntax(info).iter().map(|call| wrapped(call)).collect();
    out.push_str(&format!("{}\n```\n", calls.join("\n\n")));
    let (taken, refused): (Vec<_>, Vec<_>) = help::shown(info).partition(|p| cmdlet.understands(&p.name));
    if !taken.is_empty() {
        out.push_str("\n| parameter | type | |\n|---|---|---|\n");
    }
    for parameter in taken {
        let kind = if parameter.is_switch() { "switch" } else { &parameter.type_name };
        out.push_str(
            &format!("| `-{}` | {kind} | {} |\n", parameter.name, notes(parameter)).replace("|  |", "| |"),
        );
    }
    if !refused.is_empty() {
        let names: Vec<String> = refused.iter().map(|p| format!("`-{}`", p.name)).collect();
        out.push_str(&format!("\nNot yet, so refused when given: {}.\n", names.join(", ")));
    }
    for example in help::examples(info, &Declarations).iter().take(EXAMPLES_MAX) {
        out.push_str(&format!("\n{}\n\n```powershell\n{}\n```\n", example.title, example.code));
    }
    out
}

/// The pages by their files' names.
fn pages() -> BTreeMap<String, String> {
    let mut pages: BTreeMap<String, String> = BTreeMap::new();
    for cmdlet in ALL {
        let info = cmdlets::find(cmdlet.name).unwrap();
        let (_, noun) = cmdlet.name.split_once('-').unwrap();
        let page = pages.entry(format!("{noun}.md")).or_insert_with(|| {
            format!(
                "# {noun}\n\n<!-- Written by a test: cargo xtask docs -->\n\nWhat `Get-Help` says; every cmdlet \
                 takes the common parameters, too. [All cmdlets](../cmdlets.md)\n"
            )
        });
        page.push_str(&section(cmdlet, &info));
    }
    pages
}

#[test]
fn the_reference_is_up_to_date() {
    let (folder, pages) = (folder(), pages());
    let there = || -> BTreeSet<String> {
        let entries = fs::read_dir(&folder).into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(&folder).unwrap();
        there().iter().filter(|name| !pages.contains_key(*name)).for_each(|name| {
            fs::remove_file(folder.join(name)).unwrap();
        });
        pages.iter().for_each(|(name, page)| fs::write(folder.join(name), page).unwrap());
    }
    let stale: Vec<&String> = pages
        .iter()
        .filter(|(name, page)| fs::read_to_string(folder.join(name)).unwrap_or_default() != **page)
        .map(|(name, _)| name)
        .collect();
    assert!(
        stale.is_empty(),
        "docs/admin/reference is out of date, `cargo xtask docs` writes it anew: {stale:?}"
    );
    assert_eq!(there(), pages.into_keys().collect(), "pages of nouns that are not built");
}

#[test]
fn a_page_says_what_a_person_asks() {
    let pages = pages();
    let mailbox = &pages["Mailbox.md"];
    for line in [
        "## Get-Mailbox\nShows mailboxes.\n",
        "| `-ResultSize` | Unlimited |",
        "position 1; from the pipeline",
        "Not yet, so refused when given: ",
    ] {
        assert!(mailbox.contains(line), "{line} in {mailbox}");
    }
    assert_eq!(pages.values().map(|page| page.matches("\n## ").count()).sum::<usize>(), ALL.len());
    let longest = pages
        .values()
        .flat_map(|page| page.lines())
        .filter(|line| line.starts_with("    ["))
        .map(str::len)
        .max();
    assert!(longest.unwrap() <= WIDTH, "{longest:?}");
}
