//! `ioctl()` by its number: what the number asks for decides what the argument points to and its possible results.

use super::{Check, hmc_id, may_succeed};
use crate::bounds::{self, number};
use crate::error::Problem;
use crate::file::ResultForm;
use crate::ioctl::IoctlForm;
use ibmvmc::{Command, Errno};
use std::ops::Range;

pub(super) fn check(form: &IoctlForm, span: Range<usize>) -> Check {
    number("number", &form.number, bounds::FOUR_BYTES)?;
    let command = form.command();
    let wrong = |span, message: String, remedy: &str| Err(Problem::new(span, message, remedy));
    if let Some(id) = &form.id {
        hmc_id(id.get_ref(), &id.span())?;
        if command != Some(Command::SetHmcId) {
            return wrong(
                id.span(),
                format!("the ioctl {:#010x} takes no HMC ID", form.number.get_ref()),
                "leave `id` out, or use the number of SETHMCID: 0x4008CC00 on x86-64, 0x8008CC00 on ppc64",
            );
        }
        if form.fault {
            return wrong(
                id.span(),
                String::from("memory that is not there holds no HMC ID"),
                "leave `id` or `fault` out",
            );
        }
    } else if command == Some(Command::SetHmcId) && !form.fault {
        return wrong(
            span,
            String::from("this SETHMCID has no HMC ID to copy"),
            "add id = \"HMC-A\", or fault = true for memory that is not there",
        );
    }
    if command.is_none() && form.expect == ResultForm::Ok {
        return wrong(
            span,
            format!("the driver has no ioctl {:#010x}: it returns EINVAL", form.number.get_ref()),
            "add expect = \"EINVAL\", or use a number of SETHMCID, QUERY or REQUESTVMC",
        );
    }
    if form.fault && form.expect == ResultForm::Ok {
        return wrong(
            span,
            String::from(
                "an ioctl whose argument points to memory that is not there never succeeds",
            ),
            "add expect = \"EFAULT\", or leave `fault` out",
        );
    }
    Ok(())
}

/// Whether it may give the file a session.
pub(super) fn opens_session(form: &IoctlForm) -> bool {
    form.command() == Some(Command::SetHmcId) && may_succeed(form.expect)
}

/// Whether it asks the hypervisor for a VMC, and gets it: also if its index cannot be copied to the caller then.
pub(super) fn requests_vmc(form: &IoctlForm) -> bool {
    let succeeds = matches!(form.expect, ResultForm::Ok | ResultForm::Error(Errno::EFAULT));
    form.command() == Some(Command::RequestVmc) && succeeds
}
