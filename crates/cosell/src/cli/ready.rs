//! `cosell ready`: the health check of a container that holds nothing but the program.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use http::StatusCode;
use serde_json::json;

use super::remote::Remote;
use crate::output::Output;

/// `cosell ready`.
#[derive(Args)]
pub struct Ready {
    /// The data folder of the server
    #[arg(long, value_name = "DIR", env = "COSELL_DATA", default_value = "./.cosell")]
    data: PathBuf,
    /// Seconds to wait for its answer
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    timeout: u64,
}

/// Asks the server of a data folder whether it is ready.
pub async fn run(output: Output, ready: Ready) -> anyhow::Result<()> {
    let server = Remote::beside(&ready.data)?;
    match server
        .probe("/readyz", Duration::from_secs(ready.timeout))
        .await?
    {
        (StatusCode::OK, _) => output.one(&json!({ "ready": true }), &[("Ready", "yes".to_owned())]),
        (StatusCode::SERVICE_UNAVAILABLE, why) => bail!("the server is not ready: {why}"),
        (other, _) => bail!("the server answers {other}, which says nothing of whether it is ready"),
    }
}
