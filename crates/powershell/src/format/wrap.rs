//! Long texts in lines: broken after blanks, and inside a word only where it is longer than a line.

/// Lines of at most `width` characters. A blank at a break stays at the end of its line.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.lines() {
        wrap_line(line, width.max(1), &mut lines);
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

fn wrap_line(line: &str, width: usize, lines: &mut Vec<String>) {
    if line.chars().count() <= width {
        lines.push(line.to_owned());
        return;
    }
    let (mut open, mut left) = (String::new(), width);
    for word in line.split_inclusive([' ', '\t']) {
        let length = word.chars().count();
        if length <= width {
            if length > left {
                lines.push(std::mem::take(&mut open));
                left = width;
            }
            open.push_str(word);
            left -= length;
            continue;
        }
        for c in word.chars() {
            if left == 0 {
                lines.push(std::mem::take(&mut open));
                left = width;
            }
            open.push(c);
            left -= 1;
        }
    }
    lines.push(open);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_whole_where_they_fit() {
        for (text, width, lines) in [
            ("one two three", 8, &["one two ", "three"][..]),
            ("one two", 7, &["one two"]),
            ("abcdefgh", 3, &["abc", "def", "gh"]),
            ("a abcdefgh", 4, &["a ab", "cdef", "gh"]),
            ("a\nb", 9, &["a", "b"]),
            ("", 9, &[""]),
        ] {
            assert_eq!(wrap(text, width), lines, "{text}");
        }
    }
}
