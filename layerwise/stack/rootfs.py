"""An engine's root filesystem: a Debian release with the engine, made by mmdebstrap. The lab's own is LAB."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grader.lib import process
from layerwise.errors import LabError
from layerwise.stack import processes
from layerwise.stack.engine import none_answers
from layerwise.stack.mounts import mounts
from layerwise.stack.paths import Home, nearest
from layerwise.stack.run import CommandFailed, run


@dataclass(frozen=True)
class System:
    """What a root filesystem is made of: a Debian suite, packages, and settings for apt while it is made."""

    suite: str
    packages: tuple[str, ...]
    apt: tuple[str, ...] = ()


LAB = System(
    "trixie",
    (
        "docker.io",
        "docker-cli",
        "docker-buildx",
        "docker-compose",
        "docker-registry",
        "cosign",
        "iptables",
        "iproute2",
        "procps",  # `docker top` runs the engine's ps
        "ca-certificates",
    ),
)
"""The lab's own engine and its tools: Debian 13."""

MARKER = "LAYERWISE_ROOTFS"
STAMP = "etc/layerwise-rootfs"
"""Written last: a root filesystem that has it is complete, and was made from this list of packages."""

MAKE_SECONDS = 900
NEEDED_BYTES = 3_000_000_000
"""Free space asked for before anything is made: 0.6 GB for the engine, the rest for base images and first builds."""

FULL_BYTES = 100_000_000
"""With less free space than this, a failure is put down to the full disk."""

HALF_MADE = "rootfs.new-"
UNREACHABLE = (
    "Temporary failure resolving",
    "Could not resolve",
    "Unable to connect",
    "Could not connect",
    "Connection failed",
)
"""What apt says if it cannot reach the archive."""

UNSUITABLE = ("overlay", "nfs", "nfs4", "cifs", "smb3", "9p", "vboxsf", "fuse.", "ecryptfs", "aufs")
"""Filesystems on which the overlay filesystem cannot keep image layers."""


def is_ready(home: Home) -> bool:
    """Whether there is a complete root filesystem. One made from an older list of packages will do until a purge."""
    return (home.engine / "rootfs" / STAMP).is_file()


def require_possible(home: Home) -> None:
    """Raise LabError, with the remedy, if this machine cannot make or run an engine of the lab's own."""
    nothing = none_answers(os.environ)
    own = "install Docker (https://docs.docker.com/engine/install/) and run ./lab up again"
    if os.uname().sysname != "Linux":
        raise LabError(f"{nothing}; start Docker Desktop or Colima, or {own}")
    if os.geteuid() != 0:
        raise LabError(f"{nothing}; bringing one needs root: {own}, or run: sudo ./lab up")
    if not is_ready(home) and not shutil.which("apt-get"):
        raise LabError(f"{nothing}; bringing one needs apt (Debian or Ubuntu): {own}")
    if process.run(["unshare", "--mount", "--pid", "--fork", "true"], timeout=20).status != 0:
        raise LabError(
            f"{nothing}; this container may not run one (no CAP_SYS_ADMIN): "
            "start it with --privileged, or give it an engine with DOCKER_HOST"
        )
    filesystem = filesystem_of(home.path)
    if filesystem.startswith(UNSUITABLE):
        raise LabError(
            f"{home.path} is on {filesystem}, where an engine cannot keep image layers; "
            "set LAYERWISE_HOME to a folder on a local disk (ext4, xfs, btrfs) or on a volume"
        )


def filesystem_of(path: Path) -> str:
    """The type of filesystem that `path`, or its nearest existing parent, is on ("ext4"); empty if not known."""
    best, kind = "", ""
    real = str(nearest(path).resolve())
    for point, type_ in mounts():
        if len(point) >= len(best) and (real == point or real.startswith(point.rstrip("/") + "/")):
            best, kind = point, type_
    return kind


def sweep(home: Home) -> None:
    """Remove what a killed run left unfinished."""
    if not home.engine.is_dir():
        return
    left_over = processes.with_environment(MARKER, str(home.engine))
    processes.send(left_over, signal.SIGKILL)
    processes.wait_gone(left_over, 10)
    for folder in home.engine.glob(f"{HALF_MADE}*"):
        shutil.rmtree(folder, ignore_errors=True)


def make(home: Home, say: Callable[[str], None], system: System = LAB) -> None:
    """Make the root filesystem of `home.engine`, within MAKE_SECONDS. It gets its name only when it is complete.

    Raises LabError with mmdebstrap's reason.
    """
    sweep(home)
    home.engine.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=HALF_MADE, dir=home.engine))
    work.chmod(0o755)
    half = work / "rootfs"
    try:
        half.mkdir()
        (work / "tmp").mkdir()
        _mmdebstrap(half, work / "tmp", home, say, system)
        (half / STAMP).write_text(" ".join(system.packages) + "\n")
        target = home.engine / "rootfs"
        if target.exists():
            shutil.rmtree(target)
        half.rename(target)
    except OSError as problem:
        raise LabError(f"cannot make the engine in {home.engine}: {problem.strerror}") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _mmdebstrap(folder: Path, temporary: Path, home: Home, say: Callable[[str], None], system: System) -> None:
    command = [
        *("nice", "-n", "10"),  # Python packages come first: with them a reader can begin
        # Killed with us; and with its namespaces go all of its processes and mounts.
        *(
            "setpriv",
            "--pdeathsig",
            "KILL",
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--mount-proc",
            "--kill-child=KILL",
        ),
        *("mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(system.packages)}"),
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        "--dpkgopt=force-unsafe-io",  # no wait for the disk after each file
        '--aptopt=APT::Install-Recommends "false"',
        '--aptopt=Acquire::Retries "3"',
        *(f"--aptopt={setting}" for setting in system.apt),
        *(system.suite, str(folder)),
    ]
    env = {**os.environ, MARKER: str(home.engine), "TMPDIR": str(temporary)}

    def on_line(line: str) -> None:
        if line.startswith("I: ") and line.rstrip().endswith("..."):
            say(line[3:].strip().rstrip("."))

    try:
        run(command, env=env, timeout=MAKE_SECONDS, on_line=on_line)
    except CommandFailed as problem:
        full = shutil.disk_usage(folder).free < FULL_BYTES
        reason = failure(problem.output.splitlines(), full)
        raise LabError(f"cannot make the engine's root filesystem: {reason}") from None


def failure(lines: list[str], full: bool) -> str:
    """Why mmdebstrap failed, with the remedy if it is known. `lines` is the end of its output, `full` whether the disk
    is full."""
    text = "\n".join(lines)
    if full or "No space left" in text:
        return "the disk is full; free 3 GB or set LAYERWISE_HOME to a folder on another disk"
    if any(sign in text for sign in UNREACHABLE):
        return "the Debian package archive cannot be reached; check the network (or set http_proxy) and try again"
    if "NO_PUBKEY" in text or "signed by untrusted" in text:
        return "this machine's debian-archive-keyring is too old; upgrade it, or install Docker"
    telling = [line for line in lines if line.startswith(("E: ", "dpkg: error")) and "mmdebstrap failed" not in line]
    return (telling or lines or ["mmdebstrap said nothing"])[0 if telling else -1].removeprefix("E: ")
