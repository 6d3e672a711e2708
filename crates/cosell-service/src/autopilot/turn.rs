//! The order of the steps of one deal. Where several servers do jobs, one may have claimed a verdict while another is about to
//! take the deal in review: the verdict waits, or the move of a stage would find a deal that is not approved yet, and be lost.

use std::time::Duration;

use cosell_model::{ApiError, Timestamp};
use cosell_store::{Job, JobId};

use super::steps::{DECIDE, MOVE, TAKE, move_name};
use crate::answer::read_failed;
use crate::service::Service;

/// How long the steps of a batch wait, all together, for those that other servers have in their hands. Such a server may be gone, and
/// there are other jobs, and others who wait for the end of the batch.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// How often it looks meanwhile.
const LOOK: Duration = Duration::from_millis(20);

/// Whether it is a step's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Every step that it builds on is done.
    Now,
    /// One of them is due and was not waited for any longer.
    Later,
    /// One of them failed and was put off till then.
    After(Timestamp),
}

/// Whether every step of the same deal that is due before this one is done. Waits for those that somebody is at, as long as there is
/// patience left; nobody waits for a later step, so nobody waits in a circle.
pub(crate) async fn turn(service: &Service, job: &Job, patience: &mut Duration) -> Result<Turn, ApiError> {
    for id in builds_on(&job.id) {
        while let Some(before) = service.store.job(&id).await.map_err(read_failed)? {
            let comes_later = (before.job.run_at, &before.job.id) > (job.run_at, &job.id);
            if comes_later && before.job.attempts == 0 {
                // People were faster than the script, and what they did brought this step forward.
                break;
            }
            let is_held = before.held.is_some_and(|(_, until)| until > service.now());
            if comes_later && !is_held {
                return Ok(Turn::After(before.job.run_at));
            }
            if !is_held || patience.is_zero() {
                return Ok(Turn::Later);
            }
            tokio::time::sleep(LOOK).await;
            *patience = patience.saturating_sub(LOOK);
        }
    }
    Ok(Turn::Now)
}

/// The steps that a step comes after. Of the moves before a move it is enough to know the last, which waits for its own.
fn builds_on(id: &JobId) -> Vec<JobId> {
    let Some((deal, name)) = id.0.rsplit_once('/') else {
        return Vec::new();
    };
    let mut names = Vec::new();
    if name == DECIDE {
        names.push(TAKE.to_owned());
    }
    if let Some(number) = name.strip_prefix(MOVE).and_then(|n| n.parse::<usize>().ok()) {
        names.extend([TAKE.to_owned(), DECIDE.to_owned()]);
        names.extend((number > 1).then(|| move_name(number - 1)));
    }
    names
        .into_iter()
        .map(|name| JobId(format!("{deal}/{name}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_builds_on_those_of_its_submission_that_come_before_it() {
        let id = |name: &str| JobId(format!("autopilot/AWS/O1/111122223333/000001/{name}"));
        let names = |of: &str| -> Vec<String> { builds_on(&id(of)).into_iter().map(|id| id.0).collect() };
        let full = |all: &[&str]| -> Vec<String> { all.iter().map(|name| id(name).0).collect() };
        assert_eq!(names("1-take"), full(&[]));
        assert_eq!(names("2-decide"), full(&["1-take"]));
        assert_eq!(names("3-move-0001"), full(&["1-take", "2-decide"]));
        assert_eq!(names("3-move-0012"), full(&["1-take", "2-decide", "3-move-0011"]));
        assert_eq!(names("accept/engi-1"), full(&[]));
    }
}
