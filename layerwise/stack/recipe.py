"""Make an image on the engine from its recipe: a folder with `rootfs.sh` (a root filesystem from packages) or a
Dockerfile."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from grader.lib.fingerprint import fingerprint_of
from grader.lib.units import format_duration
from layerwise.errors import LabError
from layerwise.stack import apt, lock, paths
from layerwise.stack.certificates import Trust
from layerwise.stack.run import CommandFailed, Stopped, last_line, run

ORIGIN = "org.layerwise.origin"
"""Label: "recipe" or "upstream". An image without it is upstream's, byte by byte."""

RECIPE = "org.layerwise.recipe"
"""Label: fingerprint of the recipe and everything it builds on."""

CERTIFICATES = "org.layerwise.certificates"
"""Label: fingerprint of the private certificates in the image."""

MINUTE = 60.0
BUILD_TIMEOUT = 30 * MINUTE
RETRY_AFTER = 10.0
"""Seconds until a recipe is tried again whose network failed for a moment."""

ROOTFS = "rootfs.sh"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")

Progress = Callable[[str], None]

_STEP = re.compile(r"^#\d+ \[(?:\S+ )?(\d+)/(\d+)\] (.*)")
_PASSING = re.compile(
    r"Temporary failure|EAI_AGAIN|[Tt]imed out|Connection (?:reset|failed|refused)|Hash Sum mismatch|\b50[234]  "
)
"""What apt, pip and npm say if a server or the name service does not answer just now."""
_SAID = re.compile(r"^#\d+ \d+\.\d+ (.*)$", re.MULTILINE)
NOT_ROOT = (
    "without root that takes user namespaces: install uidmap, and give yourself ids in /etc/subuid and /etc/subgid; "
    "or have the base images made once, and kept by the registry, with: sudo ./lab up --no-jupyter --images all"
)


def fingerprint(folder: Path, bases: Sequence[str] = ()) -> str:
    """The fingerprint of a recipe: of its files, and of the recipes it builds on (`bases`)."""
    return fingerprint_of(folder, folder.rglob("*"), bases)[:16]


def missing_packages(folder: Path) -> list[str]:
    """The Debian packages that `make` would install on this machine for this recipe (as root, with apt)."""
    if not (folder / ROOTFS).exists():
        return []
    return apt.missing_for_rootfs()


def make(
    folder: Path,
    tag: str,
    *,
    env: Mapping[str, str],
    labels: Mapping[str, str],
    trust: Trust,
    progress: Progress,
    cancel: threading.Event | None = None,
) -> None:
    """Make the image of the recipe in `folder` and tag it `tag` on the engine.

    Raises LabError; the tag then does not exist, or is still the one from before.
    """
    if (folder / ROOTFS).exists():
        _patiently(lambda: _rootfs(folder, tag, env, labels, trust, progress, cancel), progress, cancel)
    else:
        build(folder, tag, env=env, labels=labels, progress=progress, cancel=cancel)


def build(
    folder: Path,
    tag: str,
    *,
    env: Mapping[str, str],
    labels: Mapping[str, str],
    progress: Progress,
    target: str = "",
    cancel: threading.Event | None = None,
) -> None:
    """Build the Dockerfile in `folder` with the engine's own builder. Raises LabError."""
    _patiently(lambda: _build(folder, tag, env, labels, progress, target, cancel), progress, cancel)


def _patiently(attempt: Callable[[], None], progress: Progress, cancel: threading.Event | None) -> None:
    """Make the attempt, and once more if the network failed for a moment."""
    try:
        attempt()
    except LabError as problem:
        if isinstance(problem, Stopped) or not _PASSING.search(f"{problem} {getattr(problem, 'output', '')}"):
            raise
        progress(f"the network failed; trying again in {format_duration(RETRY_AFTER)}")
        if (cancel or threading.Event()).wait(RETRY_AFTER):
            raise
        attempt()


def _build(
    folder: Path,
    tag: str,
    env: Mapping[str, str],
    labels: Mapping[str, str],
    progress: Progress,
    target: str,
    cancel: threading.Event | None,
) -> None:
    with tempfile.TemporaryDirectory(prefix="layerwise-recipe-") as temporary:
        context = Path(temporary) / Path(temporary).name  # a base name of its own: see DESIGN 3.3
        shutil.copytree(folder, context)
        argv = ["docker", "buildx", "build", "--progress=plain", "--provenance=false", "--load", "--tag", tag]
        argv += [f"--label={name}={value}" for name, value in labels.items()]
        argv += [f"--build-arg={name}" for name in PROXIES if env.get(name)]
        argv += ["--target", target] if target else []

        def line(text: str) -> None:
            if step := _STEP.match(text):
                progress(f"step {step[1]} of {step[2]}: {step[3][:80]}")

        try:
            with _replacing(tag, env):
                run([*argv, str(context)], env=env, timeout=BUILD_TIMEOUT, on_line=line, cancel=cancel)
        except CommandFailed as problem:
            raise CommandFailed(_build_cause(folder, problem), problem.output, problem.status) from None


def _build_cause(folder: Path, problem: CommandFailed) -> str:
    """The last error that a step of a failed build printed: it says more than the "exit code: 100" at the end."""
    said = [line[1] for line in _SAID.finditer(problem.output) if re.match(r"E: |ERROR|[Ee]rror|fatal", line[1])]
    return f"building {folder.name} failed: {said[-1][:300]}" if said else str(problem)


def _rootfs(
    folder: Path,
    tag: str,
    env: Mapping[str, str],
    labels: Mapping[str, str],
    trust: Trust,
    progress: Progress,
    cancel: threading.Event | None,
) -> None:
    archive = unpack(folder, env=env, trust=trust, progress=progress, cancel=cancel)
    changes = ['CMD ["bash"]', f"ENV PATH={PATH}", *(f'LABEL {name}="{value}"' for name, value in labels.items())]
    argv = ["docker", "import", *(part for change in changes for part in ("--change", change)), str(archive)]
    try:
        image = last_line(run(argv, env=env, timeout=BUILD_TIMEOUT, cancel=cancel))
    finally:
        archive.unlink()
    with _replacing(tag, env):
        run(["docker", "tag", image, tag], env=env, timeout=MINUTE)


def unpack(
    folder: Path, *, env: Mapping[str, str], trust: Trust, progress: Progress, cancel: threading.Event | None = None
) -> Path:
    """Make the archive of a recipe with `rootfs.sh`, unless it is there, and return its path. That takes no engine.
    Raises LabError."""
    archive = paths.home().cache / f"{folder.name}-{fingerprint(folder)}{trust.fingerprint}.tar"

    def wait(_first: bool) -> None:
        if cancel and cancel.is_set():
            raise Stopped(f"{folder.name}: stopped")

    with lock.turn(paths.home(), f"recipe-{folder.name}", wait):
        if not archive.exists():
            _install(folder, progress)
            progress("unpacking Debian packages")
            _unpack(folder, archive, env, trust, cancel)
    return archive


def _unpack(folder: Path, archive: Path, env: Mapping[str, str], trust: Trust, cancel: threading.Event | None) -> None:
    archive.parent.mkdir(parents=True, exist_ok=True)
    half = archive.with_suffix(".part")
    with tempfile.TemporaryDirectory(prefix="layerwise-recipe-") as temporary:
        os.chmod(temporary, 0o755)  # read by the user of a namespace if mmdebstrap does not run as root
        trust.write(Path(temporary))
        argv = ["sh", "-c", 'exec nice -n 10 sh "$0" "$1" > "$2"', str(folder / ROOTFS), temporary, str(half)]
        try:
            run(argv, env=env, timeout=BUILD_TIMEOUT, cancel=cancel)
            half.replace(archive)
        except CommandFailed as problem:
            raise _failed(folder, problem.output) from None
        finally:
            half.unlink(missing_ok=True)


@contextmanager
def _replacing(tag: str, env: Mapping[str, str]) -> Iterator[None]:
    """Wraps giving `tag` to another image: removes the former one, unless it has another name or is in use."""
    identity = ["docker", "image", "inspect", "--format", "{{.Id}} {{len .RepoTags}}"]
    before = ""
    with suppress(CommandFailed):  # nothing had it
        before = run([*identity, tag], env=env, timeout=MINUTE).split()[0]
    yield
    with suppress(CommandFailed):
        if before and run([*identity, before], env=env, timeout=MINUTE).split()[1] == "0":
            run(["docker", "image", "rm", "--no-prune", before], env=env, timeout=MINUTE)


def _failed(folder: Path, text: str) -> LabError:
    """Why a root filesystem's script failed, from what it printed."""
    lines = text.splitlines()
    told = [line for line in lines if line.startswith(("E:", "Err"))] or lines
    remedy = f"see: sh {folder / ROOTFS} . > /dev/null"
    if "unable to pick chroot mode" in text:
        remedy = NOT_ROOT
    elif re.search(r"fetch|resolv|connect|timed out", text, re.IGNORECASE):
        remedy = "is the Debian archive reachable from here?"
    return LabError(f"{folder.name}: {last_line(told[0] if told else 'it said nothing')}; {remedy}")


def _install(folder: Path, progress: Progress) -> None:
    """Install what a root filesystem is made with. Raises LabError if that is not possible."""
    packages = missing_packages(folder)
    if not packages:
        return
    names = " ".join(packages)
    if shutil.which("apt-get") is None:
        raise LabError(
            f"Docker Hub cannot be reached, and {names} is not installed to make Debian's image; "
            "connect to Docker Hub once, or run ./lab up on Debian or Ubuntu"
        )
    if os.geteuid() != 0:
        raise LabError(
            f"Docker Hub cannot be reached, and {names} is not installed; run: sudo apt-get install {names} uidmap"
        )
    apt.install(packages, progress)
