//! Compiles `jump.c`: a return out of the middle of a call is not possible in Rust.

fn main() {
    println!("cargo::rerun-if-changed=src/jump.c");
    cc::Build::new().file("src/jump.c").warnings_into_errors(true).compile("vmc_driver_host_jump");
}
