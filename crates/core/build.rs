//! The migrations are embedded by a macro, which cannot tell cargo that it read files.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
