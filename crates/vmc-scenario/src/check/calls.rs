//! What a `write`, a `read` and a `poll` cannot mean: messages without a length, and waiting for what cannot come.

use super::super::file::{
    BehaviourForm, PatternForm, PollForm, PollResultForm, ReadForm, ReadWord, ResultForm, WriteForm,
};
use super::super::length::{self, Length};
use super::{Apps, Check, Problem, Progress, patience};
use ibmvmc::Errno;
use std::ops::Range;

impl<'a> Apps<'a> {
    pub(super) fn check_write(
        &self,
        form: &'a WriteForm,
        progress: &mut Progress<'a>,
        span: Range<usize>,
    ) -> Check {
        self.must_be_open(progress, &form.file, span.clone())?;
        let round = progress.round;
        check_payload(WRITTEN, (form.bytes.as_ref(), round), &form.pattern, span)?;
        let bytes = |length: &Length| length.get_ref().in_round(round.unwrap_or(0));
        let empty = form.bytes.as_ref().is_some_and(|length| bytes(length) == 0);
        if form.expect == ResultForm::Ok && !empty {
            *progress.unread.entry(&form.file).or_default() += 1;
        }
        Ok(())
    }

    pub(super) fn check_read(
        &self,
        form: &'a ReadForm,
        progress: &mut Progress<'a>,
        span: Range<usize>,
    ) -> Check {
        self.must_be_open(progress, &form.file, span.clone())?;
        if let Some(bytes) = &form.bytes {
            length::check(bytes, progress.round)?;
        }
        patience(form.patience_ms.as_ref())?;
        if form.expect.0.word.is_none() {
            check_payload(
                EXPECTED,
                (form.expect.0.bytes.as_ref(), progress.round),
                &form.expect.0.pattern,
                span.clone(),
            )?;
        }
        let siblings = self.has_siblings(progress) || self.dups.contains(&progress.process);
        let cannot =
            |message: String, remedy: &str| Err(Problem::new(span.clone(), message, remedy));
        match (form.expect.0.word, &self.form.machine.behaviour.0) {
            (Some(ReadWord::Echo), BehaviourForm::Echo) => {
                let unread = progress.unread.entry(&form.file).or_default();
                *unread -= 1;
                if *unread < 0 && !siblings && self.form.fault.is_empty() {
                    return cannot(
                        String::from("this waits for an echo of a message that was never written"),
                        "write a message before it, or read less often",
                    );
                }
                Ok(())
            }
            (Some(ReadWord::Echo), _) => cannot(
                String::from("this waits for an echo, but the hypervisor does not echo"),
                "set behaviour = \"echo\" for the machine, or expect something else",
            ),
            (Some(ReadWord::Event), BehaviourForm::Source(source)) => {
                let read = progress.events.entry(&form.file).or_default();
                *read += 1;
                let sent = *source.events.get_ref();
                if *read > sent && !siblings {
                    return cannot(
                        format!("this waits for event {read}, but the hypervisor sends {sent}"),
                        "raise `events` of the source, or read less often",
                    );
                }
                Ok(())
            }
            (Some(ReadWord::Event), _) => cannot(
                String::from("this waits for an event, but the hypervisor sends none by itself"),
                "set behaviour = { source = { events = 1, bytes = 64 } } for the machine",
            ),
            (Some(ReadWord::Error(Errno::EAGAIN)), _)
                if !self.is_nonblocking(progress, &form.file) =>
            {
                cannot(
                    String::from("a blocking file never returns EAGAIN: this waits forever"),
                    "open the file with nonblock = true",
                )
            }
            (Some(ReadWord::Error(Errno::EINTR)), _) if form.patience_ms.is_none() => {
                self.must_be_interrupted(progress, span)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn check_poll(
        &self,
        form: &PollForm,
        progress: &Progress<'_>,
        span: Range<usize>,
    ) -> Check {
        patience(form.patience_ms.as_ref())?;
        if form.wait && form.expect == PollResultForm::Nothing {
            return Err(Problem::new(
                span,
                "a poll that waits for something never reports nothing",
                "leave `wait` out, or expect what it waits for",
            ));
        }
        if let PollResultForm::Error(ibmvmc::Errno::EINTR) = form.expect {
            if !form.wait {
                return Err(Problem::new(
                    span,
                    "a poll that does not wait is never interrupted",
                    "add wait = true",
                ));
            }
            if form.patience_ms.is_none() {
                self.must_be_interrupted(progress, span.clone())?;
            }
        }
        self.must_be_open(progress, &form.file, span)
    }

    /// Whether the file may have been opened with O_NONBLOCK.
    pub(super) fn is_nonblocking(&self, progress: &Progress<'_>, file: &str) -> bool {
        progress.nonblock.contains(file)
            || self.by_sibling(&self.nonblocking, progress, file)
            || self.by_other_name(&self.nonblocking, progress)
    }

    /// A call of this application waits for a signal, which must come from somewhere.
    fn must_be_interrupted(&self, progress: &Progress<'_>, span: Range<usize>) -> Check {
        if self.is_interrupted(progress.place) || !self.form.fault.is_empty() {
            return Ok(());
        }
        Err(Problem::new(
            span,
            "no step or fault interrupts this application: this never returns",
            "name the application, and add a step { interrupt = \"its name\" } to another",
        ))
    }

    fn is_interrupted(&self, place: usize) -> bool {
        self.interrupted.iter().any(|thread| self.names.apps()[place].numbers.contains(thread))
    }
}

/// A message in a scenario, for errors about it.
struct Payload {
    name: &'static str,
    example: &'static str,
}

const WRITTEN: Payload = Payload { name: "a write", example: "{ write = { bytes = 4096 } }" };
const EXPECTED: Payload =
    Payload { name: "an expected message", example: "{ read = { expect = { bytes = 4096 } } }" };

/// A message is a text, or so many bytes of a pattern.
fn check_payload(
    what: Payload,
    (bytes, round): (Option<&Length>, Option<u32>),
    pattern: &PatternForm,
    span: Range<usize>,
) -> Check {
    match (bytes, pattern) {
        (Some(bytes), PatternForm::Text(_)) => Err(Problem::new(
            bytes.span(),
            "a text has its own length",
            "leave `bytes` out, or choose another pattern",
        )),
        (Some(bytes), _) => length::check(bytes, round),
        (None, PatternForm::Text(_)) => Ok(()),
        (None, _) => Err(Problem::new(
            span,
            format!("{} needs its length", what.name),
            format!("add `bytes`, such as {}", what.example),
        )),
    }
}
