//! Tests of a running server over HTTP: conformance generated from the model, hostile input, scenarios, the command line,
//! and crashes. One program, so that the server is built and started as seldom as possible. They know the server by its
//! wire and its command line only.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![allow(missing_docs, reason = "a test program has no readers of its documentation")]

mod command_line;
mod conformance;
mod crash;
mod crash_tasks;
mod deploy;
mod harness;
mod histories;
mod hostile;
mod operator;
mod postgres;
mod scenarios;
mod seeded;
