//! The programs as a person calls them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const INVENTORY: &str = r#"
name = "vmc1"
[[partition]]
name = "mgmt"
management = true
memory-mb = { desired = 2048 }
processors = { desired = 1 }
[[partition]]
name = "vios1"
type = "vios"
state = "running"
memory-mb = { desired = 2048 }
processors = { desired = 1 }
volume = [{ name = "hdisk0", size-mb = 20480 }]
"#;

/// An inventory that goes with the test.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> File {
        let path = std::env::temp_dir().join(format!("{name}-{}.toml", std::process::id()));
        std::fs::write(&path, text).expect("a file");
        File(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

const HMC: &str = env!("CARGO_BIN_EXE_hmc");
const PVMCTL: &str = env!("CARGO_BIN_EXE_pvmctl");

fn run(program: impl AsRef<Path>, words: &[&str], input: &str) -> (i32, String, String) {
    let mut child = Command::new(program.as_ref())
        .args(words)
        .env_remove("VMC_MGMT_DATA")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut stdin = child.stdin.take().expect("an input");
    // A program that does not read has ended already.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let Output { status, stdout, stderr } = child.wait_with_output().expect("an end");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code().expect("a code"), text(stdout), text(stderr))
}

#[test]
fn a_system_of_an_inventory_lives_as_long_as_the_command() {
    let file = File::new("hmc-inventory", INVENTORY);
    let path = file.0.to_str().expect("a path");
    let listed = (0, String::from("mgmt:Running\nvios1:Running\n"), String::new());
    let words = ["--inventory", path, "lssyscfg", "-r", "lpar", "-m", "vmc1", "-F", "name:state"];
    assert_eq!(run(HMC, &words, ""), listed);
    let whole = ["--inventory", path, "lssyscfg -r lpar -m vmc1 -F name:state"];
    assert_eq!(run(HMC, &whole, ""), listed);
    let failed = run(HMC, &["--inventory", path, "rmsyscfg -r lpar -m vmc1 -n nope"], "");
    assert!(
        failed.0 == 1 && failed.1.starts_with("HSCL8012 ") && failed.2.is_empty(),
        "{failed:?}"
    );
}

#[test]
fn command_lines_come_from_the_standard_input() {
    let file = File::new("hmc-input", INVENTORY);
    let path = file.0.to_str().expect("a path");
    let record =
        "name=a,lpar_env=aixlinux,profile_name=p,min_mem=1024,desired_mem=1024,max_mem=1024";
    let lines = format!(
        "# One partition\nmksyscfg -r lpar -m vmc1 -i {record}\n\nchsysstate -r lpar -m vmc1 -o on -n a\n\
         lssyscfg -r lpar -m vmc1 -F name,state\nlssyscfg -r lpar -m vmc1 --filter lpar_names=b\n"
    );
    let (code, stdout, _) = run(HMC, &["--inventory", path, "-"], &lines);
    let (listed, failed) = stdout.split_once("HSCL8012 ").expect("a failure");
    assert_eq!((code, listed), (1, "mgmt,Running\nvios1,Running\na,Running\n"), "{failed}");
    // NovaLink's tool has the other dialect by itself.
    let pvmctl = "lpar create --name x --proc 1 --mem 1024\nlpar list -d LogicalPartition.name --hide-label\n";
    let (code, stdout, stderr) = run(PVMCTL, &["--inventory", path, "-"], pvmctl);
    assert_eq!((code, &*stdout, &*stderr), (0, "mgmt\nvios1\nx\n", ""));
    let refused =
        run(HMC, &["--inventory", path, "--dialect", "novalink", "lssyscfg -r prof -m vmc1"], "");
    assert!(refused.1.starts_with("HSCLA4A0 "), "{refused:?}");
}

#[test]
fn a_link_that_has_a_command_s_name_is_that_command() {
    let folder = std::env::temp_dir().join(format!("hmc-link-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let link = folder.join("lssyscfg");
    std::os::unix::fs::symlink(HMC, &link).expect("a link");
    let (code, stdout, stderr) = run(&link, &["-r", "lpar", "--help"], "");
    assert!(code == 0 && stdout.contains("Usage: hmc lssyscfg"), "{stdout}{stderr}");
    let (code, _, stderr) = run(&link, &["-r", "sys"], "");
    assert!(code == 2 && stderr.contains("expected --data DIR"), "{stderr}");
    std::fs::remove_dir_all(folder).expect("it goes");
}

#[test]
fn what_is_missing_is_told() {
    let (code, stdout, stderr) = run(HMC, &["lssyscfg", "-r", "sys"], "");
    assert_eq!((code, &*stdout), (2, ""));
    assert!(stderr.starts_with("hmc: expected --data DIR (or VMC_MGMT_DATA)"), "{stderr}");
    let (code, _, stderr) = run(PVMCTL, &["--data", "/nowhere", "lpar", "list"], "");
    assert!(code == 2 && stderr.contains("/nowhere/command-line cannot be read"), "{stderr}");
    let (code, _, stderr) = run(HMC, &["--inventory", "/nowhere.toml", "lssyscfg -r sys"], "");
    assert!(code == 2 && stderr.contains("/nowhere.toml"), "{stderr}");
}

#[test]
fn help_names_the_commands() {
    let (code, stdout, _) = run(HMC, &["--help"], "");
    assert!(
        code == 0 && stdout.contains("--inventory") && stdout.contains("viosvrcmd"),
        "{stdout}"
    );
    let (code, stdout, _) = run(PVMCTL, &["lpar", "create", "--help"], "");
    assert!(code == 0 && stdout.contains("Usage: pvmctl lpar create"), "{stdout}");
    let (code, stdout, _) = run(HMC, &["--completions", "bash"], "");
    assert!(code == 0 && stdout.contains("_hmc()"), "{stdout}");
}
