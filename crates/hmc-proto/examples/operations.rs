//! Prints the part of `OPERATIONS.md` that follows from the code.
#![forbid(unsafe_code)]

fn main() {
    print!("{}", hmc_proto::operations_page());
}
