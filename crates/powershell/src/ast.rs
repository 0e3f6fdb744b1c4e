//! What the parser makes of text.

/// A script block: its source text and what it parsed to.
#[derive(Debug)]
pub struct ScriptBlock {
    text: Box<str>,
}

impl ScriptBlock {
    /// The source between the braces.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl PartialEq for ScriptBlock {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
