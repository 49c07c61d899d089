//! A client of HMC commands: blocking, for programs that manage a system over the VMC.
//!
//! A [`Client`] asks by a method for each operation of [`hmc_proto`], over any [`Device`]: the file of the operating system
//! ([`DeviceFile`]), or an embedded machine ([`Embedded`], [`Seat`]). This is a whole program:
//!
//! ```
//! use hmc_client::{Client, Embedded, Error, Notice, Options};
//! use hmc_proto::*;
//! use hmc_router::{Router, small_system};
//! use std::time::Duration;
//! use vmc_machine::embed::{AnyBehaviour, Machine};
//!
//! // With `DeviceFile::new("/dev/ibmvmc")` in place of the embedded machine it runs in a management partition.
//! let behaviour = AnyBehaviour::new(Router::new(small_system()));
//! let application = Machine { behaviour, ..Machine::default() }.deterministic()?;
//! let mut client = Client::open(Embedded::new(application), Options::new("HMC-A"))?;
//! client.subscribe()?;
//!
//! let memory = Memory { min_mb: 1024, desired_mb: 2048, max_mb: 4096 };
//! let web1 = CreatePartition::linux("web1", memory, 2);
//! let created = client.create_partition(web1.clone())?;
//! let Err(Error::Refused { refusal, .. }) = client.create_partition(web1) else { panic!("twice") };
//! assert_eq!(refusal.code, "HSCL05DE");
//!
//! let started = client.power_on(PowerOn { id: created.id, version: None, profile: None, boot_mode: None })?;
//! let job = client.wait_for_job(started.job, Duration::from_secs(300))?;
//! assert_eq!(job.state, JobState::Done);
//! let names: Vec<_> = client.all_partitions()?.into_iter().map(|p| (p.name, p.state)).collect();
//! assert_eq!(names[2], (String::from("web1"), PartitionState::Running));
//!
//! while let Some(notice) = client.next_event(Duration::ZERO)? {
//!     match notice {
//!         Notice::Event(event) => println!("{event:?}"),
//!         Notice::Missed { count, .. } => println!("{count} events missed"),
//!     }
//! }
//! client.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it does by itself
//!
//! - **Correlation.** Each request has a token of its own, and waits for the response with it. A response that comes after
//!   its request was [given up](Error::TimedOut) is dropped, and [counted](Counts).
//! - **A write without a free buffer** (EBUSY) is made again until the request's patience is over.
//! - **Events** are kept in order until [`Client::next_event`] takes them. What is lost, by an overflow at the hypervisor's
//!   or with a session, is told in its place as [`Notice::Missed`]. For each event the client gives a buffer back.
//! - **A session that is lost**, because the channel was reset, is opened again with the same HMC ID and resumed, and events
//!   are subscribed to anew.
//!
//! # What is under way when the session is lost
//!
//! | request | the hypervisor knows the session still | it has forgotten it |
//! |---|---|---|
//! | looks, echo, subscribe | is asked again | is asked again |
//! | a change | its outcome is asked for by its token; if there is none, it is asked again with that token | [`Error::OutcomeUnknown`] |
//! | query outcome | is asked again | [`Error::OutcomeUnknown`] |
//! | close | is done | is done |
//!
//! A session that was lost before the request began leaves nothing in doubt, and the request goes out in the next one.
//!
//! | file | subject |
//! |---|---|
//! | `client` | one attempt: write, read, correlate |
//! | `recover` | sessions that are opened again |
//! | `operations` | a method for each operation |
//! | `events` | events, and what is missed |
//! | `file` | what a client needs of a device |
//! | `device_file`, `embedded` | devices |

#![deny(unsafe_code)]

mod client;
mod device_file;
mod embedded;
mod error;
mod events;
mod file;
mod operations;
mod recover;

pub use client::{Client, Counts, Options};
pub use device_file::{DeviceFile, OpenDevice};
pub use embedded::{Embedded, EmbeddedFile, Seat, SeatFile};
pub use error::Error;
pub use events::{MAX_WAITING_EVENTS, Notice};
pub use file::{Device, HMC_ID_BYTES, HmcId, Ready, VmcFile};
