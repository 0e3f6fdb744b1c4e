//! Counting who is there: places by key, given back when their holders go.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Places taken, by key.
#[derive(Debug)]
pub struct Census<K>(Mutex<HashMap<K, usize>>);

/// A place taken; given back when dropped.
#[derive(Debug)]
pub struct Place<K: Eq + Hash> {
    census: Arc<Census<K>>,
    key: K,
}

impl<K> Default for Census<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Clone> Census<K> {
    /// Takes a place for `key`; `None` where `most` are taken.
    pub fn admit(self: &Arc<Self>, key: K, most: usize) -> Option<Place<K>> {
        let mut counts = self.counts();
        let count = counts.entry(key.clone()).or_default();
        if *count >= most {
            if *count == 0 {
                counts.remove(&key);
            }
            return None;
        }
        *count += 1;
        Some(Place { census: Arc::clone(self), key })
    }
}

impl<K> Census<K> {
    /// A panic elsewhere leaves the counts right: none happens between two changes.
    fn counts(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut counts = self.census.counts();
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_by_key_and_come_back() {
        let census = Arc::new(Census::default());
        let (first, _second) = (census.admit("a", 2).unwrap(), census.admit("a", 2).unwrap());
        assert!(census.admit("a", 2).is_none());
        assert!(census.admit("b", 2).is_some());
        assert!(census.admit("c", 0).is_none());
        drop(first);
        assert!(census.admit("a", 2).is_some());
        assert_eq!(census.counts().len(), 1, "who is not there takes no room");
    }
}
