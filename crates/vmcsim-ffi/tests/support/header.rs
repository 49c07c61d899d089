//! The header of the library, made of its sources.

use cbindgen::{Builder, Config, DocumentationStyle, Language, Style};
use std::path::{Path, PathBuf};

/// What stands above everything else.
const HEAD: &str = "/*
 * vmcsim: the simulated PowerVM hypervisor, for programs in C.
 *
 * Made by cbindgen of the crate vmcsim-ffi; edit the sources there.
 *
 * A machine has two partitions, each with memory, windows of I/O addresses (TCEs) and a queue (CRQ), which the hypervisor
 * connects. The program is the management partition: it makes its hcalls, reads and writes its memory, and is given
 * its interrupts. The library has the other side, the VMC service, in the platform partition. A run begins so:
 *
 *     struct vmcsim_config config = {.size = sizeof config, .abi_version = VMCSIM_ABI_VERSION, .flags = VMCSIM_TRACE};
 *     vmcsim_machine machine;
 *     if (vmcsim_create(&config, &machine) != VMCSIM_OK)
 *             ...vmcsim_last_error...
 *     vmcsim_order(machine, VMCSIM_PLATFORM, VMCSIM_START);
 *     ...H_PUT_TCE for the pages of a queue, H_REG_CRQ, H_SEND_CRQ of an INIT...
 *     vmcsim_service_run(machine, UINT64_MAX, &progress);
 *
 * A driver that the scenarios are to run (`cargo xtask sim --driver`) needs none of these functions, and no library: it gives
 * the functions of struct vmcsim_driver and calls those of struct vmcsim_services, below.
 *
 * Errors. Every function but vmcsim_hcall and vmcsim_inject returns a status: VMCSIM_OK, VMCSIM_TIMEOUT or VMCSIM_E_..., which
 * are below -65536. With an error nothing was done, unless the function says otherwise; vmcsim_last_error tells in
 * words what was wrong. Pointers are checked as far as they can be: null, alignment, the end of the address space.
 * Every function may return VMCSIM_E_PANIC, for a fault of the library.
 *
 * Threads. A function may be called on any thread, by several at the same time, unless it says otherwise. What one thread
 * stores in a partition's memory before an hcall, the partner sees after it has taken the entry of that call.
 *
 * Structures begin with their size, so that they can grow. Set `size` to sizeof; fields that a program was not compiled
 * with are zero for the library, which stands for a default. Output of a later version is cut to the size.
 */
";

/// The sources that the header is made of, in the order of its parts.
const SOURCES: [&str; 9] = [
    "src/abi.rs",
    "src/opcodes.rs",
    "src/exports/life.rs",
    "src/exports/calls.rs",
    "src/exports/interrupt.rs",
    "src/exports/tree.rs",
    "src/exports/operator.rs",
    "src/exports/trace.rs",
    "src/driver.rs",
];

/// Where the header lies.
pub(crate) fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("include/vmcsim.h")
}

/// The header as it is to be.
pub(crate) fn generated() -> String {
    let mut config = Config {
        language: Language::C,
        style: Style::Both,
        cpp_compat: true,
        usize_is_size_t: true,
        header: Some(HEAD.to_owned()),
        include_guard: Some(String::from("VMCSIM_H")),
        no_includes: true,
        sys_includes: vec![String::from("stddef.h"), String::from("stdint.h")],
        documentation_style: DocumentationStyle::Doxy,
        line_length: 100,
        tab_width: 8,
        ..Config::default()
    };
    // No function of the library takes these: a driver's library has the function.
    config.export.include = vec![String::from("vmcsim_driver_entry_fn")];
    config.function.sort_by = Some(cbindgen::SortKey::None);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let builder = SOURCES.iter().fold(Builder::new().with_config(config), |builder, source| {
        builder.with_src(folder.join(source))
    });
    let mut text = Vec::new();
    builder.generate().expect("the sources are read").write(&mut text);
    String::from_utf8(text).expect("a header is text")
}
