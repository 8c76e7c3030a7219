//! The program `chaveiro`: runs the command line.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    chaveiro::cli::run(std::env::args_os())
}
