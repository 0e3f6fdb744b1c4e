//! Lines against patterns: the longest common run of matches, used to show a difference and to bless one.

use super::pattern::{Pattern, Variables};

/// One line of an alignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Aligned {
    /// Pattern and line, by index, match.
    Both(usize, usize),
    /// A pattern that nothing matched.
    Missing(usize),
    /// A line that nothing expected.
    Extra(usize),
}

/// Aligns patterns with lines so that as many as possible match. Quadratic; for outputs of some hundred lines.
/// Variables captured by earlier patterns are not seen by later ones here.
pub(crate) fn align(patterns: &[Pattern], lines: &[String], variables: &Variables) -> Vec<Aligned> {
    let fits: Vec<Vec<bool>> = patterns
        .iter()
        .map(|p| lines.iter().map(|l| matches!(p.matches(l, variables), Ok(Some(_)))).collect())
        .collect();
    let (m, n) = (patterns.len(), lines.len());
    let mut best = vec![vec![0usize; n + 1]; m + 1];
    for i in (0..m).rev() {
        for j in (0..n).rev() {
            best[i][j] = if fits[i][j] { best[i + 1][j + 1] + 1 } else { best[i + 1][j].max(best[i][j + 1]) };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut out = Vec::with_capacity(m + n);
    while i < m || j < n {
        if i < m && j < n && fits[i][j] {
            out.push(Aligned::Both(i, j));
            (i, j) = (i + 1, j + 1);
        } else if i < m && (j == n || best[i + 1][j] >= best[i][j + 1]) {
            out.push(Aligned::Missing(i));
            i += 1;
        } else {
            out.push(Aligned::Extra(j));
            j += 1;
        }
    }
    out
}

/// The alignment as people read it: `-` expected and missing, `+` received and not expected.
pub(crate) fn show(patterns: &[Pattern], lines: &[String], variables: &Variables) -> String {
    let line = |aligned: &Aligned| match aligned {
        Aligned::Both(_, j) => format!("    {}\n", lines[*j]),
        Aligned::Missing(i) => format!("  - {}\n", patterns[*i].source()),
        Aligned::Extra(j) => format!("  + {}\n", lines[*j]),
    };
    align(patterns, lines, variables).iter().map(line).collect()
}

/// What the patterns should become so that they match the lines: those that still match are kept.
pub(crate) fn bless(patterns: &[Pattern], lines: &[String], variables: &Variables) -> Vec<String> {
    align(patterns, lines, variables)
        .iter()
        .filter_map(|aligned| match aligned {
            Aligned::Both(i, _) => Some(patterns[*i].source().to_owned()),
            Aligned::Missing(_) => None,
            Aligned::Extra(j) => Some(Pattern::literal(&lines[*j])),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(patterns: &[&str]) -> Vec<Pattern> {
        patterns.iter().map(|p| Pattern::parse(p)).collect()
    }
    fn owned(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|&l| l.to_owned()).collect()
    }

    #[test]
    fn keeps_what_matches_and_replaces_the_rest() {
        let patterns = parsed(&["Name  : {*}", "Alias : x", "gone"]);
        let lines = owned(&["new {*}", "Name  : Nuno", "Alias : y"]);
        let blessed = bless(&patterns, &lines, &Variables::new());
        assert_eq!(blessed, ["new {{*}", "Name  : {*}", "Alias : y"]);
        let shown = show(&patterns, &lines, &Variables::new());
        assert_eq!(shown, "  + new {*}\n    Name  : Nuno\n  - Alias : x\n  - gone\n  + Alias : y\n");
    }
}
