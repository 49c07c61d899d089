//! What `cargo xtask install-lib` installs is enough to compile, link and run a program in C.

use std::path::Path;
use std::process::Command;

#[test]
fn a_program_in_c_is_compiled_with_what_was_installed() {
    let prefix = Path::new(env!("CARGO_TARGET_TMPDIR")).join("install-lib");
    let _ = std::fs::remove_dir_all(&prefix);
    let mut install = Command::new(env!("CARGO_BIN_EXE_xtask"));
    let installed = install.args(["install-lib", "--debug"]).arg(&prefix).output();
    let installed = installed.expect("the command runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(installed.status.success(), "{}", text(&installed.stderr));
    let listed = text(&installed.stdout);
    assert_eq!(listed.lines().count(), 5, "{listed}");
    assert!(listed.lines().all(|file| Path::new(file).exists()), "{listed}");

    let pc = std::fs::read_to_string(prefix.join("lib/pkgconfig/vmcsim.pc")).expect("it is there");
    assert!(pc.contains(&format!("prefix={}\n", prefix.display())), "{pc}");
    assert!(pc.contains("Version: 1.0\n") && !pc.contains('@'), "{pc}");
    let value = |key: &str| {
        let line = pc.lines().find_map(|line| line.strip_prefix(key)).expect("the key is there");
        let line = line.replace("${libdir}", &prefix.join("lib").display().to_string());
        line.replace("${includedir}", &prefix.join("include").display().to_string())
    };
    // pkg-config, where there is one, says the same.
    let mut pkg_config = Command::new("pkg-config");
    pkg_config.args(["--cflags", "--libs", "vmcsim"]);
    pkg_config.env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"));
    if let Ok(said) = pkg_config.output() {
        let expected = format!("{} {}", value("Cflags: "), value("Libs: "));
        assert_eq!(text(&said.stdout).trim(), expected, "{}", text(&said.stderr));
    }
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/vmcsim-ffi/tests/c");
    let program = prefix.join("handshake");
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-Wall", "-Wextra", "-Werror"]).args(value("Cflags: ").split(' '));
    cc.arg(tests.join("handshake.c")).arg("-o").arg(&program);
    let compiled =
        cc.args(value("Libs: ").split(' ')).output().expect("expected a compiler as `cc`");
    assert!(compiled.status.success(), "{}", text(&compiled.stderr));
    // The program asks for the library by the name of its interface.
    let mut run = Command::new(&program);
    let ran = run.env("LD_LIBRARY_PATH", prefix.join("lib")).output().expect("it starts");
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    assert!(text(&ran.stdout).contains("CRQ INIT COMPLETE"), "{}", text(&ran.stdout));
    assert!(!prefix.join("lib/libvmcsim.so.0").exists());
}
