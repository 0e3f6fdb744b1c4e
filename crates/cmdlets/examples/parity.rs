//! Prints which documented cmdlets are built: `cargo xtask cmdlet-parity`.
#![expect(clippy::print_stdout, reason = "a command line tool")]

fn main() {
    let (built, known) = cmdlets::counts();
    print!("{}\n{built} of {known} documented cmdlets are built.\n", cmdlets::table());
}
