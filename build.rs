//! The migrations are embedded by a macro, which cannot tell cargo that it read files.

#![expect(clippy::print_stdout, reason = "the way to talk to cargo")]

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
