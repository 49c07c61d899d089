//! Rules about HMC commands.

use super::{milliseconds, wrong_point};
use crate::command;
use crate::error::Problem;
use crate::fault::{ActForm, JobFaultForm, PointForm, WhenForm};
use crate::spanned::Spanned;
use crate::words::{self, ANY, BUSY};
use hmc_proto::{Effect, Operation, ReturnCode};
use vmc_machine::fault::{Act, CommandPoint, Occasion};
use vmc_proto::{CommandFault, ShortCode};

/// Operations that start a job, and whether it is a partition's: then it can fail with a reference code.
const WITH_JOB: [(Operation, bool); 5] = [
    (Operation::PowerOn, true),
    (Operation::PowerOff, true),
    (Operation::Restart, true),
    (Operation::SystemOn, false),
    (Operation::SystemOff, false),
];

/// A command of this operation.
pub(super) fn occasion(when: &WhenForm, name: &Spanned<String>) -> Result<Occasion, Problem> {
    let operation = match name.get_ref().as_str() {
        ANY => None,
        _ => Some(operation(name)?.number()),
    };
    let partition = when.partition.as_ref().map(|name| name.get_ref().clone());
    let ns = milliseconds("ms", when.ms.as_ref())?;
    Ok(Occasion::Command { operation, partition, at: point(when)?, ns })
}

fn operation(name: &Spanned<String>) -> Result<Operation, Problem> {
    let operation = command::operation(name)?;
    match operation.effect() {
        Effect::Event => Err(Problem::new(
            name.span(),
            format!("{operation} is what the hypervisor's side sends"),
            "wait for a command of an application",
        )),
        _ => Ok(operation),
    }
}

fn point(when: &WhenForm) -> Result<CommandPoint, Problem> {
    match when.at {
        None | Some(PointForm::Before) => Ok(CommandPoint::Before),
        Some(PointForm::After) => Ok(CommandPoint::After),
        Some(_) => Err(wrong_point(when, "`before`, `after`")),
    }
}

/// What is done to a command; `None` for an act that is not about commands.
pub(super) fn act(when: &WhenForm, act: &Spanned<ActForm>) -> Result<Option<Act>, Problem> {
    let point = point(when)?;
    let is_done = point == CommandPoint::After;
    let fault = match act.get_ref() {
        ActForm::Answer(_) | ActForm::Job(_) if is_done => {
            return Err(Problem::new(
                act.span(),
                "this can be done only to a command that is not done yet",
                "leave `at` out",
            ));
        }
        ActForm::Answer(code) => answer(code)?,
        ActForm::Drop if is_done => CommandFault::AnswerLost,
        ActForm::Drop => CommandFault::Lost,
        ActForm::DelayMs(ms) => CommandFault::AnswerLate(milliseconds("delay-ms", Some(ms))?),
        ActForm::Job(form) => {
            starts_a_job(when, act, form)?;
            job_fault(form)?
        }
        _ => return Ok(None),
    };
    Ok(Some(Act::Command(fault)))
}

/// A return code by its name, or the code of a refusal.
fn answer(code: &Spanned<String>) -> Result<CommandFault, Problem> {
    let text = code.get_ref();
    if text == BUSY.0 {
        return Ok(CommandFault::Answered(BUSY.1.0));
    }
    if let Some(refusal) = ShortCode::new(text).filter(|_| is_code_of_refusal(text)) {
        return Ok(CommandFault::Refused(refusal));
    }
    let named = |known: &&ReturnCode| known.name() == Some(text.as_str());
    match ReturnCode::NAMED.iter().find(named) {
        // Its data would be a refusal's.
        Some(&ReturnCode::ERROR) => Err(Problem::new(
            code.span(),
            format!("`{text}` is the return code of a refusal"),
            "write the refusal's code, as in `HSCL3205`",
        )),
        Some(known) => Ok(CommandFault::Answered(known.0)),
        None => {
            let names = ReturnCode::NAMED.iter().filter_map(|code| code.name());
            let names: Vec<_> = std::iter::once(BUSY.0).chain(names).collect();
            let remedy = words::instead(text, names);
            Err(Problem::new(
                code.span(),
                format!("no command is answered with `{text}`"),
                format!("{remedy}; or write the code of a refusal, as in `HSCL3205`"),
            ))
        }
    }
}

/// Four letters, and then four to eight hexadecimal digits, as in `HSCL05DE` and `PVME01050905`.
fn is_code_of_refusal(text: &str) -> bool {
    let digits = text.get(4..).unwrap_or_default();
    (4..=8).contains(&digits.len())
        && text.bytes().take(4).all(|byte| byte.is_ascii_uppercase())
        && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'))
}

/// The operation must start a job, one of a partition if it is to fail.
fn starts_a_job(
    when: &WhenForm,
    act: &Spanned<ActForm>,
    form: &JobFaultForm,
) -> Result<(), Problem> {
    let fails = matches!(form, JobFaultForm::Fails(_));
    let Some(name) = &when.command else { return Ok(()) };
    let fitting = WITH_JOB.iter().filter(|(_, of_partition)| *of_partition || !fails);
    let names: Vec<_> = fitting.map(|(operation, _)| operation.name()).collect();
    if names.contains(&name.get_ref().as_str()) {
        return Ok(());
    }
    let message = match fails {
        true => "only the job of a partition fails with a reference code",
        false => "only some commands start a job",
    };
    Err(Problem::new(act.span(), message, format!("wait for one of `{}`", names.join("`, `"))))
}

pub(super) fn job_fault(form: &JobFaultForm) -> Result<CommandFault, Problem> {
    Ok(match form {
        JobFaultForm::NeverEnds => CommandFault::JobEndless,
        JobFaultForm::DelayMs(ms) => CommandFault::JobLate(milliseconds("delay-ms", Some(ms))?),
        JobFaultForm::Fails(code) => {
            let text = code.get_ref();
            let bytes = text.as_bytes().try_into().ok();
            let known = bytes.and_then(managed_system::Code::of_firmware);
            let known = known.and_then(|_| ShortCode::new(text));
            CommandFault::JobFails(known.ok_or_else(|| {
                Problem::new(
                    code.span(),
                    format!("`{text}` is no reference code"),
                    "write eight hexadecimal digits in capitals, as in `BA210001`",
                )
            })?)
        }
    })
}
