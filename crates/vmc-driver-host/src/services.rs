//! The services that a driver is given: the functions of vmcsim_services.
//!
//! Each runs on the thread of a call. Nothing in an exported function is to be dropped where it may be left, so each of them
//! hands over to [`serve`] and only looks at the outcome.
#![allow(unsafe_code, reason = "functions that a driver calls, with its pointers")]

use crate::instance::Bed;
use crate::jump;
use crate::turn::{Context, Leave, with_current};
use ibmvmc::{Background, ChannelState, Effect, Outcome, SessionState, Wakeup};
use papr::{Hcall, Registers, ReturnCode};
use parking_lot::Mutex;
use std::ffi::{CStr, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::time::Duration;
use vmc_proto::{Errno, HmcIndex, HmcSession, Received};
use vmcsim::*;

/// Most pages that `map` maps at once.
const MAX_MAP_BYTES: u32 = 1 << 20;

/// Longest line of `log`.
const MAX_LOG_BYTES: usize = 400;

/// What every driver is given.
pub(crate) static TABLE: vmcsim_services = vmcsim_services {
    size: size_of::<vmcsim_services>() as u32,
    abi_version: VMCSIM_ABI_VERSION,
    hcall: Some(hcall),
    alloc: Some(alloc),
    free: Some(free),
    map: Some(map),
    unmap: Some(unmap),
    take_entry: Some(take_entry),
    clear: Some(clear),
    copy_from_user: Some(copy_from_user),
    copy_to_user: Some(copy_to_user),
    sleep: Some(sleep),
    time: Some(time),
    wait: Some(wait),
    wake: Some(wake),
    lock: Some(lock),
    unlock: Some(unlock),
    schedule: Some(schedule),
    log: Some(log),
    report_channel: Some(report_channel),
    report_limits: Some(report_limits),
    report_session: Some(report_session),
    report_index: Some(report_index),
};

/// Why a service does not come to its end.
enum Stop {
    /// The call is to be left.
    Leave,
    /// The driver asks for what cannot be.
    Refused(i32, String),
}

impl From<Leave> for Stop {
    fn from(_: Leave) -> Stop {
        Stop::Leave
    }
}

/// What an exported function is to do.
#[derive(Clone, Copy)]
enum Served<T> {
    Done(T),
    Refused(i32),
    Leave,
}

fn refuse<T>(status: i32, what: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Refused(status, what.into()))
}

/// Runs a service for the call of this thread. No panic of it goes further.
fn serve<T>(name: &'static str, go: impl FnOnce(&Context) -> Result<T, Stop>) -> Served<T> {
    let served = with_current(|cx| {
        cx.uses(name);
        match catch_unwind(AssertUnwindSafe(|| go(cx))) {
            Ok(Ok(value)) => Served::Done(value),
            Ok(Err(Stop::Leave)) => Served::Leave,
            Ok(Err(Stop::Refused(status, what))) => {
                cx.instance.records.problem(format!("{name}: {what}"));
                Served::Refused(status)
            }
            Err(_) => {
                cx.instance.records.problem(format!("{name}: a fault of vmcsim; please report it"));
                Served::Refused(VMCSIM_E_PANIC)
            }
        }
    });
    served.unwrap_or_else(|| {
        let mut strays = STRAYS.lock();
        if strays.len() < MAX_STRAYS {
            strays.push(name);
        }
        Served::Refused(VMCSIM_E_MODE)
    })
}

/// Services that were used on threads that make no call. Which instance meant it such a thread does not tell.
static STRAYS: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());

/// As many are kept.
const MAX_STRAYS: usize = 1 << 16;

/// The services that were used on threads that make no call, in their order.
pub(crate) fn strays() -> Vec<&'static str> {
    STRAYS.lock().clone()
}

impl<T: Copy> Served<T> {
    /// What the exported function returns; there is nothing to drop where it is left.
    fn or(self, refused: impl FnOnce(i32) -> T) -> T {
        match self {
            Served::Done(value) => value,
            Served::Refused(status) => refused(status),
            // SAFETY: A call was found for this thread, and the frames above hold numbers and addresses only.
            Served::Leave => unsafe { jump::leave() },
        }
    }
}

/// Has an effect performed. `load` must not wait.
fn perform(cx: &Context, effect: Effect) -> Result<Outcome, Stop> {
    if cx.loads {
        return refuse(VMCSIM_E_MODE, "`load` may use `alloc` and `log` only");
    }
    Ok(cx.perform(effect)?)
}

unsafe extern "C" fn hcall(opcode: u64, args: *const u64, rets: *mut u64) -> i64 {
    let served = serve("hcall", |cx| {
        if args.is_null() {
            return refuse(VMCSIM_E_POINTER, "`args` is null: expected nine numbers");
        }
        // SAFETY: The header wants nine numbers there.
        let args = unsafe { args.cast::<[u64; 9]>().read_unaligned() };
        let Ok(call) = Hcall::from_registers(&Registers { opcode, args }) else {
            return Ok((ReturnCode::FUNCTION.0, args));
        };
        let subject = {
            let mut state = cx.instance.state();
            if matches!(call, Hcall::FreeCrq { .. }) {
                state.registered = false;
            }
            let subject = state.subject(&call);
            if let Hcall::SendCrq { entry, .. } = call {
                state.sends(entry);
            }
            subject
        };
        let Outcome::Hcall(returned) = perform(cx, Effect::Hcall(call, subject))? else {
            return Ok((ReturnCode::HARDWARE.0, args));
        };
        let is_there = matches!(returned.code, ReturnCode::SUCCESS | ReturnCode::CLOSED);
        if matches!(call, Hcall::RegCrq { .. }) && is_there {
            cx.instance.state().registered = true;
        }
        let registers = returned.to_registers();
        Ok((registers.r3, registers.r4_to_r12))
    });
    let (r3, returned) = served.or(|status| (status.into(), [0; 9]));
    if !rets.is_null() && r3 >= i64::from(i32::MIN) {
        // SAFETY: The header wants room for nine numbers there.
        unsafe { rets.cast::<[u64; 9]>().write_unaligned(returned) };
    }
    r3
}

unsafe extern "C" fn alloc(length: usize) -> *mut c_void {
    serve("alloc", |cx| Ok(cx.instance.state().memory.alloc(length))).or(|_| null_mut())
}

unsafe extern "C" fn free(memory: *mut c_void) -> i32 {
    let served = serve("free", |cx| {
        if !memory.is_null() && !cx.instance.state().memory.free(memory) {
            return refuse(VMCSIM_E_POINTER, "`alloc` has not given this address, or it was freed");
        }
        Ok(VMCSIM_OK)
    });
    served.or(|status| status)
}

unsafe extern "C" fn map(length: u32, ioba: *mut u64) -> i32 {
    let served = serve("map", |cx| {
        if ioba.is_null() {
            return refuse(VMCSIM_E_POINTER, "`ioba` is null");
        }
        if !(1..=MAX_MAP_BYTES).contains(&length) {
            return refuse(
                VMCSIM_E_PARAMETER,
                format!("expected 1 to {MAX_MAP_BYTES} bytes, got {length}"),
            );
        }
        match perform(cx, Effect::Map { len_bytes: length })? {
            Outcome::Mapped(Ok(dma)) => {
                cx.instance.state().mapped(dma);
                // SAFETY: The header wants room for a number there.
                unsafe { ioba.write_unaligned(dma.ioba.0) };
                Ok(VMCSIM_OK)
            }
            _ => Ok(VMCSIM_E_LIMIT),
        }
    });
    served.or(|status| status)
}

/// What was mapped at an address.
fn dma(cx: &Context, ioba: u64, length: u32) -> Result<ibmvmc::Dma, Stop> {
    match cx.instance.state().dma(ioba) {
        Some(dma) if length <= dma.len_bytes => Ok(dma),
        Some(dma) => {
            let len = dma.len_bytes;
            refuse(
                VMCSIM_E_PARAMETER,
                format!("expected up to {len} bytes at {ioba:#x}, got {length}"),
            )
        }
        None => refuse(
            VMCSIM_E_PARAMETER,
            format!("nothing was mapped at {ioba:#x}, or it was unmapped"),
        ),
    }
}

unsafe extern "C" fn unmap(ioba: u64) -> i32 {
    let served = serve("unmap", |cx| {
        let dma = dma(cx, ioba, 0)?;
        cx.instance.state().unmapped(ioba);
        perform(cx, Effect::Unmap(dma))?;
        Ok(VMCSIM_OK)
    });
    served.or(|status| status)
}

unsafe extern "C" fn take_entry(queue: u64, element: u32, entry: *mut u8) -> i32 {
    let served = serve("take_entry", |cx| {
        if entry.is_null() {
            return refuse(VMCSIM_E_POINTER, "`entry` is null: expected room for 16 bytes");
        }
        let queue = dma(cx, queue, 0)?;
        let elements = u64::from(queue.len_bytes) / papr::crq::ENTRY_SIZE;
        if u64::from(element) >= elements {
            let most = elements.saturating_sub(1);
            return refuse(
                VMCSIM_E_PARAMETER,
                format!("expected an element up to {most}, got {element}"),
            );
        }
        let element = element as u16;
        let Outcome::Entry(Some(taken)) = perform(cx, Effect::TakeEntry { queue, element })? else {
            return Ok(0);
        };
        cx.instance.state().took(Received::from_entry(taken));
        // SAFETY: The header wants room for 16 bytes there.
        unsafe { entry.cast::<[u8; 16]>().write_unaligned(taken.0) };
        Ok(1)
    });
    served.or(|status| status)
}

unsafe extern "C" fn clear(ioba: u64) -> i32 {
    let served = serve("clear", |cx| {
        let dma = dma(cx, ioba, 0)?;
        perform(cx, Effect::ClearQueue(dma))?;
        Ok(VMCSIM_OK)
    });
    served.or(|status| status)
}

fn copied(outcome: Outcome) -> i32 {
    match outcome {
        Outcome::Copied(Ok(())) => VMCSIM_OK,
        _ => -Errno::EFAULT.number(),
    }
}

unsafe extern "C" fn copy_from_user(ioba: u64, length: u32) -> i32 {
    let served = serve("copy_from_user", |cx| {
        let to = dma(cx, ioba, length)?;
        Ok(copied(perform(cx, Effect::CopyFromUser { to, len_bytes: length })?))
    });
    served.or(|status| status)
}

unsafe extern "C" fn copy_to_user(ioba: u64, length: u32) -> i32 {
    let served = serve("copy_to_user", |cx| {
        let from = dma(cx, ioba, length)?;
        Ok(copied(perform(cx, Effect::CopyToUser { from, len_bytes: length })?))
    });
    served.or(|status| status)
}

unsafe extern "C" fn sleep(nanoseconds: u64) -> i32 {
    let served = serve("sleep", |cx| {
        perform(cx, Effect::Sleep(Duration::from_nanos(nanoseconds)))?;
        Ok(VMCSIM_OK)
    });
    served.or(|status| status)
}

unsafe extern "C" fn time() -> u64 {
    serve("time", |cx| Ok(cx.instance.state().now_ns)).or(|_| 0)
}

/// Takes a lock, after those who have it.
fn take_lock(cx: &Context, lock: usize) -> Result<(), Stop> {
    loop {
        {
            let mut state = cx.instance.state();
            match state.lock(lock, cx.id) {
                Some(true) => return Ok(()),
                Some(false) => state.sleeps(Bed::Lock(lock), cx.id),
                None => return refuse(VMCSIM_E_BUSY, "this call has the lock already"),
            }
        }
        let outcome = perform(cx, Effect::Wait)?;
        let mut state = cx.instance.state();
        state.is_up(cx.id);
        if outcome == Outcome::Interrupted {
            state.signalled.push(cx.id);
        }
    }
}

unsafe extern "C" fn wait(channel: *const c_void, lock: *const c_void) -> i32 {
    let served = serve("wait", |cx| {
        {
            let mut state = cx.instance.state();
            if !lock.is_null() && !state.unlock(lock.addr(), cx.id) {
                return refuse(VMCSIM_E_PARAMETER, "this call does not have the lock");
            }
            state.sleeps(Bed::Channel(channel.addr()), cx.id);
        }
        let was_signalled = {
            let mut state = cx.instance.state();
            let place = state.signalled.iter().position(|id| *id == cx.id);
            place.map(|place| state.signalled.swap_remove(place)).is_some()
        };
        let is_interrupted = was_signalled || perform(cx, Effect::Wait)? == Outcome::Interrupted;
        cx.instance.state().is_up(cx.id);
        if !lock.is_null() {
            take_lock(cx, lock.addr())?;
        }
        Ok(if is_interrupted { -Errno::EINTR.number() } else { VMCSIM_OK })
    });
    served.or(|status| status)
}

unsafe extern "C" fn wake(channel: *const c_void) -> i32 {
    let served = serve("wake", |cx| {
        cx.instance.state().wake(Bed::Channel(channel.addr()));
        Ok(VMCSIM_OK)
    });
    served.or(|status| status)
}

unsafe extern "C" fn lock(lock: *const c_void) -> i32 {
    let served = serve("lock", |cx| {
        take_lock(cx, lock.addr())?;
        Ok(VMCSIM_OK)
    });
    served.or(|status| status)
}

unsafe extern "C" fn unlock(lock: *const c_void) -> i32 {
    let served = serve("unlock", |cx| {
        if !cx.instance.state().unlock(lock.addr(), cx.id) {
            return refuse(VMCSIM_E_PARAMETER, "this call does not have the lock");
        }
        Ok(VMCSIM_OK)
    });
    served.or(|status| status)
}

unsafe extern "C" fn schedule(work: u32) -> i32 {
    let served = serve("schedule", |cx| {
        let background = match work {
            VMCSIM_BOTTOM_HALF => Background::BottomHalf,
            VMCSIM_RESET => Background::Reset,
            other => {
                let what = format!("expected VMCSIM_BOTTOM_HALF or VMCSIM_RESET, got {other}");
                return refuse(VMCSIM_E_PARAMETER, what);
            }
        };
        cx.instance.state().wakeups.push_back(Wakeup::Background(background));
        Ok(VMCSIM_OK)
    });
    served.or(|status| status)
}

unsafe extern "C" fn log(text: *const c_char) -> i32 {
    let served = serve("log", |cx| {
        if text.is_null() {
            return refuse(VMCSIM_E_POINTER, "`text` is null");
        }
        // SAFETY: The header wants a string there.
        let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
        cx.instance.records.log(text.chars().take(MAX_LOG_BYTES).collect());
        Ok(VMCSIM_OK)
    });
    served.or(|status| status)
}

unsafe extern "C" fn report_channel(state: i32) -> i32 {
    let served = serve("report_channel", |cx| {
        let state = match state {
            VMCSIM_CHANNEL_RESET_SCHEDULED => ChannelState::ResetScheduled,
            VMCSIM_CHANNEL_INITIAL => ChannelState::Initial,
            VMCSIM_CHANNEL_CRQ_INIT => ChannelState::CrqInit,
            VMCSIM_CHANNEL_CAPABILITIES => ChannelState::Capabilities,
            VMCSIM_CHANNEL_SEEDING => ChannelState::Seeding,
            VMCSIM_CHANNEL_READY => ChannelState::Ready,
            VMCSIM_CHANNEL_FAILED => ChannelState::Failed,
            other => {
                return refuse(VMCSIM_E_PARAMETER, format!("{other} is no VMCSIM_CHANNEL_..."));
            }
        };
        let mut shared = cx.instance.state();
        if shared.channel.unwrap_or(ChannelState::Initial) != state {
            shared.channel = Some(state);
            shared.reports.push(ibmvmc::Event::Channel(state));
        }
        Ok(VMCSIM_OK)
    });
    served.or(|status| status)
}

unsafe extern "C" fn report_limits(hmcs: u32, mtu: u32) -> i32 {
    let served = serve("report_limits", |cx| {
        let Ok(hmcs) = u8::try_from(hmcs) else {
            return refuse(VMCSIM_E_PARAMETER, format!("expected up to 255 indexes, got {hmcs}"));
        };
        cx.instance.state().limits = (hmcs > 0).then_some((hmcs, mtu));
        Ok(VMCSIM_OK)
    });
    served.or(|status| status)
}

fn index(index: u32) -> Result<HmcIndex, Stop> {
    match u8::try_from(index) {
        Ok(index) if index < u8::MAX => Ok(HmcIndex(index)),
        _ => refuse(VMCSIM_E_PARAMETER, format!("expected an index up to 254, got {index}")),
    }
}

unsafe extern "C" fn report_session(
    of_index: u32,
    session: u32,
    file: *const vmcsim_file,
    state: u32,
) -> i32 {
    let served = serve("report_session", |cx| {
        let of_index = index(of_index)?;
        let Ok(session) = u8::try_from(session) else {
            return refuse(
                VMCSIM_E_PARAMETER,
                format!("expected a session up to 255, got {session}"),
            );
        };
        let state = match state {
            VMCSIM_SESSION_STARTING => SessionState::Starting,
            VMCSIM_SESSION_OPENING => SessionState::Opening,
            VMCSIM_SESSION_READY => SessionState::Ready,
            VMCSIM_SESSION_CLOSING => SessionState::Closing,
            VMCSIM_SESSION_ENDED => SessionState::Ended,
            other => {
                return refuse(VMCSIM_E_PARAMETER, format!("{other} is no VMCSIM_SESSION_..."));
            }
        };
        let mut shared = cx.instance.state();
        let file = shared.files.at(file);
        if file.is_none() && state == SessionState::Starting {
            return refuse(VMCSIM_E_PARAMETER, "a session starts for an open file");
        }
        shared.session(of_index, HmcSession(session), file, state);
        Ok(VMCSIM_OK)
    });
    served.or(|status| status)
}

unsafe extern "C" fn report_index(of_index: u32, unread: u32, is_free: u32) -> i32 {
    let served = serve("report_index", |cx| {
        let of_index = index(of_index)?;
        let mut shared = cx.instance.state();
        let view = shared.index(of_index);
        (view.unread, view.is_free) = (unread as usize, is_free != 0);
        Ok(VMCSIM_OK)
    });
    served.or(|status| status)
}
