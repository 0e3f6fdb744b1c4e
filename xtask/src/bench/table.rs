//! Figures of several servers over several rounds, as a table of medians with ratios.

use std::fmt::Write as _;

use serde_json::Value;

/// One figure of one measurement, for all servers.
#[derive(Debug)]
struct Row {
    name: String,
    figure: String,
    /// Server and what each round gave, in the order of arrival.
    values: Vec<(String, Vec<f64>)>,
}

/// The figures so far.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// Takes some figures of one measurement.
    pub(super) fn add(&mut self, label: &str, name: &str, figures: &Value, wanted: &[&str]) {
        for &figure in wanted {
            let Some(value) = figures[figure].as_f64() else { continue };
            let at =
                self.rows.iter().position(|r| r.name == name && r.figure == figure).unwrap_or_else(|| {
                    self.rows.push(Row {
                        name: name.to_owned(),
                        figure: figure.to_owned(),
                        values: Vec::new(),
                    });
                    self.rows.len() - 1
                });
            let values = &mut self.rows[at].values;
            match values.iter_mut().find(|(l, _)| l == label) {
                Some((_, list)) => list.push(value),
                None => values.push((label.to_owned(), vec![value])),
            }
        }
    }

    /// One line for each figure: the median for each server, and how many times the first server's figure is
    /// the second's.
    pub(super) fn text(&self) -> String {
        let mut labels: Vec<&str> = Vec::new();
        for (label, _) in self.rows.iter().flat_map(|row| &row.values) {
            if !labels.contains(&label.as_str()) {
                labels.push(label);
            }
        }
        let mut out = format!("{:<20} {:<22}", "", "");
        for label in &labels {
            _ = write!(out, " {label:>22}");
        }
        out.push_str("   ratio\n");
        for row in &self.rows {
            _ = write!(out, "{:<20} {:<22}", row.name, row.figure);
            let median_of =
                |label: &str| row.values.iter().find(|(l, _)| l == label).map(|(_, list)| median(list));
            for label in &labels {
                _ = match median_of(label) {
                    Some(value) => write!(out, " {:>22}", shown(value)),
                    None => write!(out, " {:>22}", "-"),
                };
            }
            if let [first, second, ..] = labels[..]
                && let (Some(first), Some(second)) = (median_of(first), median_of(second))
                && second > 0.0
            {
                _ = write!(out, " {:>7.2}", first / second);
            }
            out.push('\n');
        }
        out
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Large figures without decimals, small ones with.
fn shown(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_medians_and_ratios() {
        let mut table = Table::default();
        for (label, value) in [("ours", 300.0), ("theirs", 50.0), ("ours", 100.0), ("ours", 200.0)] {
            table.add(label, "ingest", &serde_json::json!({ "per_s": value }), &["per_s", "missing"]);
        }
        let text = table.text();
        let line = text.lines().nth(1).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words, ["ingest", "per_s", "200", "50.0", "4.00"], "{text}");
    }
}
