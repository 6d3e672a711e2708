//! What the system says of this process, by the names that every Prometheus client library gives it. On Linux only: where
//! nothing is said, nothing is told.

use crate::exposition::Exposition;
#[cfg(target_os = "linux")]
use crate::exposition::Kind;

/// Tells what the system says.
#[cfg(target_os = "linux")]
pub(super) fn tell(told: &mut Exposition) {
    use procfs::WithCurrentSystemInfo as _;

    let Ok(process) = procfs::process::Process::myself() else {
        return;
    };
    if let Ok(stat) = process.stat() {
        let ticks = procfs::ticks_per_second() as f64;
        told.single(
            "process_cpu_seconds_total",
            Kind::Counter,
            "Time on processors, of users and of the system.",
            (stat.utime + stat.stime) as f64 / ticks,
        );
        told.single(
            "process_resident_memory_bytes",
            Kind::Gauge,
            "Memory that is in use.",
            stat.rss_bytes().get(),
        );
        told.single(
            "process_virtual_memory_bytes",
            Kind::Gauge,
            "Memory that is addressed.",
            stat.vsize,
        );
        told.single("process_threads", Kind::Gauge, "Threads.", stat.num_threads);
        if let Ok(boot) = procfs::boot_time_secs() {
            told.single(
                "process_start_time_seconds",
                Kind::Gauge,
                "When the process started, in seconds since 1970.",
                boot as f64 + stat.starttime as f64 / ticks,
            );
        }
    }
    if let Ok(open) = process.fd_count() {
        told.single(
            "process_open_fds",
            Kind::Gauge,
            "File handles that are open.",
            open,
        );
    }
    if let Ok(limits) = process.limits()
        && let procfs::process::LimitValue::Value(most) = limits.max_open_files.soft_limit
    {
        told.single(
            "process_max_fds",
            Kind::Gauge,
            "File handles that may be open.",
            most,
        );
    }
}

/// Nothing is said here.
#[cfg(not(target_os = "linux"))]
pub(super) fn tell(_: &mut Exposition) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_its_memory_its_time_and_its_files() {
        let mut told = Exposition::default();
        tell(&mut told);
        let text = told.into_text();
        for name in [
            "process_resident_memory_bytes",
            "process_open_fds",
            "process_start_time_seconds",
        ] {
            let value = text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
            assert!(value.is_some_and(|value| value > 0.0), "{name} in {text}");
        }
    }
}
