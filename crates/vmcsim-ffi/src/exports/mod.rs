//! The functions of `vmcsim.h`. Their documentation is that of the header: it is written for callers in C.

mod calls;
mod interrupt;
mod life;
mod operator;
mod trace;
mod tree;

pub use calls::*;
pub use interrupt::*;
pub use life::*;
pub use operator::*;
pub use trace::*;
pub use tree::*;
