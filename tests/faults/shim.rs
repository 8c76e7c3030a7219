//! The library that makes system calls of the server fail (`shim.c`), built with the C compiler of the machine.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::support::{Program, Service, Serving, finish};

/// Returns the built library; says that the test is skipped without a C compiler.
#[track_caller]
pub(crate) fn library() -> Option<&'static Path> {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let compiler = Service::find_program("cc")?;
    Some(BUILT.get_or_init(|| {
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("shim-{}.so", std::process::id()));
        let mut build = Command::new(compiler);
        build.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&library);
        build.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/shim.c")).args(["-ldl", "-lpthread"]);
        let built = finish(build);
        assert_eq!(built.code, 0, "{}", built.stderr);
        library
    }))
}

/// The command that serves with the library, which is about the files of the database.
pub(crate) fn serve_command(program: &Program, library: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("LD_PRELOAD", library).env("SHIM_PART", "vault.sqlite").envs(variables.iter().copied());
    command
}

/// Serves with the library.
#[track_caller]
pub(crate) fn serve(program: &Program, library: &Path, variables: &[(&str, &str)]) -> Serving {
    Serving::start(serve_command(program, library, variables))
}
