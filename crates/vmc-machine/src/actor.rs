//! An actor: an activity with its recorder, and the incarnation of its partition that it belongs to.

use crate::activity::{Activity, Request, Service};
use crate::backend::Setup;
use crate::canonical_hasher::CanonicalHasher;
use crate::context::Context;
use crate::incarnation::Incarnation;
use crate::recorder::Recorder;
use crate::runtime::{ActivityId, Progress, Runtime};
use crate::world::World;
use std::hash::Hash;
use vmc_trace::{Side, Waiting};

/// One of a run's actors.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The activity.
    pub activity: Activity,
    /// Records what it does.
    pub recorder: Recorder,
    /// The name under which it is woken.
    id: ActivityId,
    /// The side that it is part of, and dies with, if any.
    side: Option<Side>,
    /// The incarnation that it belongs to, or waits for.
    life: Incarnation,
    /// Whether it takes part in it.
    present: bool,
}

impl Actor {
    pub(crate) fn new(activity: Activity, recorder: Recorder) -> Actor {
        let life = activity.first_life();
        Actor::external(activity, recorder, life)
    }

    /// An activity that comes in the incarnation that its partition is in.
    pub fn external(activity: Activity, recorder: Recorder, life: Incarnation) -> Actor {
        let (id, side) = (activity.id(), activity.side());
        Actor { activity, recorder, id, side, life, present: false }
    }

    /// Makes one step, or notices that an incarnation has ended.
    #[inline(always)]
    pub fn step<P: Setup, R: Runtime>(&mut self, world: &World<P>, runtime: &R) -> Progress {
        self.advance(world, runtime, Activity::step)
    }

    /// The same for a poller of the bottom half's queue (`BottomHalf::look`).
    pub(crate) fn look<P: Setup, R: Runtime>(
        &mut self,
        world: &World<P>,
        runtime: &R,
        is_due: bool,
    ) -> Progress {
        self.advance(world, runtime, |activity, cx| match activity {
            Activity::BottomHalf(bottom_half) => bottom_half.look(cx, is_due),
            other => other.step(cx),
        })
    }

    #[inline(always)]
    fn advance<P: Setup, R: Runtime>(
        &mut self,
        world: &World<P>,
        runtime: &R,
        go: impl FnOnce(&mut Activity, &mut Context<'_, P, R>) -> Progress,
    ) -> Progress {
        let me = self.id;
        let recorder = &mut self.recorder;
        let mut cx = Context { world, runtime, recorder, me, life: self.life };
        let Some(side) = self.side else { return go(&mut self.activity, &mut cx) };
        let now = world.incarnations.now(side);
        if now > self.life {
            return self.die(world, runtime, side, now);
        }
        if !self.present {
            self.present = now == self.life && world.incarnations.enter(side, me, now);
        }
        if !self.present {
            return Progress::Block { until_ns: None, why: Waiting::State };
        }
        let progress = go(&mut self.activity, &mut cx);
        if matches!(progress, Progress::Finished) && world.incarnations.leave(side, me) {
            cx.tear_down(side);
        }
        progress
    }

    /// Enters a call that comes from outside (`App::enter_from_outside`); `false` while the partition does not run.
    pub(crate) fn enter<P: Setup, R: Runtime>(
        &mut self,
        world: &World<P>,
        runtime: &R,
        request: Request,
    ) -> bool {
        let mut request = Some(request);
        // At first it may have to notice that an incarnation has ended.
        for _ in 0..2 {
            self.advance(world, runtime, |activity, cx| match (activity, request.take()) {
                (Activity::App(app), Some(request)) => app.enter_from_outside(cx, request),
                _ => Progress::Again,
            });
            if request.is_none() {
                return true;
            }
        }
        false
    }

    /// Has an application's calls come from outside.
    pub(crate) fn open_to_outside(&mut self) {
        if let Activity::App(app) = &mut self.activity
            && !app.is_operator()
        {
            app.open_to_outside();
        }
    }

    /// The incarnation that it belongs to, or waits for.
    pub(crate) fn life(&self) -> Incarnation {
        self.life
    }

    /// Takes no part in its partition until the next call that comes from outside.
    pub(crate) fn rest<P: Setup, R: Runtime>(&mut self, world: &World<P>, runtime: &R) {
        let Some(side) = self.side else { return };
        if std::mem::take(&mut self.present) && world.incarnations.leave(side, self.id) {
            let recorder = &mut self.recorder;
            Context { world, runtime, recorder, me: self.id, life: self.life }.tear_down(side);
        }
    }

    /// Its incarnation has ended, and the partition is in this one, or between two.
    #[cold]
    fn die<P: Setup, R: Runtime>(
        &mut self,
        world: &World<P>,
        runtime: &R,
        side: Side,
        now: Incarnation,
    ) -> Progress {
        let recorder = &mut self.recorder;
        let mut cx = Context { world, runtime, recorder, me: self.id, life: self.life };
        let goes_on = self.activity.die(&mut cx);
        if std::mem::take(&mut self.present) && world.incarnations.leave(side, self.id) {
            cx.tear_down(side);
        }
        self.life = now.running();
        if goes_on { Progress::Again } else { Progress::Finished }
    }

    /// Fires a rule of the faults that needs no occasion.
    pub fn inject<P: Setup, R: Runtime>(&mut self, world: &World<P>, runtime: &R, rule: usize) {
        let me = self.id;
        let recorder = &mut self.recorder;
        Context { world, runtime, recorder, me, life: self.life }.fire(rule);
    }

    /// Whether the next step is invisible to the other activities: it looks for work and finds none, goes to sleep,
    /// or comes back from a call that is over.
    pub fn is_invisible<P: Setup>(&self, world: &World<P>) -> bool {
        let Some(side) = self.side else { return self.activity.is_invisible(world) };
        let now = world.incarnations.now(side);
        now < self.life || now == self.life && self.present && self.activity.is_invisible(world)
    }

    /// Hashes where it stands.
    pub(crate) fn hash_canonical(&self, canonical: &mut CanonicalHasher<'_>) {
        (self.life, self.present).hash(&mut canonical.hasher);
        self.activity.hash_canonical(canonical);
    }

    /// Whether it waits for an incarnation that has not begun.
    pub fn is_unborn(&self) -> bool {
        !self.present
    }
}

/// The VMC service among a run's actors.
pub fn service(actors: &[Actor]) -> Option<&Service> {
    actors.iter().find_map(|actor| match &actor.activity {
        Activity::Service(service) => Some(&**service),
        _ => None,
    })
}
