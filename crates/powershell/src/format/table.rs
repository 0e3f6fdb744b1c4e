//! Columns: widths that were asked for, that follow from the content, or that share the screen evenly.

use super::{cell::fit, wrap::wrap};

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

/// How many rows wait to see how wide they are, where nobody said how wide the first column is.
const SAMPLE: usize = 1000;

/// Writes rows under a header. Where the widths follow from the content, the first rows wait.
#[derive(Debug)]
pub(crate) struct TableWriter {
    columns: Vec<ColumnLayout>,
    screen: usize,
    /// How many rows wait until the widths are decided.
    sample: usize,
    waiting: Vec<Vec<String>>,
    /// The widths of the columns that fit, once they are decided.
    widths: Option<Vec<usize>>,
    wraps: bool,
    hide_headers: bool,
}

impl TableWriter {
    /// As Windows PowerShell sizes columns: a first column with a width means that the widths are known (columns
    /// without one share the rest evenly); without, the content of the first rows decides.
    pub(crate) fn new(columns: Vec<ColumnLayout>, screen: usize) -> Self {
        let sample = if columns.first().is_some_and(|c| c.width.is_none()) { SAMPLE } else { 0 };
        TableWriter {
            columns,
            screen: screen.saturating_sub(1).max(1),
            sample,
            waiting: Vec::new(),
            widths: None,
            wraps: false,
            hide_headers: false,
        }
    }

    /// All rows decide the widths (`-AutoSize`).
    pub(crate) fn fitted(mut self, fitted: bool) -> Self {
        if fitted {
            self.sample = usize::MAX;
        }
        self
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

    /// A row, with the header before the first; nothing while it waits.
    pub(crate) fn row(&mut self, cells: Vec<String>) -> String {
        if let Some(widths) = &self.widths {
            return self.cells(widths, &cells);
        }
        self.waiting.push(cells);
        if self.waiting.len() > self.sample { self.flush() } else { String::new() }
    }

    /// Decides the widths and writes what waited.
    pub(crate) fn flush(&mut self) -> String {
        let rows = std::mem::take(&mut self.waiting);
        if self.widths.is_some() || rows.is_empty() {
            return String::new();
        }
        let widths = trimmed(self.wanted(&rows), self.screen);
        let mut text = self.header(&widths);
        for row in &rows {
            text.push_str(&self.cells(&widths, row));
        }
        self.widths = Some(widths);
        text
    }

    /// After the last row.
    pub(crate) fn close(&mut self) -> String {
        let text = self.flush();
        if self.widths.take().is_some() { text + "\n\n" } else { text }
    }

    /// The widths the columns would like to have.
    fn wanted(&self, rows: &[Vec<String>]) -> Vec<usize> {
        if self.sample > 0 {
            let widest = |at: usize| {
                let cells = rows.iter().filter_map(|row| row.get(at));
                cells.map(|cell| cell.lines().map(|l| l.chars().count()).max().unwrap_or_default()).max()
            };
            let wanted = |(at, column): (usize, &ColumnLayout)| {
                column.width.unwrap_or_else(|| {
                    widest(at).unwrap_or_default().max(column.label.chars().count()).max(1)
                })
            };
            return self.columns.iter().enumerate().map(wanted).collect();
        }
        let fixed: usize = self.columns.iter().map(|c| c.width.unwrap_or_default()).sum();
        let free = self.columns.iter().filter(|c| c.width.is_none()).count();
        let rest = self.screen.saturating_sub(fixed + self.columns.len().saturating_sub(1));
        let (each, mut more) =
            (rest.checked_div(free).unwrap_or_default(), rest.checked_rem(free).unwrap_or_default());
        let share = |column: &ColumnLayout| {
            column.width.unwrap_or_else(|| {
                let extra = usize::from(more > 0);
                more -= extra;
                (each + extra).max(1)
            })
        };
        self.columns.iter().map(share).collect()
    }

    fn header(&self, widths: &[usize]) -> String {
        let mut text = "\n".to_owned();
        if !self.hide_headers {
            let labels: Vec<String> =
                self.columns.iter().zip(widths).map(|(c, width)| fit(&c.label, *width)).collect();
            let dashes: Vec<String> = labels.iter().map(|l| "-".repeat(l.chars().count())).collect();
            text.push_str(&self.line(widths, &labels));
            text.push_str(&self.line(widths, &dashes));
        }
        text
    }

    fn cells(&self, widths: &[usize], cells: &[String]) -> String {
        if !self.wraps {
            let cut: Vec<String> = widths.iter().zip(cells).map(|(width, cell)| fit(cell, *width)).collect();
            return self.line(widths, &cut);
        }
        let wrapped: Vec<Vec<String>> =
            widths.iter().zip(cells).map(|(width, cell)| wrap(cell, *width)).collect();
        let height = wrapped.iter().map(Vec::len).max().unwrap_or(1);
        let mut text = String::new();
        for at in 0..height {
            let line: Vec<String> = wrapped.iter().map(|c| c.get(at).cloned().unwrap_or_default()).collect();
            text.push_str(&self.line(widths, &line));
        }
        text
    }

    fn line(&self, widths: &[usize], cells: &[String]) -> String {
        let mut text = String::new();
        for (at, ((column, width), cell)) in self.columns.iter().zip(widths).zip(cells).enumerate() {
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
}

/// The widths of the columns that fit on the screen; the last of them may be narrower than it wanted.
fn trimmed(wanted: Vec<usize>, screen: usize) -> Vec<usize> {
    let mut left = screen;
    let mut fitting = Vec::with_capacity(wanted.len());
    for (at, width) in wanted.into_iter().enumerate() {
        let gap = usize::from(at > 0);
        if left <= gap {
            break;
        }
        let width = width.max(1).min(left - gap);
        left -= width + gap;
        fitting.push(width);
    }
    fitting
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(labels: &[(&str, Option<usize>, Alignment)]) -> Vec<ColumnLayout> {
        let layout = |(label, width, alignment): &(&str, Option<usize>, Alignment)| ColumnLayout {
            label: (*label).to_owned(),
            width: *width,
            alignment: *alignment,
        };
        labels.iter().map(layout).collect()
    }

    fn printed(layout: &[(&str, Option<usize>, Alignment)], rows: &[&[&str]], screen: usize) -> String {
        let mut table = TableWriter::new(columns(layout), screen);
        let rows = rows.iter().map(|row| row.iter().map(|c| (*c).to_owned()).collect());
        let text: String = rows.map(|row| table.row(row)).collect();
        text + &table.close()
    }

    #[test]
    fn a_first_width_means_that_the_others_share_the_rest() {
        let layout =
            [("a", Some(3), Alignment::Right), ("b", None, Alignment::Left), ("c", None, Alignment::Left)];
        let text = printed(&layout, &[&["1", "a long text", "x"]], 18);
        assert_eq!(text, "\n  a b      c\n  - -      -\n  1 a l... x\n\n\n");
    }

    #[test]
    fn the_content_decides_otherwise() {
        let layout = [("Name", None, Alignment::Left), ("Items", None, Alignment::Right)];
        let text = printed(&layout, &[&["Nuno", "12"], &["Al", "3"]], 80);
        assert_eq!(text, "\nName Items\n---- -----\nNuno    12\nAl       3\n\n\n");
        assert_eq!(printed(&layout, &[&["a very long name", "3"]], 11), "\nName\n----\na very ...\n\n\n");
    }

    #[test]
    fn only_the_first_rows_wait() {
        let mut table = TableWriter::new(columns(&[("N", None, Alignment::Left)]), 80);
        let text: String = (0..=SAMPLE).map(|n| table.row(vec![n.to_string()])).collect();
        assert!(text.starts_with("\nN\n-\n0\n"));
        assert_eq!(table.row(vec!["100000".into()]), "1...\n");
    }

    #[test]
    fn columns_without_room_are_left_out() {
        assert_eq!(trimmed(vec![40, 50, 30], 80), [40, 39]);
        assert_eq!(trimmed(vec![5, 5], 11), [5, 5]);
        assert_eq!(trimmed(vec![9; 30], 7), [7]);
    }
}
