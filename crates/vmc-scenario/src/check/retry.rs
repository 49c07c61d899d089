//! Steps whose call is made again while it comes to certain errnos.

use super::{Apps, Check, Progress};
use crate::bounds::{self, number};
use crate::error::Problem;
use crate::file::StepForm;
use crate::spanned::Spanned;
use ibmvmc::Errno;

impl Apps<'_> {
    /// A call that is made again must know when and how long; an errno on which it is cannot be its result.
    pub(super) fn check_retry(&self, step: &Spanned<StepForm>, progress: &Progress<'_>) -> Check {
        let Some((errnos, patience_ms)) = step.get_ref().retry() else { return Ok(()) };
        let wrong = |message: String, remedy| Err(Problem::new(step.span(), message, remedy));
        let read = match step.get_ref() {
            StepForm::Read(form) => Some(&form.file),
            _ => None,
        };
        let ms = match (errnos, patience_ms) {
            // The patience of a read alone is an alarm.
            ([], Some(_)) if read.is_none() => {
                return wrong(
                    String::from("this step has patience, but says nothing that it is for"),
                    "add retry = [\"EBUSY\"], or leave `patience-ms` out",
                );
            }
            ([], _) => return Ok(()),
            (_, Some(ms)) => ms,
            (_, None) => {
                return wrong(
                    String::from("this step is tried again and again, and never gives up"),
                    "say for how long, such as patience-ms = 100",
                );
            }
        };
        number("patience-ms", ms, bounds::RETRY_PATIENCE)?;
        let is_retried = |errno| errnos.iter().any(|retried| Errno::from(*retried) == errno);
        if let Some(errno) = step.get_ref().expected_errno().filter(|errno| is_retried(*errno)) {
            return wrong(
                format!("this step expects {errno} and is tried again while it gets {errno}"),
                "expect what comes in the end, or leave the errno out of `retry`",
            );
        }
        if let Some(file) = read
            && is_retried(Errno::EAGAIN)
            && !self.is_nonblocking(progress, file)
        {
            return wrong(
                String::from(
                    "a blocking file never returns EAGAIN: this read is never tried again",
                ),
                "open the file with nonblock = true, or leave `retry` out",
            );
        }
        Ok(())
    }
}
