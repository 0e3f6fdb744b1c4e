//! A file system of its own for the server's data: a loop-mounted image that can be cut off and filled.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

use crate::Outcome;

/// Size of an image where it does not matter, bytes; sparse.
const IMAGE_BYTES: u64 = 32 << 30;
const UNMOUNT_TRIES: usize = 100;
const UNMOUNT_PAUSE: Duration = Duration::from_millis(50);

/// Why this machine cannot have such volumes, or lacks one of these tools; `None` where all is there.
pub fn impossible(tools: &[&str]) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("loop mounts need root".to_owned());
    }
    if !Path::new("/dev/loop-control").exists() {
        return Some("there are no loop devices".to_owned());
    }
    let missing = |tool: &&&str| Command::new(tool).arg("-V").output().is_err();
    tools.iter().chain(&["mount"]).find(missing).map(|tool| format!("there is no {tool}"))
}

/// A mounted image; unmounted when dropped.
#[derive(Debug)]
pub struct Volume {
    image: PathBuf,
    mount: PathBuf,
    is_mounted: bool,
}

impl Volume {
    /// An empty file system of this kind, mounted in `folder`.
    pub(super) fn create(kind: &str, folder: &Path) -> Outcome<Self> {
        Self::of(IMAGE_BYTES, kind, folder.join("image"), folder.join("mount"))
    }

    /// An empty file system of so many bytes in an image that is made, mounted where there may be an empty folder.
    pub fn of(bytes: u64, kind: &str, image: PathBuf, mount: PathBuf) -> Outcome<Self> {
        std::fs::create_dir_all(&mount).map_err(|e| e.to_string())?;
        let file = std::fs::File::create(&image).map_err(|e| e.to_string())?;
        file.set_len(bytes).map_err(|e| e.to_string())?;
        run_tool(Command::new(format!("mkfs.{kind}")).arg("-q").arg(&image))?;
        let mut volume = Self { image, mount, is_mounted: false };
        volume.mount()?;
        Ok(volume)
    }

    /// Where the file system is.
    pub fn folder(&self) -> &Path {
        &self.mount
    }

    /// Mounts the image again.
    pub(super) fn mount(&mut self) -> Outcome<()> {
        run_tool(Command::new("mount").args(["-o", "loop"]).arg(&self.image).arg(&self.mount))?;
        self.is_mounted = true;
        Ok(())
    }

    /// A process that was killed may hold the mount for a moment longer.
    pub(super) fn unmount(&mut self) -> Outcome<()> {
        let mut tries = UNMOUNT_TRIES;
        while let Err(problem) = run_tool(Command::new("umount").arg(&self.mount)) {
            if tries == 0 {
                return Err(problem);
            }
            tries -= 1;
            std::thread::sleep(UNMOUNT_PAUSE);
        }
        self.is_mounted = false;
        Ok(())
    }

    /// Stops the file system where it stands: nothing more reaches the image, the journal is not flushed.
    pub(super) fn cut(&self) -> Outcome<()> {
        run_tool(Command::new("xfs_io").args(["-x", "-c", "shutdown"]).arg(&self.mount))
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        if self.is_mounted {
            _ = Command::new("umount").arg("--lazy").arg(&self.mount).status();
        }
    }
}

/// A file that takes all space of a volume but a little; gone when dropped.
#[derive(Debug)]
pub struct Ballast(PathBuf);

impl Ballast {
    /// Leaves so many bytes free.
    pub fn fill(folder: &Path, left: u64) -> Outcome<Self> {
        let ballast = Self(folder.join("ballast"));
        let failed = |e: std::io::Error| format!("filling the disk: {e}");
        let file = std::fs::File::create(&ballast.0).map_err(failed)?;
        let space = statvfs(folder).map_err(|e| failed(e.into()))?;
        let free = (space.f_bavail * space.f_frsize).saturating_sub(left);
        if free == 0 {
            return Err("there is less free than is to be left".to_owned());
        }
        fallocate(&file, FallocateFlags::empty(), 0, free).map_err(|e| failed(e.into()))?;
        Ok(ballast)
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        _ = std::fs::remove_file(&self.0);
    }
}

/// Runs a program; the error holds what it said.
pub(super) fn run_tool(command: &mut Command) -> Outcome<()> {
    let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{command:?}: {}: {}", output.status, said.trim()))
    }
}
