//! Columns: even widths, fixed widths, or as wide as their content.

use super::{cell::fit, list::wrap};

/// To which side a column's cells go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Alignment {
    /// Texts.
    #[default]
    Left,
    /// Numbers.
    Right,
    /// `Alignment='center'`.
    Center,
}

/// A column: its label, a width if it is fixed, and its side.
#[derive(Clone, Debug)]
pub(crate) struct ColumnLayout {
    pub(crate) label: String,
    pub(crate) width: Option<usize>,
    pub(crate) alignment: Alignment,
}

/// Writes rows under a header.
#[derive(Debug)]
pub(crate) struct TableWriter {
    columns: Vec<(ColumnLayout, usize)>,
    wraps: bool,
    headed: bool,
    hide_headers: bool,
}

impl TableWriter {
    /// Columns without a width share what is left evenly.
    pub(crate) fn new(columns: Vec<ColumnLayout>, screen: usize) -> Self {
        let usable = screen.saturating_sub(1);
        let mut columns = columns;
        // Columns that have no room at all are left out.
        columns.truncate(usable.div_ceil(2).max(1));
        let fixed: usize = columns.iter().filter_map(|c| c.width).sum();
        let free = columns.iter().filter(|c| c.width.is_none()).count();
        let gaps = columns.len().saturating_sub(1);
        let each = usable.saturating_sub(fixed + gaps).checked_div(free).unwrap_or_default().max(1);
        let columns = columns
            .into_iter()
            .map(|c| {
                let width = c.width.unwrap_or(each).max(1);
                (c, width)
            })
            .collect();
        TableWriter { columns, wraps: false, headed: false, hide_headers: false }
    }

    /// Columns as wide as their widest cell, as long as the screen has room; the rest is left out.
    pub(crate) fn fitted(columns: Vec<ColumnLayout>, rows: &[Vec<String>], screen: usize) -> Self {
        let mut left = screen.saturating_sub(1);
        let mut fitting = Vec::new();
        for (at, column) in columns.into_iter().enumerate() {
            let cells = rows
                .iter()
                .filter_map(|r| r.get(at))
                .map(|c| c.lines().next().unwrap_or_default().chars().count());
            let wanted = cells.chain([column.label.chars().count()]).max().unwrap_or_default().max(1);
            let wanted = column.width.unwrap_or(wanted);
            let gap = usize::from(at > 0);
            if left <= gap {
                break;
            }
            let width = wanted.min(left - gap);
            left -= width + gap;
            fitting.push((column, width));
        }
        TableWriter { columns: fitting, wraps: false, headed: false, hide_headers: false }
    }

    /// Long cells go on in further lines instead of being cut.
    pub(crate) fn wrapping(mut self, wraps: bool) -> Self {
        self.wraps = wraps;
        self
    }

    /// No labels.
    pub(crate) fn without_headers(mut self, hide: bool) -> Self {
        self.hide_headers = hide;
        self
    }

    /// A row, with the header before the first.
    pub(crate) fn row(&mut self, cells: &[String]) -> String {
        let mut text = String::new();
        if !self.headed {
            self.headed = true;
            text.push('\n');
            if !self.hide_headers {
                let labels: Vec<String> =
                    self.columns.iter().map(|(c, width)| fit(&c.label, *width)).collect();
                let dashes: Vec<String> = labels.iter().map(|l| "-".repeat(l.chars().count())).collect();
                text.push_str(&self.line(&labels));
                text.push_str(&self.line(&dashes));
            }
        }
        if !self.wraps {
            let cut: Vec<String> =
                self.columns.iter().zip(cells).map(|((_, width), cell)| fit(cell, *width)).collect();
            return text + &self.line(&cut);
        }
        let wrapped: Vec<Vec<String>> =
            self.columns.iter().zip(cells).map(|((_, width), cell)| wrap(cell, *width)).collect();
        let height = wrapped.iter().map(Vec::len).max().unwrap_or(1);
        for at in 0..height {
            let line: Vec<String> = wrapped.iter().map(|c| c.get(at).cloned().unwrap_or_default()).collect();
            text.push_str(&self.line(&line));
        }
        text
    }

    fn line(&self, cells: &[String]) -> String {
        let mut text = String::new();
        for (at, ((column, width), cell)) in self.columns.iter().zip(cells).enumerate() {
            if at > 0 {
                text.push(' ');
            }
            let pad = width.saturating_sub(cell.chars().count());
            let before = match column.alignment {
                Alignment::Left => 0,
                Alignment::Right => pad,
                Alignment::Center => pad / 2,
            };
            text.push_str(&" ".repeat(before));
            text.push_str(cell);
            text.push_str(&" ".repeat(pad - before));
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
        text
    }

    /// After the last row.
    pub(crate) fn close(&self) -> String {
        if self.headed { "\n\n".to_owned() } else { String::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(labels: &[(&str, Alignment)]) -> Vec<ColumnLayout> {
        let layout = |(label, alignment): &(&str, Alignment)| ColumnLayout {
            label: (*label).to_owned(),
            width: None,
            alignment: *alignment,
        };
        labels.iter().map(layout).collect()
    }

    #[test]
    fn even_columns() {
        let mut table = TableWriter::new(columns(&[("a", Alignment::Right), ("b", Alignment::Left)]), 20);
        let text = table.row(&["1".into(), "a long text".into()]) + &table.close();
        assert_eq!(text, "\n        a b\n        - -\n        1 a long...\n\n\n");
    }

    #[test]
    fn fitted_columns() {
        let rows = vec![vec!["Nuno".to_owned(), "12".to_owned()], vec!["Al".to_owned(), "3".to_owned()]];
        let layout = columns(&[("Name", Alignment::Left), ("Items", Alignment::Right)]);
        let mut table = TableWriter::fitted(layout, &rows, 80);
        let text: String = rows.iter().map(|r| table.row(r)).collect();
        assert_eq!(text, "\nName Items\n---- -----\nNuno    12\nAl       3\n");
    }
}
