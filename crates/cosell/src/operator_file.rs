//! `operator.json` in a data folder: where the folder's server serves the operator API, and a token for it, so that the
//! command line finds both. Whoever may read the file may do everything; so only its owner may.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use cosell_model::Timestamp;
use cosell_operator::Scope;
use cosell_operator::tokens::{self, NewToken, Presented};
use cosell_service::audit::Author;
use cosell_store::Store;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const NAME: &str = "operator.json";
/// The name of the token in the file, by which it is known in the list of tokens.
const TOKEN_NAME: &str = "operator.json of the data folder";

/// What the file says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorFile {
    /// Where the operator API is, without its path.
    pub url: String,
    /// A token with scope admin.
    pub token: String,
    /// The file of the server's certificate, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// The fingerprint of the certificate that the server shows, which may be an older one than the file's: by this it is known,
    /// whatever the name in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

impl OperatorFile {
    /// Reads the file of a data folder.
    pub fn read(data: &Path) -> anyhow::Result<Self> {
        let path = data.join(NAME);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(
                "{} is missing: a server writes it when it starts. Start one on this folder (or start it again), name the \
                 folder with --data, or say --operator-url and --operator-token",
                path.display()
            ),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        serde_json::from_str(&text).with_context(|| {
            format!(
                "{} is damaged: start the folder's server again, which writes it anew",
                path.display()
            )
        })
    }

    /// Puts the file in the place of the former one. Its owner alone can read it, from the first moment.
    pub fn write(&self, data: &Path) -> anyhow::Result<()> {
        let (path, new) = (data.join(NAME), data.join(format!("{NAME}.new")));
        let write = || {
            // Left behind by a server that was cut off, with whatever permissions.
            match std::fs::remove_file(&new) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = crate::data_dir::private_file(&new)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.write_all(b"\n")?;
            std::fs::rename(&new, &path)
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Who else has an `operator.json` for the same store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peers {
    /// Nobody: the store has one server.
    None,
    /// Other servers, each with a folder of its own, whose tokens stay as they are.
    Some,
}

/// The name of the token in a folder's file. Where there are peers, one for each folder of each machine, so that a server that
/// starts takes the place of its own former token only.
fn token_name(data: Option<&Path>, peers: Peers) -> String {
    match (data, peers) {
        (Some(data), Peers::Some) => {
            let data = std::path::absolute(data).unwrap_or_else(|_| data.to_owned());
            let name = format!("operator.json on {}: {}", machine(), data.display());
            shortened(&name)
        }
        _ => TOKEN_NAME.to_owned(),
    }
}

/// A name that is short enough. Long ones differ at their end as a rule, if anywhere, so a hash of all stands for the middle.
fn shortened(name: &str) -> String {
    let length = name.chars().count();
    if length <= tokens::MAX_NAME {
        return name.to_owned();
    }
    let hash = Sha256::digest(name.as_bytes());
    let hash: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let (front, back) = (30, tokens::MAX_NAME - 30 - hash.len() - 2);
    let start = name.chars().take(front);
    let end = name.chars().skip(length - back);
    start
        .chain(['…'])
        .chain(hash.chars())
        .chain(['…'])
        .chain(end)
        .collect()
}

#[cfg(unix)]
fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn machine() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

/// Ends the token of a folder's file, and the file. For a server among peers that stops: its folder may go with its
/// container, and a token that nobody has any more would stay valid.
pub async fn retire(store: &dyn Store, data: &Path, now: Timestamp) -> anyhow::Result<()> {
    if let Some(presented) = Presented::parse(&OperatorFile::read(data)?.token)
        && let Ok(known) = tokens::verify(store, presented, now).await?
    {
        tokens::revoke(store, &Author::server("stop"), &known.id, now).await?;
    }
    let path = data.join(NAME);
    std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))
}

/// The token for the file of a data folder: the one that is there already, else a new one in the place of any former.
/// Without a folder it is always a new one.
pub async fn token(
    store: &dyn Store,
    data: Option<&Path>,
    peers: Peers,
    now: Timestamp,
) -> anyhow::Result<Zeroizing<String>> {
    if let Some(data) = data
        && let Ok(file) = OperatorFile::read(data)
        && let Some(presented) = Presented::parse(&file.token)
        && let Ok(known) = tokens::verify(store, presented, now).await?
        && known.scope == Scope::Admin
    {
        return Ok(Zeroizing::new(file.token));
    }
    let name = token_name(data, peers);
    for former in tokens::list(store).await? {
        if former.name == name && former.revoked_date.is_none() {
            tokens::revoke(store, &Author::server("start"), &former.id, now).await?;
        }
    }
    let new = NewToken {
        name,
        scope: Scope::Admin,
        expires_date: None,
    };
    Ok(tokens::create(store, &Author::server("start"), new, now)
        .await?
        .secret)
}

/// The address under which a program on this machine reaches what listens on `bound`.
pub fn reachable(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bound.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(url: &str) -> OperatorFile {
        OperatorFile {
            url: url.to_owned(),
            token: "cosell_op_0_1".to_owned(),
            certificate: None,
            fingerprint: None,
        }
    }

    #[test]
    fn the_file_is_replaced_and_only_its_owner_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("operator.json.new"), "left behind").unwrap();
        file("http://127.0.0.1:1").write(dir.path()).unwrap();
        file("http://127.0.0.1:2").write(dir.path()).unwrap();
        assert_eq!(OperatorFile::read(dir.path()).unwrap().url, "http://127.0.0.1:2");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(dir.path().join(NAME))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_missing_or_damaged_file_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let said = |word: &str| {
            let error = format!("{:#}", OperatorFile::read(dir.path()).unwrap_err());
            assert!(error.contains(word) && error.contains("start"), "{error}");
        };
        said("missing");
        for text in ["", "{", "{\"url\":\"http://x\"}"] {
            std::fs::write(dir.path().join(NAME), text).unwrap();
            said("damaged");
        }
    }

    #[test]
    fn only_among_peers_a_token_is_named_after_its_folder() {
        let name = |folder: &str, peers| token_name(Some(Path::new(folder)), peers);
        assert_eq!(name("/a", Peers::None), name("/b", Peers::None));
        assert_ne!(name("/a", Peers::Some), name("/b", Peers::Some));
        assert_eq!(name("/a", Peers::Some), name("/a", Peers::Some));
        let long = |middle: &str| {
            let folder = format!("{}/{middle}{}", "/folder".repeat(20), "/data".repeat(20));
            name(&folder, Peers::Some)
        };
        assert_eq!(long("a").chars().count(), tokens::MAX_NAME);
        assert_ne!(long("a"), long("b"));
    }

    #[test]
    fn a_server_on_all_addresses_is_reached_on_this_machine() {
        for (bound, reached) in [
            ("0.0.0.0:7", "127.0.0.1:7"),
            ("[::]:7", "[::1]:7"),
            ("192.0.2.1:7", "192.0.2.1:7"),
        ] {
            assert_eq!(reachable(bound.parse().unwrap()), reached.parse().unwrap());
        }
    }
}
