//! The folder of a throw-away store. It goes with its store; where its process was killed, the next throw-away store of the same
//! user removes it.
//!
//! Nothing here may touch a folder that is in use or that is a real data folder: only what has [`MARK`], which no other folder has,
//! and whose mark nobody holds locked.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use tempfile::TempDir;

/// The beginning of the folders' names.
const PREFIX: &str = "cosell-";
/// The file that a throw-away folder is known by; its process holds it locked.
const MARK: &str = "ephemeral.lock";
/// The mark before it is locked.
const UNLOCKED: &str = "ephemeral.new";

/// A folder of one's own until this is dropped.
pub(crate) struct Folder {
    // Before the folder, which some systems cannot remove while a file in it is open.
    _mark: File,
    folder: TempDir,
}

impl Folder {
    /// Makes a folder among the system's temporary files, and removes those that killed processes left there.
    pub(crate) fn new() -> io::Result<Self> {
        Self::within(&std::env::temp_dir())
    }

    fn within(parent: &Path) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        sweep(parent, folder.path());
        let (unlocked, path) = (folder.path().join(UNLOCKED), folder.path().join(MARK));
        let mark = OpenOptions::new().write(true).create_new(true).open(&unlocked)?;
        mark.lock()?;
        // Only now can others see it: locked from its first moment.
        fs::rename(&unlocked, &path)?;
        Ok(Self { _mark: mark, folder })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes what was left behind. Whatever cannot be removed stays: it hinders nobody.
fn sweep(parent: &Path, own: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let named = entry.file_name().to_string_lossy().starts_with(PREFIX);
        // Not through links: whoever may write here could point one at anything.
        let folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if named && folder && path != own && same_owner(&path, own) && is_abandoned(&path) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

fn is_abandoned(folder: &Path) -> bool {
    let path = folder.join(MARK);
    fs::symlink_metadata(&path).is_ok_and(|mark| mark.is_file())
        && File::open(&path).is_ok_and(|mark| mark.try_lock().is_ok())
}

#[cfg(unix)]
fn same_owner(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let owner = |path| fs::symlink_metadata(path).map(|found| found.uid());
    matches!((owner(one), owner(other)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(not(unix))]
fn same_owner(_: &Path, _: &Path) -> bool {
    // Temporary files are each user's own there.
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let at = |name: &str| parent.path().join(name);
        for name in ["cosell-killed", "cosell-mydata", "cosell-making", "other-killed"] {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("cosell.db"), "x").unwrap();
        }
        for name in ["cosell-killed", "other-killed"] {
            fs::write(at(name).join(MARK), "").unwrap();
        }
        fs::write(at("cosell-mydata").join("cosell.lock"), "").unwrap();
        fs::write(at("cosell-making").join(UNLOCKED), "").unwrap();
        let alive = Folder::within(parent.path()).unwrap();
        assert!(!at("cosell-killed").exists());
        for name in ["cosell-mydata", "cosell-making", "other-killed"] {
            assert!(at(name).join("cosell.db").exists(), "{name}");
        }
        let second = Folder::within(parent.path()).unwrap();
        assert!(alive.path().join(MARK).exists(), "it is in use");
        let path = alive.path().to_owned();
        drop(alive);
        assert!(!path.exists() && second.path().exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed() {
        let (parent, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(elsewhere.path().join(MARK), "").unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), parent.path().join("cosell-link")).unwrap();
        let _folder = Folder::within(parent.path()).unwrap();
        assert!(elsewhere.path().join(MARK).exists());
    }
}
