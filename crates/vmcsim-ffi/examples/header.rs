//! Writes `include/vmcsim.h`.

#[path = "../tests/support/header.rs"]
mod header;

fn main() -> std::io::Result<()> {
    std::fs::write(header::path(), header::generated())
}
