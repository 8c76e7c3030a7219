//! Chaveiro on the command line: arguments to a command to an exit code.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    chaveiro::cli::run(std::env::args_os())
}
