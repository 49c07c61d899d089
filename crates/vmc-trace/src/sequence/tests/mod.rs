//! Tests of the canonical text.

mod any;
mod causes;
mod events;
mod flows;
mod folds;
mod protocol;
mod run;
mod schedules;
