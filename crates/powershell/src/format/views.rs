//! Which properties of a type are shown, and how.

use std::{collections::HashMap, sync::Arc};

use super::Alignment;
use crate::value::PsObject;

/// A column of a default table.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// The label; the property's name where empty.
    pub label: Arc<str>,
    /// The property.
    pub property: Arc<str>,
    /// A fixed width. Without: an even share of the rest where the first column has a width, else as wide as the
    /// content.
    pub width: Option<usize>,
    /// The side; by the first value without.
    pub alignment: Option<Alignment>,
}

impl Column {
    /// A column of this property.
    pub fn new(property: &str) -> Self {
        Column { property: property.into(), ..Column::default() }
    }
    /// With this width.
    #[must_use]
    pub fn wide(mut self, width: usize) -> Self {
        self.width = Some(width);
        self
    }
}

/// How a type is shown by default.
#[derive(Clone, Debug)]
pub enum Layout {
    /// A table of these columns.
    Table(Vec<Column>),
    /// A list of these properties; all when empty.
    List(Vec<Arc<str>>),
}

/// A type's default view.
#[derive(Clone, Debug)]
pub struct TypeView {
    /// The full type name, without `Deserialized.`.
    pub type_name: Arc<str>,
    /// How it is shown.
    pub layout: Layout,
}

impl TypeView {
    /// A table of these properties, as wide as their content.
    pub fn table(type_name: &str, properties: &[&str]) -> Self {
        let columns = properties.iter().map(|p| Column::new(p)).collect();
        TypeView { type_name: type_name.into(), layout: Layout::Table(columns) }
    }
}

/// The views of all types.
#[derive(Clone, Debug)]
pub struct Views {
    by_type: HashMap<Box<str>, Layout>,
    /// By which property a type's objects are grouped.
    groups: HashMap<Box<str>, Arc<str>>,
}

impl Default for Views {
    fn default() -> Self {
        let mut views = Views { by_type: HashMap::new(), groups: HashMap::new() };
        let name = Column::new("Name").wide(30);
        let value = Column { alignment: Some(Alignment::Left), ..Column::new("Value") };
        let entry = Layout::Table(vec![name.clone(), value.clone()]);
        views.add(TypeView { type_name: "System.Collections.DictionaryEntry".into(), layout: entry });
        let count = Column { alignment: Some(Alignment::Right), ..Column::new("Count").wide(5) };
        let bare = Layout::Table(vec![count.clone(), Column::new("Name").wide(25)]);
        views.add(TypeView {
            type_name: "Microsoft.PowerShell.Commands.GroupInfoNoElement".into(),
            layout: bare,
        });
        let group = Layout::Table(vec![count, Column::new("Name").wide(25), Column::new("Group")]);
        views.add(TypeView { type_name: "Microsoft.PowerShell.Commands.GroupInfo".into(), layout: group });
        let command = Layout::Table(vec![
            Column::new("CommandType").wide(15),
            Column::new("Name").wide(50),
            Column::new("Version").wide(10),
            Column::new("Source"),
        ]);
        views.add(TypeView { type_name: "System.Management.Automation.CmdletInfo".into(), layout: command });
        let member =
            Layout::Table(vec![Column::new("Name"), Column::new("MemberType"), Column::new("Definition")]);
        views.add(TypeView {
            type_name: "Microsoft.PowerShell.Commands.MemberDefinition".into(),
            layout: member,
        });
        let members = "Microsoft.PowerShell.Commands.MemberDefinition".to_lowercase();
        views.groups.insert(members.into(), "TypeName".into());
        views.add(TypeView {
            type_name: "System.Management.Automation.PSModuleInfo".into(),
            layout: Layout::Table(vec![
                Column::new("ModuleType").wide(10),
                Column::new("Version").wide(10),
                Column::new("Name").wide(35),
                Column::new("ExportedCommands"),
            ]),
        });
        views.add(TypeView {
            type_name: "System.Management.Automation.PSVariable".into(),
            layout: Layout::Table(vec![name, value]),
        });
        let session = Layout::Table(vec![
            Column { alignment: Some(Alignment::Right), ..Column::new("Id").wide(3) },
            Column::new("Name").wide(15),
            Column::new("ComputerName").wide(15),
            Column::new("ComputerType").wide(15),
            Column::new("State").wide(13),
            Column::new("ConfigurationName").wide(21),
            Column { alignment: Some(Alignment::Right), ..Column::new("Availability").wide(12) },
        ]);
        views.add(TypeView {
            type_name: "System.Management.Automation.Runspaces.PSSession".into(),
            layout: session,
        });
        let measured = Layout::List(Vec::new());
        views.add(TypeView {
            type_name: "Microsoft.PowerShell.Commands.GenericMeasureInfo".into(),
            layout: measured,
        });
        views
    }
}

impl Views {
    /// Adds or replaces a view.
    pub fn add(&mut self, view: TypeView) {
        self.by_type.insert(view.type_name.to_lowercase().into(), view.layout);
    }

    /// The view of an object, by its type names in order.
    pub fn find(&self, object: &PsObject) -> Option<&Layout> {
        keys(object).find_map(|key| self.by_type.get(&*key))
    }

    /// The property whose values begin new tables.
    pub(crate) fn group_by(&self, object: &PsObject) -> Option<&Arc<str>> {
        keys(object).find_map(|key| self.groups.get(&*key))
    }
}

/// What an object's types are found under, the most derived first.
fn keys(object: &PsObject) -> impl Iterator<Item = String> {
    object.type_names().iter().map(|t| t.strip_prefix("Deserialized.").unwrap_or(t).to_lowercase())
}
