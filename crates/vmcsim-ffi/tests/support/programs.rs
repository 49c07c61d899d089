//! Programs in C, compiled by the compiler of the machine and linked with the library.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The crate's folder.
pub(crate) fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder in which cargo has put the libraries: that of the tests themselves.
pub(crate) fn libraries() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    test.parent().expect("a test lies in a folder").to_owned()
}

/// The name under which a program that is linked with the shared library asks for it.
fn named_by_interface() {
    let name = libraries().join("libvmcsim.so.1");
    // Another test may be faster.
    let linked = std::os::unix::fs::symlink("libvmcsim.so", &name);
    assert!(linked.is_ok() || name.exists(), "{}: {linked:?}", name.display());
}

/// How a program is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Shared,
    Static,
}

/// Compiles a program of `tests/c`, with all warnings as errors; where it is.
pub(crate) fn compile(name: &str, link: Link) -> PathBuf {
    let program = libraries().join(format!("vmcsim-{name}-{link:?}"));
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pthread", "-I"])
        .arg(folder().join("include"))
        .arg(folder().join("tests/c").join(format!("{name}.c")))
        .arg("-o")
        .arg(&program);
    match link {
        Link::Shared => {
            named_by_interface();
            cc.arg("-L").arg(libraries()).arg("-lvmcsim");
            cc.arg(format!("-Wl,-rpath,{}", libraries().display()));
        }
        Link::Static => {
            cc.arg(libraries().join("libvmcsim.a")).args(["-ldl", "-lm", "-lgcc_s"]);
        }
    }
    let output = cc.output().expect("expected a C compiler as `cc`; install gcc");
    assert!(output.status.success(), "{name}.c: {}", String::from_utf8_lossy(&output.stderr));
    program
}

/// Runs a program, which is to succeed; what it has printed.
pub(crate) fn run(program: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("the program starts");
    text(&output)
}

/// What a program has printed, which is to have succeeded.
pub(crate) fn text(output: &Output) -> String {
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{printed}\n{errors}", output.status);
    printed
}
