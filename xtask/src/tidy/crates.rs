//! The manifests: which crate may depend on which, lints for all, every third-party crate named once.

use std::path::Path;

use super::Finding;
use crate::Outcome;

/// Each crate and the crates of ours that it may depend on (ARCHITECTURE.md). Arrows point down only.
pub(super) const EDGES: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("wire", &["base"]),
    ("engine", &["base"]),
    ("dag", &["base", "engine"]),
    ("directory", &["base", "engine"]),
    ("store", &["base", "engine", "wire"]),
    ("trust", &["base", "directory", "engine", "store", "wire"]),
    ("transport", &["base", "directory", "engine", "store", "trust", "wire"]),
    ("services", &["base", "directory", "engine", "store", "transport", "trust", "wire"]),
    ("jobs", &["base", "dag", "directory", "engine", "services", "store", "transport", "trust", "wire"]),
    ("powershell", &["base", "wire"]),
    (
        "cmdlets",
        &[
            "base",
            "dag",
            "directory",
            "engine",
            "jobs",
            "powershell",
            "services",
            "store",
            "transport",
            "trust",
            "wire",
        ],
    ),
    ("protocols", &["base", "powershell", "services", "trust", "wire"]),
    (
        "server",
        &[
            "base",
            "cmdlets",
            "dag",
            "directory",
            "engine",
            "jobs",
            "powershell",
            "protocols",
            "services",
            "store",
            "transport",
            "trust",
            "wire",
        ],
    ),
];

/// Crates beside the house: tools that no crate of the house depends on.
const TOOLS: [&str; 2] = ["bench", "xtask"];
const TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// What is wrong with the manifests of `crates/*` and `xtask`.
pub(super) fn check(root: &Path) -> Outcome<Vec<Finding>> {
    let mut findings = Vec::new();
    for folder in folders(root)? {
        let path = root.join(&folder).join("Cargo.toml");
        let shown = format!("{folder}/Cargo.toml");
        if !path.is_file() {
            continue;
        }
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{shown}: {e}"))?;
        let manifest: toml::Table = text.parse().map_err(|e| format!("{shown}: {e}"))?;
        let problems = manifest_problems(folder.rsplit('/').next().unwrap_or_default(), &manifest);
        findings.extend(problems.into_iter().map(|problem| Finding {
            path: shown.clone(),
            line: 0,
            problem,
        }));
    }
    Ok(findings)
}

/// The crates' folders, from the workspace's folder.
fn folders(root: &Path) -> Outcome<Vec<String>> {
    let mut folders: Vec<String> = TOOLS.iter().map(|tool| (*tool).to_owned()).collect();
    let Ok(entries) = std::fs::read_dir(root.join("crates")) else { return Ok(folders) };
    for entry in entries {
        let name = entry.map_err(|e| e.to_string())?.file_name();
        folders.push(format!("crates/{}", name.to_string_lossy()));
    }
    folders.sort();
    Ok(folders)
}

fn manifest_problems(name: &str, manifest: &toml::Table) -> Vec<String> {
    let mut problems = Vec::new();
    let is_true = |value: Option<&toml::Value>| value.and_then(toml::Value::as_bool) == Some(true);
    if !is_true(manifest.get("lints").and_then(|l| l.get("workspace"))) {
        problems.push("add [lints] workspace = true".to_owned());
    }
    let allowed = EDGES.iter().find(|(from, _)| *from == name).map(|(_, to)| *to);
    if allowed.is_none() && !TOOLS.contains(&name) {
        problems
            .push(format!("{name} has no place in the architecture: add it to EDGES and to ARCHITECTURE.md"));
        return problems;
    }
    for table in TABLES {
        let Some(dependencies) = manifest.get(table).and_then(toml::Value::as_table) else { continue };
        for (dependency, how) in dependencies {
            if !is_true(how.get("workspace")) {
                problems.push(format!(
                    "{dependency} is not named in the workspace: add it to the root Cargo.toml once"
                ));
            }
            let is_ours =
                EDGES.iter().any(|(ours, _)| ours == dependency) || TOOLS.contains(&dependency.as_str());
            // Tools may use one another, and tests any tool.
            let may_use_tools = TOOLS.contains(&name) || table == "dev-dependencies";
            let is_ours = is_ours && !(may_use_tools && TOOLS.contains(&dependency.as_str()));
            if is_ours && !allowed.is_some_and(|a| a.contains(&dependency.as_str())) {
                problems.push(format!("{name} may not depend on {dependency}: arrows point down only"));
            }
        }
    }
    problems
}
