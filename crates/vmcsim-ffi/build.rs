//! Names the shared library by the major number of its interface, so that a program finds the one it was linked with.

/// The major number of `VMCSIM_ABI_VERSION`, to which `src/abi.rs` compares it.
const ABI_MAJOR: u32 = 1;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=VMCSIM_ABI_MAJOR={ABI_MAJOR}");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libvmcsim.so.{ABI_MAJOR}");
    }
}
