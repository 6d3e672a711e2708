//! The load generator: connections that each send one freshly signed request after another and time the answers.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::process;
use crate::requests::{KEY_ID, SECRET, create, update};
use crate::sign::Signer;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// CreateOpportunity, each with a token of its own
    Create,
    /// GetOpportunity of rows made before the measurement
    Get,
    /// ListOpportunities, one page of 20 in the default order
    List,
    /// UpdateOpportunity with the whole document, each connection on a row of its own
    Update,
    /// 8 in 16 Get, 4 List, 2 Create, 2 Update
    Mixed,
}

#[derive(Args, Clone)]
pub struct Arguments {
    /// Address and port of the server; of several with commas between them, over which the connections are spread
    #[arg(long, default_value = "127.0.0.1:7733", value_delimiter = ',')]
    pub address: Vec<String>,
    /// What is asked for
    #[arg(long, value_enum)]
    pub scenario: Scenario,
    /// Connections, each with one request under way
    #[arg(long, default_value_t = 16)]
    pub connections: usize,
    /// Seconds measured, after one second of warming up
    #[arg(long, default_value_t = 5)]
    pub seconds: u64,
    /// The servers' processes, to read their processor time and memory
    #[arg(long, value_delimiter = ',')]
    pub pid: Vec<u32>,
    /// The main process of a PostgreSQL, to read its processor time with that of its children
    #[arg(long)]
    pub database: Option<u32>,
    /// ListOpportunities asks this instead of the default page
    #[arg(skip)]
    pub list_body: Option<Value>,
}

/// What was measured.
#[derive(Debug, Clone)]
pub struct Measured {
    pub requests: u64,
    pub seconds: f64,
    /// Microseconds.
    pub p50: u64,
    pub p99: u64,
    pub p999: u64,
    /// Processor time of the servers per request, in microseconds.
    pub cpu: Option<f64>,
    /// Processor time of the database per request, in microseconds.
    pub database: Option<f64>,
}

impl Measured {
    pub fn per_second(&self) -> f64 {
        self.requests as f64 / self.seconds
    }
}

pub fn main(arguments: &Arguments) -> anyhow::Result<()> {
    let measured = measure(arguments)?;
    println!(
        "{:?}, {} connections: {:.0} requests/s, p50 {} µs, p99 {} µs, p999 {} µs{}{}",
        arguments.scenario,
        arguments.connections,
        measured.per_second(),
        measured.p50,
        measured.p99,
        measured.p999,
        measured
            .cpu
            .map(|cpu| format!(", server CPU {cpu:.1} µs per request"))
            .unwrap_or_default(),
        measured
            .database
            .map(|cpu| format!(", database CPU {cpu:.1} µs per request"))
            .unwrap_or_default()
    );
    for pid in &arguments.pid {
        let (all, anonymous) = process::memory(*pid)?;
        println!(
            "server memory: {} MB resident, {} MB of it not backed by files",
            all >> 20,
            anonymous >> 20
        );
    }
    Ok(())
}

/// Runs the load and measures.
pub fn measure(arguments: &Arguments) -> anyhow::Result<Measured> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let mut prepared = Vec::new();
        for number in 0..arguments.connections {
            prepared.push(Client::prepare(arguments, number as u64).await?);
        }
        let warm = Instant::now() + Duration::from_secs(1);
        let end = warm + Duration::from_secs(arguments.seconds);
        let mut tasks = tokio::task::JoinSet::new();
        for mut client in prepared {
            tasks.spawn_local(async move { client.run(warm, end).await });
        }
        tokio::time::sleep_until(warm.into()).await;
        let before = used(arguments)?;
        tokio::time::sleep_until(end.into()).await;
        let after = used(arguments)?;
        let mut times = Vec::new();
        while let Some(result) = tasks.join_next().await {
            times.extend(result??);
        }
        times.sort_unstable();
        if times.is_empty() {
            bail!("no request was answered");
        }
        let at = |share: f64| u64::from(times[((times.len() - 1) as f64 * share) as usize]);
        let per_request = |before: Option<Duration>, after: Option<Duration>| {
            let used = before.zip(after).map(|(before, after)| after - before);
            used.map(|used| used.as_micros() as f64 / times.len() as f64)
        };
        Ok(Measured {
            requests: times.len() as u64,
            seconds: arguments.seconds as f64,
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            cpu: per_request(before.0, after.0),
            database: per_request(before.1, after.1),
        })
    })
}

/// The processor time that the servers and the database have used so far; `None` for what is not looked at.
fn used(arguments: &Arguments) -> anyhow::Result<(Option<Duration>, Option<Duration>)> {
    let servers = arguments.pid.iter().map(|pid| process::cpu(*pid));
    let servers = servers.sum::<anyhow::Result<Duration>>()?;
    let database = arguments.database.map(process::cpu_of_family).transpose()?;
    Ok(((!arguments.pid.is_empty()).then_some(servers), database))
}

struct Client {
    scenario: Scenario,
    stream: TcpStream,
    signer: Signer,
    number: u64,
    sent: u64,
    run: String,
    document: Value,
    last_modified: String,
    get_body: Vec<u8>,
    list_body: Vec<u8>,
    buffer: Vec<u8>,
}

impl Client {
    async fn prepare(arguments: &Arguments, number: u64) -> anyhow::Result<Self> {
        let turn = usize::try_from(number)? % arguments.address.len().max(1);
        let address = arguments.address.get(turn).context("no address was given")?;
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("cannot reach {address}"))?;
        stream.set_nodelay(true)?;
        let list_body = arguments
            .list_body
            .clone()
            .unwrap_or_else(|| json!({"Catalog": "Sandbox", "MaxResults": 20}));
        let mut client = Self {
            scenario: arguments.scenario,
            stream,
            signer: Signer::new(KEY_ID, SECRET, address),
            number,
            sent: 0,
            run: format!("{}-{:?}", std::process::id(), Instant::now()),
            document: Value::Null,
            last_modified: String::new(),
            get_body: Vec::new(),
            list_body: serde_json::to_vec(&list_body)?,
            buffer: Vec::with_capacity(64 * 1024),
        };
        if arguments.scenario != Scenario::Create && arguments.list_body.is_none() {
            client.prepare_row().await?;
        }
        Ok(client)
    }

    /// Makes the row that this connection reads and updates. The limit server answers anything with one document.
    async fn prepare_row(&mut self) -> anyhow::Result<()> {
        let body = create(self.number, &format!("row-{}-{}", self.run, self.number));
        let answer = self
            .call("CreateOpportunity", &serde_json::to_vec(&body)?)
            .await?;
        let id = answer["Id"].as_str().unwrap_or("O1").to_owned();
        self.get_body = serde_json::to_vec(&json!({"Catalog": "Sandbox", "Identifier": id}))?;
        let body = self.get_body.clone();
        self.document = self.call("GetOpportunity", &body).await?;
        self.last_modified = self.document["LastModifiedDate"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        Ok(())
    }

    async fn run(&mut self, warm: Instant, end: Instant) -> anyhow::Result<Vec<u32>> {
        let mut times = Vec::with_capacity(100_000);
        while Instant::now() < end {
            let started = Instant::now();
            self.step().await?;
            if started >= warm {
                times.push(u32::try_from(started.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
        }
        Ok(times)
    }

    async fn step(&mut self) -> anyhow::Result<()> {
        self.sent += 1;
        let scenario = match self.scenario {
            Scenario::Mixed => match self.sent % 16 {
                0..8 => Scenario::Get,
                8..12 => Scenario::List,
                12..14 => Scenario::Create,
                _ => Scenario::Update,
            },
            scenario => scenario,
        };
        match scenario {
            Scenario::Get => {
                let request = self.signer.request("GetOpportunity", &self.get_body);
                self.exchange(&request).await
            }
            Scenario::List => {
                let request = self.signer.request("ListOpportunities", &self.list_body);
                self.exchange(&request).await
            }
            Scenario::Create => {
                let number = self.number + self.sent * 1000;
                let body = create(number, &format!("{}-{number}", self.run));
                let request = self
                    .signer
                    .request("CreateOpportunity", &serde_json::to_vec(&body)?);
                self.exchange(&request).await
            }
            Scenario::Update | Scenario::Mixed => {
                let body = update(&self.document, &self.last_modified, self.sent);
                let answer = self
                    .call("UpdateOpportunity", &serde_json::to_vec(&body)?)
                    .await?;
                answer["LastModifiedDate"]
                    .as_str()
                    .unwrap_or_default()
                    .clone_into(&mut self.last_modified);
                Ok(())
            }
        }
    }

    async fn call(&mut self, operation: &str, body: &[u8]) -> anyhow::Result<Value> {
        let request = self.signer.request(operation, body);
        self.exchange(&request).await?;
        let body = self
            .buffer
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .map_or(&[][..], |at| &self.buffer[at + 4..]);
        Ok(serde_json::from_slice(body)?)
    }

    /// Sends a request and reads the whole answer into the buffer; anything but status 200 ends the run.
    async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
            let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") else {
                continue;
            };
            let head = std::str::from_utf8(&self.buffer[..end])?;
            let length = head
                .lines()
                .find_map(|line| {
                    line.split_once(':')
                        .filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                })
                .and_then(|(_, length)| length.trim().parse::<usize>().ok())
                .unwrap_or_default();
            if self.buffer.len() < end + 4 + length {
                continue;
            }
            if !head.starts_with("HTTP/1.1 200") {
                bail!("{}", String::from_utf8_lossy(&self.buffer));
            }
            return Ok(());
        }
    }
}
