//! The program `chaveiro`: runs the command line.

use mimalloc::MiMalloc;
use zeroizing_alloc::ZeroAlloc;

/// Wipes memory when it is freed. Secrets pass through buffers of the HTTP and JSON libraries, which do not wipe them.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<MiMalloc> = ZeroAlloc(MiMalloc);

fn main() -> std::process::ExitCode {
    chaveiro::cli::run(std::env::args_os())
}
