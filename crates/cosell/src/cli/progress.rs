//! How far a long run is, as a bar on the standard error: the one place for all commands that take long. Nothing is ever shown
//! where nobody watches: not in a pipe, and not to programs that asked for JSON.

use std::fmt;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use cosell_store::{Progress, ProgressFn};
use indicatif::{
    BinaryBytes, HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle,
};

use crate::output::Output;

/// How often the time that is left is told anew while nothing else changes.
const TICK: Duration = Duration::from_millis(250);

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes, told in MiB and the like.
    Bytes,
    /// Things of that name, in the plural.
    Things(&'static str),
}

/// The bar of one long run; it is taken away when this is dropped, however the run ends.
pub struct Bar {
    bar: ProgressBar,
    unit: Unit,
}

impl Bar {
    /// A bar for a command that does this (`saved`, `sent`), where somebody watches; else one that nobody sees.
    pub fn new(output: Output, unit: Unit, done: &'static str) -> Self {
        let watched = output == Output::Table && std::io::stderr().is_terminal();
        let target = match watched {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = Self::on(target, unit, done);
        if watched {
            bar.bar.enable_steady_tick(TICK);
        }
        bar
    }

    fn on(target: ProgressDrawTarget, unit: Unit, done: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, target)
            .with_style(style(unit, false))
            .with_message(done);
        Self { bar, unit }
    }

    /// Says what is done, in place of what was said at first.
    pub fn say(&self, done: String) {
        self.bar.set_message(done);
    }

    /// Moves the bar. A total of 0 is one that is not known: then there is no bar, but a count and a rate.
    pub fn teller(&self) -> ProgressFn {
        let (bar, unit) = (self.bar.clone(), self.unit);
        Arc::new(move |Progress { done, total }| {
            let total = Some(total).filter(|total| *total > 0);
            if bar.length() != total {
                bar.set_style(style(unit, total.is_some()));
                match total {
                    Some(total) => bar.set_length(total),
                    None => bar.unset_length(),
                }
            }
            bar.set_position(done);
        })
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(unit: Unit, bounded: bool) -> ProgressStyle {
    let done = match (unit, bounded) {
        (Unit::Bytes, true) => "{bytes} of {total_bytes}".to_owned(),
        (Unit::Bytes, false) => "{bytes}".to_owned(),
        (Unit::Things(name), true) => format!("{{human_pos}} of {{human_len}} {name}"),
        (Unit::Things(name), false) => format!("{{human_pos}} {name}"),
    };
    let template = match bounded {
        true => format!("[{{wide_bar}}] {{percent}}% {done} {{msg}}{{pace}}"),
        false => format!("{{spinner}} {done} {{msg}}{{pace}}"),
    };
    // A test reads every template there is.
    ProgressStyle::with_template(&template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
        .with_key("pace", move |state: &ProgressState, out: &mut dyn fmt::Write| {
            // A text always takes more.
            let _ = pace(unit, state, out);
        })
}

/// Rate, and the time that is left or else was needed so far. Before the first step nothing can be said of either.
fn pace(unit: Unit, state: &ProgressState, out: &mut dyn fmt::Write) -> fmt::Result {
    if state.pos() == 0 {
        return Ok(());
    }
    // No rate is negative, and any that is too great ends at the greatest number.
    let rate = state.per_sec().round() as u64;
    match unit {
        Unit::Bytes => write!(out, ", {}/s", BinaryBytes(rate))?,
        Unit::Things(_) => write!(out, ", {}/s", HumanCount(rate))?,
    }
    match state.len() {
        Some(_) => write!(out, ", {} left", HumanDuration(state.eta())),
        None => write!(out, ", for {}", HumanDuration(state.elapsed())),
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use indicatif::TermLike;

    use super::*;

    /// A terminal that keeps what is written.
    #[derive(Debug, Clone, Default)]
    struct Paper(Arc<Mutex<String>>);

    impl Paper {
        fn write(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }

        /// What was written since this was asked last.
        fn read(&self) -> String {
            std::mem::take(&mut self.0.lock().unwrap())
        }
    }

    impl TermLike for Paper {
        fn width(&self) -> u16 {
            100
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write(&format!("{text}\n"))
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.write(text)
        }
        fn clear_line(&self) -> io::Result<()> {
            self.write("<cleared>")
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn drawn(unit: Unit, done: u64, total: u64) -> String {
        let paper = Paper::default();
        let bar = Bar::on(
            ProgressDrawTarget::term_like(Box::new(paper.clone())),
            unit,
            "made",
        );
        bar.teller()(Progress { done, total });
        paper.read();
        bar.bar.force_draw();
        let shown = paper.read();
        drop(bar);
        assert!(paper.read().contains("<cleared>"), "it stays behind");
        shown
    }

    #[test]
    fn a_bar_tells_share_counts_rate_and_time_left() {
        let shown = drawn(Unit::Things("opportunities"), 2_500, 10_000);
        assert!(
            shown.contains("[===") && shown.contains(" ] 25% 2,500 of 10,000 opportunities made, "),
            "{shown}"
        );
        assert!(
            shown.contains("/s, ") && shown.trim_end().ends_with(" left"),
            "{shown}"
        );
        let shown = drawn(Unit::Bytes, 1 << 20, 2 << 20);
        assert!(shown.contains(" ] 50% 1.00 MiB of 2.00 MiB made, "), "{shown}");
        assert!(
            shown.contains("/s, ") && shown.trim_end().ends_with(" left"),
            "{shown}"
        );
    }

    #[test]
    fn before_the_first_step_no_time_is_promised() {
        let shown = drawn(Unit::Things("records"), 0, 10);
        assert!(shown.trim_end().ends_with("0% 0 of 10 records made"), "{shown}");
    }

    #[test]
    fn without_a_total_there_is_a_count_and_no_bar() {
        for (unit, count) in [
            (Unit::Things("pages"), "7 pages made, "),
            (Unit::Bytes, "7 B made, "),
        ] {
            let shown = drawn(unit, 7, 0);
            assert!(shown.contains(count) && shown.contains("/s, for "), "{shown}");
            assert!(!shown.contains('%') && !shown.contains("left"), "{shown}");
        }
    }

    #[test]
    fn nothing_is_drawn_for_programs() {
        let bar = Bar::new(Output::Json, Unit::Bytes, "sent");
        assert!(bar.bar.is_hidden());
    }
}
