//! Ctrl+C: what runs is stopped and the shell goes on. A second one, where the first did not help, ends the shell.

use std::{
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use signal_hook::{consts::SIGINT, flag};

use crate::error::ServerError;

/// What a shell exits with that was interrupted: 128 and the signal's number.
pub(super) const EXIT_CODE: u8 = 130;

/// How often somebody who waits for input looks for it.
const LOOK: &Timespec = &Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Whether Ctrl+C was pressed.
#[derive(Clone)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on the signal ends nothing by itself.
    pub(super) fn listen() -> Result<Self, ServerError> {
        let failed = |error| ServerError::io("cannot listen for Ctrl+C", error);
        let pressed = Arc::new(AtomicBool::new(false));
        // In this order: the second press finds the first one's mark.
        flag::register_conditional_shutdown(SIGINT, EXIT_CODE.into(), pressed.clone()).map_err(failed)?;
        flag::register(SIGINT, pressed.clone()).map_err(failed)?;
        Ok(Self(pressed))
    }

    /// Whether it was pressed since the last [`Interrupt::clear`].
    pub(super) fn came(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Waits until something can be read; true where Ctrl+C comes before.
    pub(super) fn comes_first(&self, input: &impl AsFd) -> bool {
        while !self.came() {
            // The signal ends the wait at once; one that comes just before it is seen after it.
            match poll(&mut [PollFd::new(input, PollFlags::IN)], Some(LOOK)) {
                Ok(0) | Err(Errno::INTR) => {}
                // Who reads hears of any error. What was typed after Ctrl+C is no answer any more.
                Ok(_) | Err(_) => return self.came(),
            }
        }
        true
    }

    /// What comes next is not stopped.
    pub(super) fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
