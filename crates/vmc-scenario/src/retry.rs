//! Which calls can be made again, and on which errnos.

use super::file::{ReadWord, ResultForm, StepForm};
use super::spanned::Number;
use schemars::JsonSchema;
use serde::Deserialize;

/// An errno that passes: the same call may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum RetryForm {
    /// No buffer is available, no index is free, the channel is not ready, or the queue is full.
    Ebusy,
    /// A read without a message on a file with `O_NONBLOCK`; Linux: the channel is not ready.
    Eagain,
    /// Linux: an index has no seed buffer.
    Enobufs,
}

impl From<RetryForm> for ibmvmc::Errno {
    fn from(form: RetryForm) -> ibmvmc::Errno {
        match form {
            RetryForm::Ebusy => ibmvmc::Errno::EBUSY,
            RetryForm::Eagain => ibmvmc::Errno::EAGAIN,
            RetryForm::Enobufs => ibmvmc::Errno::ENOBUFS,
        }
    }
}

impl StepForm {
    /// On which errnos its call is made again, and for how long; `None` for a step that cannot.
    pub(super) fn retry(&self) -> Option<(&[RetryForm], Option<&Number>)> {
        let (errnos, patience_ms) = match self {
            StepForm::Open(form) => (&form.retry, &form.patience_ms),
            StepForm::SetHmcId(form) => (&form.0.retry, &form.0.patience_ms),
            StepForm::Write(form) => (&form.retry, &form.patience_ms),
            StepForm::Read(form) => (&form.retry, &form.patience_ms),
            StepForm::RequestVmc(form) => (&form.retry, &form.patience_ms),
            StepForm::Ioctl(form) => (&form.retry, &form.patience_ms),
            _ => return None,
        };
        Some((errnos, patience_ms.as_ref()))
    }

    /// The errno that its call must come to.
    pub(super) fn expected_errno(&self) -> Option<ibmvmc::Errno> {
        let expect = match self {
            StepForm::Open(form) => form.expect,
            StepForm::SetHmcId(form) => form.0.expect,
            StepForm::Write(form) => form.expect,
            StepForm::RequestVmc(form) => form.expect,
            StepForm::Ioctl(form) => form.expect,
            StepForm::Read(form) => match form.expect.0.word {
                Some(ReadWord::Error(errno)) => return Some(errno),
                _ => return None,
            },
            _ => return None,
        };
        match expect {
            ResultForm::Error(errno) => Some(errno),
            ResultForm::Ok | ResultForm::Any => None,
        }
    }
}
