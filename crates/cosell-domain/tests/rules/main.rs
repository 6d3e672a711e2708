//! The rules of opportunities, tried from outside: what is published or observed of AWS is written down here once more,
//! as tables, so that the crate's own constants never vouch for themselves. No test here may read a clock.

#![allow(
    clippy::unwrap_used,
    reason = "tests and their helpers may stop where they stand"
)]

mod assign;
mod audit;
mod autopilot;
mod aws_edit;
mod aws_side;
mod create;
mod engagement;
mod event;
mod fault;
mod lead;
mod locks;
mod properties;
mod prospecting;
mod quota;
mod relate;
mod review;
mod review_desk;
mod snapshot;
mod snapshot_job;
mod spend;
mod submit;
mod support;
mod tags;
mod task;
mod task_reason;
mod update;
