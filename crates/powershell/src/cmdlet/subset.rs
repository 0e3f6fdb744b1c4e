//! Some of the commands of a source: the others do not exist.

use std::sync::Arc;

use super::{CommandInfo, CommandSource, ErrorRecord, Example, Invocation, ParameterInfo, Streams};
use crate::{eval::Wildcard, value::Value};

/// The commands of a source whose names fit one of some patterns.
pub struct Subset {
    source: Arc<dyn CommandSource>,
    patterns: Vec<Wildcard>,
}

impl Subset {
    /// Of `source`, what fits one of `patterns` (`*`, `?` and `[a-z]`, without case).
    pub fn new(source: Arc<dyn CommandSource>, patterns: &[String]) -> Self {
        let patterns = patterns.iter().map(|pattern| Wildcard::new(pattern, false)).collect();
        Subset { source, patterns }
    }

    fn holds(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(name))
    }
}

impl CommandSource for Subset {
    /// By the command's own name: an alias hides nothing and shows nothing.
    fn find(&self, name: &str) -> Option<Arc<CommandInfo>> {
        self.source.find(name).filter(|info| self.holds(&info.name))
    }

    fn names(&self) -> Vec<Arc<str>> {
        let mut names = self.source.names();
        names.retain(|name| self.holds(name));
        names
    }

    fn modules(&self) -> Vec<Arc<str>> {
        self.source.modules()
    }

    fn invoke(&self, call: &Invocation, out: &mut dyn Streams) -> Result<(), ErrorRecord> {
        let name = &*call.command.name;
        if self.holds(name) {
            self.source.invoke(call, out)
        } else {
            Err(ErrorRecord::command_not_found(name))
        }
    }

    fn accepts(&self, parameter_type: &str, object: &Value) -> Option<bool> {
        self.source.accepts(parameter_type, object)
    }

    fn is_built(&self, command: &str, parameter: Option<&str>) -> bool {
        self.holds(command) && self.source.is_built(command, parameter)
    }

    fn examples(&self, command: &str) -> Vec<Example> {
        if self.holds(command) { self.source.examples(command) } else { Vec::new() }
    }

    fn complete(&self, command: &CommandInfo, parameter: &ParameterInfo, prefix: &str) -> Vec<String> {
        if self.holds(&command.name) { self.source.complete(command, parameter, prefix) } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmdlet::{Bound, Collected, Preferences};

    const NAMES: [&str; 3] = ["Get-Group", "Get-User", "Set-User"];

    /// Commands that say their names.
    struct Three;

    impl CommandSource for Three {
        fn find(&self, name: &str) -> Option<Arc<CommandInfo>> {
            let name = NAMES.iter().find(|own| own.eq_ignore_ascii_case(name))?;
            Some(Arc::new(CommandInfo { name: (*name).into(), ..CommandInfo::default() }))
        }
        fn names(&self) -> Vec<Arc<str>> {
            NAMES.map(Arc::from).to_vec()
        }
        fn invoke(&self, call: &Invocation, out: &mut dyn Streams) -> Result<(), ErrorRecord> {
            let _ = out.output(Value::string(&*call.command.name));
            Ok(())
        }
        fn complete(&self, _: &CommandInfo, _: &ParameterInfo, _: &str) -> Vec<String> {
            vec!["x".into()]
        }
    }

    #[test]
    fn what_does_not_fit_does_not_exist() {
        let subset = Subset::new(Arc::new(Three), &["get-u*".into(), "Set-Group".into()]);
        assert_eq!(subset.names(), ["Get-User".into()]);
        assert!(subset.find("GET-USER").is_some() && subset.find("Set-User").is_none());
        let parameter = ParameterInfo::new("Identity", "String");
        for (name, seen) in [("Get-User", true), ("Set-User", false)] {
            let call = Invocation {
                command: Three.find(name).unwrap(),
                parameters: Bound::default(),
                parameter_set: None,
                pipeline_object: None,
                preferences: Preferences::default(),
            };
            let mut out = Collected::default();
            assert_eq!(subset.invoke(&call, &mut out).is_ok(), seen, "{name}");
            assert_eq!(out.output.len(), usize::from(seen), "{name}");
            assert_eq!(subset.is_built(name, None), seen, "{name}");
            assert_eq!(subset.complete(&call.command, &parameter, "").is_empty(), !seen, "{name}");
        }
    }
}
