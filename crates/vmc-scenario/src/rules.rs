//! From fault rules as they are written to rules that can fire, and what cannot be meant.

mod commands;

use super::bounds::{self, Bounds, number};
use super::check::{must_route, version};
use super::error::Problem;
use super::fault::{
    AccessForm, ActForm, CallForm, EntryForm, FaultForm, FieldsForm, OCCASIONS, PartitionFaultWord,
    PointForm, RequestForm, SENDABLE, SendForm, SideForm, TimesForm, WhenForm, WindowForm,
};
use super::file::ScenarioForm;
use super::names::Names;
use super::spanned::{Number, Spanned};
use crate::words;
use papr::{Access, CrqEntry, HcallName, ReturnCode, TransportEvent};
use vmc_machine::fault::{
    Act, CallKind, EntryKind, HcallPoint, MessagePoint, Occasion, Patch, RdmaEnd, Rule, Template,
    Trigger,
};
use vmc_proto::{HmcIndex, MessageType, PartitionFault, Status};
use vmc_trace::{ChannelState, SessionState, Side};

/// The rules of a scenario, in its order.
pub(super) fn rules(form: &ScenarioForm, names: &Names) -> Result<Vec<Rule>, Problem> {
    for (place, fault) in form.fault.iter().enumerate() {
        let name = &fault.get_ref().name;
        let same = |other: &&Spanned<FaultForm>| other.get_ref().name.get_ref() == name.get_ref();
        if form.fault[..place].iter().any(|other| same(&other)) {
            return Err(Problem::new(
                name.span(),
                format!("two faults are named `{}`", name.get_ref()),
                "give each fault a name of its own",
            ));
        }
    }
    form.fault.iter().map(|fault| rule(form, fault, names)).collect()
}

fn rule(form: &ScenarioForm, fault: &Spanned<FaultForm>, names: &Names) -> Result<Rule, Problem> {
    let FaultForm { name, when, act, optional } = fault.get_ref();
    let act_span = act.span();
    if matches!(act.get_ref(), ActForm::Partition(_)) {
        must_route(&form.machine.behaviour.0, act_span.clone())?;
    }
    let when_command = when.as_ref().filter(|when| when.get_ref().command.is_some());
    if let Some(when) = when_command {
        must_route(&form.machine.behaviour.0, when.span())?;
    }
    let act = match when_command.map(|when| commands::act(when.get_ref(), act)).transpose()? {
        Some(Some(act)) => act,
        _ => compile_act(act.get_ref(), names)?,
    };
    let (trigger, nth, times) = match when {
        Some(when) => trigger(form, when, names)?,
        None => (None, 1, None),
    };
    if let Some(needed) = needs(&act)
        && !needed.fits(trigger.as_ref())
    {
        return Err(Problem::new(
            act_span,
            format!("this can be done only {}", needed.words()),
            "give the rule another `when`, or have it do something else",
        ));
    }
    let name = name.get_ref().clone();
    let optional = *optional;
    Ok(Rule { name, trigger, nth, times, act, optional, span: fault.span() })
}

/// What must be going on for a rule to do what it says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needed {
    SentMessage,
    HcallOrSentMessage,
    Rdma,
    Allocation,
    Command,
}

fn needs(act: &Act) -> Option<Needed> {
    match act {
        Act::Drop | Act::Duplicate | Act::Delay { .. } | Act::Reorder | Act::Corrupt(_) => {
            Some(Needed::SentMessage)
        }
        Act::Answer(_) => Some(Needed::HcallOrSentMessage),
        Act::Tce { .. } => Some(Needed::Rdma),
        Act::FailAllocation => Some(Needed::Allocation),
        Act::Command(_) => Some(Needed::Command),
        _ => None,
    }
}

impl Needed {
    fn words(self) -> &'static str {
        match self {
            Needed::SentMessage => "to a message that is being sent",
            Needed::HcallOrSentMessage => {
                "before an hcall, to a message that is being sent, or to a command"
            }
            Needed::Rdma => "before an `H_COPY_RDMA`",
            Needed::Allocation => "at an allocation",
            Needed::Command => "to a command, and not so many `ms` after it",
        }
    }

    fn fits(self, trigger: Option<&Trigger>) -> bool {
        let occasion = trigger.map(|trigger| &trigger.occasion);
        let sent = matches!(occasion, Some(Occasion::Message { at: MessagePoint::Sent, .. }));
        let before = |wanted: Option<HcallName>| {
            matches!(occasion, Some(Occasion::Hcall { at: HcallPoint::Before, name, .. })
                if wanted.is_none_or(|wanted| wanted == *name))
        };
        match self {
            Needed::SentMessage => sent,
            Needed::HcallOrSentMessage => sent || before(None),
            Needed::Rdma => before(Some(HcallName::CopyRdma)),
            Needed::Allocation => matches!(occasion, Some(Occasion::Allocation)),
            Needed::Command => matches!(occasion, Some(Occasion::Command { ns: 0, .. })),
        }
    }
}

type Counted = (Option<Trigger>, u32, Option<u32>);

fn trigger(
    form: &ScenarioForm,
    when: &Spanned<WhenForm>,
    names: &Names,
) -> Result<Counted, Problem> {
    let span = when.span();
    let when = when.get_ref();
    one_trigger(when, span.clone())?;
    allowed_modifiers(when, span)?;
    let occasion = occasion(form, when)?;
    let app = when.app.as_ref().map(|name| thread(name, names)).transpose()?;
    let index = when.index.as_ref().map(|n| byte("index", n)).transpose()?.map(HmcIndex);
    let nth = match &when.nth {
        Some(nth) => number("nth", nth, bounds::OCCASIONS)? as u32,
        None => 1,
    };
    let times = match &when.times {
        Some(times) => self::times(times)?,
        None => Some(1),
    };
    let nth_session = match &when.nth_session {
        Some(nth) => Some(number("nth-session", nth, bounds::OCCASIONS)? as u32),
        None => None,
    };
    let channel_only = when.about.is_some();
    let since = when.since.as_ref().map(|name| rule_named(form, name)).transpose()?;
    Ok((Some(Trigger { occasion, app, index, nth_session, channel_only, since }), nth, times))
}

/// At how many occasions a rule fires; `None` for every one.
fn times(times: &Spanned<TimesForm>) -> Result<Option<u32>, Problem> {
    match *times.get_ref() {
        TimesForm::Always => Ok(None),
        TimesForm::Number(n) => match u32::try_from(n) {
            Ok(n @ 1..) => Ok(Some(n)),
            _ => Err(Problem::new(
                times.span(),
                format!("times is 1 to {}, not {n}", u32::MAX),
                "write a number from 1 on, or \"always\"",
            )),
        },
    }
}

fn one_trigger(when: &WhenForm, span: std::ops::Range<usize>) -> Result<(), Problem> {
    let given = [
        when.hcall.is_some(),
        when.message.is_some(),
        when.call.is_some(),
        when.allocation.is_some(),
        when.channel.is_some(),
        when.session.is_some(),
        when.command.is_some(),
        when.after.is_some(),
        when.time_ms.is_some(),
    ];
    match given.into_iter().filter(|given| *given).count() {
        1 => Ok(()),
        count => Err(Problem::new(
            span,
            format!("a rule waits for one kind of occasion, not for {count}"),
            format!("write exactly one of `{}`", OCCASIONS.join("`, `")),
        )),
    }
}

/// Keys that narrow an occasion down make sense for some of them only.
fn allowed_modifiers(when: &WhenForm, span: std::ops::Range<usize>) -> Result<(), Problem> {
    let (hcall, message) = (when.hcall.is_some(), when.message.is_some());
    let (call, state) = (when.call.is_some(), when.channel.is_some() || when.session.is_some());
    let (timed, command) = (when.time_ms.is_some(), when.command.is_some());
    let of_connection = hcall || message || when.allocation.is_some();
    let of_session = of_connection || when.session.is_some() || command;
    let checks = [
        ("by", when.by.is_some(), hcall || message || state),
        ("at", when.at.is_some(), hcall || message || command),
        ("code", when.code.is_some(), hcall),
        ("partition", when.partition.is_some(), command),
        ("app", when.app.is_some(), !timed && !command && when.after.is_none()),
        ("index", when.index.is_some(), of_session),
        ("nth-session", when.nth_session.is_some(), of_session && when.about.is_none()),
        ("about", when.about.is_some(), of_connection && when.index.is_none()),
        ("effect", when.effect.is_some(), call),
        ("ms", when.ms.is_some(), when.after.is_some() || command),
        ("since", when.since.is_some(), !timed && when.after.is_none()),
        ("nth", when.nth.is_some(), !timed),
        ("times", when.times.is_some(), !timed),
    ];
    match checks.into_iter().find(|(_, given, allowed)| *given && !*allowed) {
        None => Ok(()),
        Some((key, ..)) => Err(Problem::new(
            span,
            format!("`{key}` means nothing for this occasion"),
            format!("remove `{key}`; scenarios/README.md says which keys go together"),
        )),
    }
}

fn occasion(form: &ScenarioForm, when: &WhenForm) -> Result<Occasion, Problem> {
    if let Some(name) = &when.hcall {
        return hcall_occasion(when, name);
    }
    if let Some(message) = when.message {
        let at = match when.at {
            None | Some(PointForm::Sent) => MessagePoint::Sent,
            Some(PointForm::Delivered) => MessagePoint::Delivered,
            Some(PointForm::Received) => MessagePoint::Received,
            Some(_) => return Err(wrong_point(when, "`sent`, `delivered`, `received`")),
        };
        return Ok(Occasion::Message { by: sender(when, message)?, kind: entry_kind(message), at });
    }
    if let Some(call) = when.call {
        let effect = match &when.effect {
            Some(effect) => number("effect", effect, bounds::EFFECT)? as u32,
            None => 0,
        };
        return Ok(Occasion::Call { call: call_kind(call), effect });
    }
    if let Some(state) = &when.channel {
        let by = when.by.map_or(Side::Mgmt, side);
        return Ok(Occasion::ChannelState(channel_state(by, state)?));
    }
    if let Some(state) = &when.session {
        let by = when.by.map_or(Side::Mgmt, side);
        return Ok(Occasion::SessionState(session_state(by, state)?));
    }
    if let Some(name) = &when.command {
        return commands::occasion(when, name);
    }
    if let Some(name) = &when.after {
        let rule = rule_named(form, name)?;
        return Ok(Occasion::After { rule, ns: milliseconds("ms", when.ms.as_ref())? });
    }
    if when.time_ms.is_some() {
        return Ok(Occasion::Time { ns: milliseconds("time-ms", when.time_ms.as_ref())? });
    }
    Ok(Occasion::Allocation)
}

/// The number of the rule of that name.
fn rule_named(form: &ScenarioForm, name: &Spanned<String>) -> Result<usize, Problem> {
    let same = |fault: &Spanned<FaultForm>| fault.get_ref().name.get_ref() == name.get_ref();
    form.fault.iter().position(same).ok_or_else(|| {
        Problem::new(
            name.span(),
            format!("no fault is named `{}`", name.get_ref()),
            "name the fault that comes first",
        )
    })
}

fn hcall_occasion(when: &WhenForm, name: &Spanned<String>) -> Result<Occasion, Problem> {
    let named = |known: &HcallName| known.name() == name.get_ref();
    let known = HcallName::ALL.iter().copied().find(named).ok_or_else(|| {
        Problem::new(
            name.span(),
            format!("no hcall is named `{}`", name.get_ref()),
            words::instead(name.get_ref(), HcallName::ALL.iter().map(|known| known.name())),
        )
    })?;
    let code = when.code.as_ref().map(return_code).transpose()?;
    let at = match when.at {
        None if code.is_some() => HcallPoint::After,
        None | Some(PointForm::Before) => HcallPoint::Before,
        Some(PointForm::Between) => HcallPoint::Between,
        Some(PointForm::After) => HcallPoint::After,
        Some(_) => return Err(wrong_point(when, "`before`, `between`, `after`")),
    };
    if at == HcallPoint::Between && known != HcallName::CopyRdma {
        return Err(Problem::new(
            name.span(),
            "only `H_COPY_RDMA` is made in two steps".to_owned(),
            "use `before` or `after`",
        ));
    }
    if let (Some(code), true) = (&when.code, at != HcallPoint::After) {
        return Err(Problem::new(
            code.span(),
            "what an hcall returns is known after it".to_owned(),
            "use `at = \"after\"`",
        ));
    }
    Ok(Occasion::Hcall { by: when.by.map_or(Side::Mgmt, side), name: known, at, code })
}

fn wrong_point(when: &WhenForm, expected: &str) -> Problem {
    let span = when.hcall.as_ref().map_or(0..0, Spanned::span);
    Problem::new(
        span,
        "this occasion has no such point".to_owned(),
        format!("use one of {expected}"),
    )
}

/// Who sends such a message: said, or clear from its type.
fn sender(when: &WhenForm, message: EntryForm) -> Result<Side, Problem> {
    use EntryForm::*;
    match (when.by, message) {
        (Some(by), _) => Ok(side(by)),
        (
            None,
            Capabilities | InterfaceOpen | InterfaceClose | AddBufferResponse
            | RemoveBufferResponse,
        ) => Ok(Side::Mgmt),
        (
            None,
            CapabilitiesResponse
            | InterfaceOpenResponse
            | InterfaceCloseResponse
            | AddBuffer
            | RemoveBuffer,
        ) => Ok(Side::Hyp),
        (None, Any | Init | InitComplete | Signal) => Err(Problem::new(
            when.nth.as_ref().map_or(0..0, Spanned::span),
            "either side can send this message".to_owned(),
            "say `by = \"mgmt\"` or `by = \"hyp\"`",
        )),
    }
}

fn compile_act(act: &ActForm, names: &Names) -> Result<Act, Problem> {
    Ok(match act {
        ActForm::Crash(of) => Act::Crash(side(*of)),
        ActForm::Terminate(of) => Act::Terminate(side(*of)),
        ActForm::Reboot(of) => Act::Reboot(side(*of)),
        ActForm::Kexec => Act::Kexec,
        ActForm::FreeCrq(of) => Act::FreeCrq(side(*of)),
        ActForm::Stop(of) => Act::Stop(side(*of)),
        ActForm::Start(of) => Act::Start(side(*of)),
        ActForm::Suspend(of) => Act::Suspend(side(*of)),
        ActForm::Pause(of) => Act::Pause(side(*of)),
        ActForm::Resume(of) => Act::Resume(side(*of)),
        ActForm::FillCrq(of) => Act::FillCrq(side(*of)),
        ActForm::AttachHmc(attached) => Act::AttachHmc(*attached),
        ActForm::Send(form) => Act::Send { by: side(form.by), template: template(form)? },
        ActForm::Drop => Act::Drop,
        ActForm::Duplicate => Act::Duplicate,
        ActForm::DelayMs(ms) => Act::Delay { ns: milliseconds("delay-ms", Some(ms))? },
        ActForm::Reorder => Act::Reorder,
        ActForm::Corrupt(fields) => Act::Corrupt(patch(fields)?),
        ActForm::Answer(code) => Act::Answer(return_code(code)?),
        ActForm::Job(form) => Act::Command(commands::job_fault(form)?),
        ActForm::Tce(form) => Act::Tce {
            window: match form.window {
                WindowForm::Local => RdmaEnd::Local,
                WindowForm::Remote => RdmaEnd::Remote,
            },
            page: form.page.as_ref().map_or(Ok(0), |page| number("page", page, bounds::PAGE))?
                as u64,
            access: match form.access {
                AccessForm::None => Access::None,
                AccessForm::Read => Access::Read,
                AccessForm::Write => Access::Write,
            },
        },
        ActForm::FailAllocation => Act::FailAllocation,
        ActForm::TakeBuffer(form) => Act::TakeBuffer(HmcIndex(byte("index", &form.index)?)),
        ActForm::ReturnBuffer(form) => Act::ReturnBuffer(HmcIndex(byte("index", &form.index)?)),
        ActForm::Refuse(form) => Act::Refuse {
            request: match form.request {
                RequestForm::Capabilities => MessageType::Capabilities,
                RequestForm::InterfaceOpen => MessageType::InterfaceOpen,
                RequestForm::InterfaceClose => MessageType::InterfaceClose,
            },
            status: Status(number("status", &form.status, bounds::REFUSAL)? as u8),
        },
        ActForm::Kill(name) => Act::Kill(names.process(thread(name, names)?)),
        ActForm::Interrupt(name) => Act::Interrupt(thread(name, names)?),
        ActForm::Partition(form) => Act::Partition(
            number("id", &form.id, bounds::TWO_BYTES)? as u16,
            match form.fault {
                PartitionFaultWord::Crash => PartitionFault::Crash,
                PartitionFaultWord::Hang => PartitionFault::Hang,
                PartitionFaultWord::BootFails => PartitionFault::BootFails,
                PartitionFaultWord::BootHangs => PartitionFault::BootHangs,
                PartitionFaultWord::NoBootDevice => PartitionFault::NoBootDevice,
            },
        ),
    })
}

fn template(form: &SendForm) -> Result<Template, Problem> {
    let patch = patch(&form.fields)?;
    let template = match (form.message, &form.transport_event, &form.raw) {
        (Some(EntryForm::Init), None, None) => Template::Init,
        (Some(EntryForm::InitComplete), None, None) => Template::InitComplete,
        (Some(message), None, None) => match entry_kind(message) {
            EntryKind::Message(message_type) => Template::Message(message_type, patch.clone()),
            _ => return Err(nothing_to_send(form)),
        },
        (None, Some(event), None) => {
            Template::TransportEvent(TransportEvent(byte("transport-event", event)?))
        }
        (None, None, Some(raw)) => Template::Raw(entry(raw)?),
        _ => return Err(nothing_to_send(form)),
    };
    if !matches!(template, Template::Message(..)) && patch != Patch::default() {
        return Err(Problem::new(
            form.raw.as_ref().map_or(0..0, Spanned::span),
            "only a message has `fields`".to_owned(),
            "write the bytes with `raw`, or send a `message`",
        ));
    }
    Ok(template)
}

fn nothing_to_send(form: &SendForm) -> Problem {
    Problem::new(
        form.raw.as_ref().map_or(0..0, Spanned::span),
        "one thing is sent at a time".to_owned(),
        format!("write exactly one of `{}`", SENDABLE.join("`, `")),
    )
}

/// 16 bytes in hexadecimal digits; white space is for the eye.
fn entry(raw: &Spanned<String>) -> Result<CrqEntry, Problem> {
    let wrong = || {
        Problem::new(
            raw.span(),
            format!("`{}` are not the 16 bytes of an entry", raw.get_ref()),
            "write 32 hexadecimal digits, with spaces as you like",
        )
    };
    let digits: Vec<u32> = raw
        .get_ref()
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).ok_or_else(wrong))
        .collect::<Result<_, _>>()?;
    if digits.len() != 32 {
        return Err(wrong());
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = (pair[0] << 4 | pair[1]) as u8;
    }
    Ok(CrqEntry(bytes))
}

fn patch(form: &FieldsForm) -> Result<Patch, Problem> {
    fn field<T: TryFrom<i64>>(
        what: &str,
        value: &Option<Number>,
        bounds: Bounds,
    ) -> Result<Option<T>, Problem> {
        let Some(value) = value else { return Ok(None) };
        Ok(T::try_from(number(what, value, bounds)?).ok())
    }
    let bytes = form.bytes.iter().map(|(offset, value)| {
        let offset = number("offset of a byte", offset, bounds::OFFSET)? as usize;
        Ok((offset, byte("value of a byte", value)?))
    });
    Ok(Patch {
        index: field("index", &form.index, bounds::BYTE)?,
        session: field("session", &form.session, bounds::BYTE)?,
        buffer: field("buffer", &form.buffer, bounds::TWO_BYTES)?,
        length: field("length", &form.length, bounds::FOUR_BYTES)?,
        status: field("status", &form.status, bounds::BYTE)?,
        owner: field("owner", &form.owner, bounds::BYTE)?,
        lioba: field("lioba", &form.lioba, bounds::FOUR_BYTES)?,
        hmcs: field("hmcs", &form.hmcs, bounds::BYTE)?,
        pool_size: field("pool-size", &form.pool_size, bounds::TWO_BYTES)?,
        mtu: field("mtu", &form.mtu, bounds::FOUR_BYTES)?,
        crq_size: field("crq-size", &form.crq_size, bounds::TWO_BYTES)?,
        version: form.version.as_ref().map(version).transpose()?,
        bytes: bytes.collect::<Result<_, Problem>>()?,
    })
}

fn byte(what: &str, value: &Number) -> Result<u8, Problem> {
    Ok(number(what, value, bounds::BYTE)? as u8)
}

fn milliseconds(what: &str, ms: Option<&Number>) -> Result<u64, Problem> {
    let ms = ms.map_or(Ok(0), |ms| number(what, ms, bounds::MILLISECONDS))?;
    Ok(ms as u64 * 1_000_000)
}

fn thread(name: &Spanned<String>, names: &Names) -> Result<u16, Problem> {
    names.thread(name.get_ref()).ok_or_else(|| {
        Problem::new(
            name.span(),
            format!("no application is named `{}`", name.get_ref()),
            "name one of the scenario's applications",
        )
    })
}

fn return_code(name: &Spanned<String>) -> Result<ReturnCode, Problem> {
    let text = name.get_ref();
    ReturnCode::from_name(text).ok_or_else(|| {
        let names = ReturnCode::NAMED.iter().filter_map(|code| code.name());
        let known = words::linux_return_code(text);
        let remedy = known.map_or_else(
            || words::instead(text, names.collect::<Vec<_>>()),
            |name| format!("did you mean `{name}`?"),
        );
        let message = match words::WITHOUT_VALUE.contains(&text.as_str()) {
            true => format!("LoPAR names `{text}`, and its value is not known here"),
            false => format!("LoPAR has no return code `{text}`"),
        };
        Problem::new(name.span(), message, remedy)
    })
}

fn channel_state(by: Side, name: &Spanned<String>) -> Result<ChannelState, Problem> {
    state(name, &ChannelState::all(by), ChannelState::name)
}

fn session_state(by: Side, name: &Spanned<String>) -> Result<SessionState, Problem> {
    state(name, &SessionState::all(by), SessionState::name)
}

fn state<S: Copy>(
    name: &Spanned<String>,
    states: &[S],
    name_of: fn(S) -> &'static str,
) -> Result<S, Problem> {
    let named = |state: &S| name_of(*state) == name.get_ref();
    states.iter().copied().find(named).ok_or_else(|| {
        Problem::new(
            name.span(),
            format!("the side has no state `{}`", name.get_ref()),
            words::instead(name.get_ref(), states.iter().copied().map(name_of).collect::<Vec<_>>()),
        )
    })
}

pub(super) fn side(form: SideForm) -> Side {
    match form {
        SideForm::Mgmt => Side::Mgmt,
        SideForm::Hyp => Side::Hyp,
    }
}

fn entry_kind(form: EntryForm) -> EntryKind {
    use MessageType::*;
    EntryKind::Message(match form {
        EntryForm::Any => return EntryKind::Any,
        EntryForm::Init => return EntryKind::Init,
        EntryForm::InitComplete => return EntryKind::InitComplete,
        EntryForm::Capabilities => Capabilities,
        EntryForm::CapabilitiesResponse => CapabilitiesResponse,
        EntryForm::InterfaceOpen => InterfaceOpen,
        EntryForm::InterfaceOpenResponse => InterfaceOpenResponse,
        EntryForm::InterfaceClose => InterfaceClose,
        EntryForm::InterfaceCloseResponse => InterfaceCloseResponse,
        EntryForm::AddBuffer => AddBuffer,
        EntryForm::AddBufferResponse => AddBufferResponse,
        EntryForm::RemoveBuffer => RemoveBuffer,
        EntryForm::RemoveBufferResponse => RemoveBufferResponse,
        EntryForm::Signal => Signal,
    })
}

fn call_kind(form: CallForm) -> CallKind {
    match form {
        CallForm::Open => CallKind::Open,
        CallForm::SetHmcId => CallKind::SetHmcId,
        CallForm::Write => CallKind::Write,
        CallForm::Read => CallKind::Read,
        CallForm::Poll => CallKind::Poll,
        CallForm::Query => CallKind::Query,
        CallForm::RequestVmc => CallKind::RequestVmc,
        CallForm::Ioctl => CallKind::Ioctl,
        CallForm::Close => CallKind::Close,
    }
}
