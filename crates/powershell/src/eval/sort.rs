//! A stable sort for orders that scripts make: it ends whatever the comparison says, and counts its work.

use std::cmp::Ordering;

use super::{Interp, Run};

impl Interp<'_> {
    /// Sorts by merging. The standard library's sort may panic where an order contradicts itself, as orders
    /// between numbers, texts and not-a-numbers do.
    pub(crate) fn sort_by<T>(
        &mut self,
        items: Vec<T>,
        mut order: impl FnMut(&T, &T) -> Ordering,
    ) -> Run<Vec<T>> {
        let mut runs: Vec<Vec<T>> = items.into_iter().map(|item| vec![item]).collect();
        while runs.len() > 1 {
            let mut merged = Vec::with_capacity(runs.len().div_ceil(2));
            let mut pairs = runs.into_iter();
            while let Some(left) = pairs.next() {
                match pairs.next() {
                    Some(right) => {
                        self.work(left.len() + right.len())?;
                        merged.push(merge(left, right, &mut order));
                    }
                    None => merged.push(left),
                }
            }
            runs = merged;
        }
        Ok(runs.pop().unwrap_or_default())
    }
}

fn merge<T>(left: Vec<T>, right: Vec<T>, order: &mut impl FnMut(&T, &T) -> Ordering) -> Vec<T> {
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if order(a, b) == Ordering::Greater { right.next() } else { left.next() };
        merged.extend(next);
    }
    merged.extend(left);
    merged.extend(right);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_keeps_the_order_of_equals() {
        let merged = merge(vec![(1, 'a'), (2, 'a')], vec![(1, 'b'), (3, 'b')], &mut |a, b| a.0.cmp(&b.0));
        assert_eq!(merged, [(1, 'a'), (1, 'b'), (2, 'a'), (3, 'b')]);
    }
}
