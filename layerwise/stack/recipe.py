"""Make an image on the engine from its recipe: a folder holding `rootfs.sh` (a root filesystem from packages) or a
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
from typing import IO

from layerwise.errors import LabError
from layerwise.stack.certificates import Trust
from layerwise.stack.fingerprint import fingerprint_of
from layerwise.stack.run import CommandFailed, Stopped, last_line, run, start, stop

ORIGIN = "org.layerwise.origin"
"""Label: "recipe" or "upstream". An image without it is upstream's, byte for byte."""

RECIPE = "org.layerwise.recipe"
"""Label: fingerprint of the recipe and all it builds on."""

CERTIFICATES = "org.layerwise.certificates"
"""Label: fingerprint of the private certificates in the image."""

MINUTE = 60.0
BUILD_TIMEOUT = 30 * MINUTE
INSTALL_TIMEOUT = 10 * MINUTE

ROOTFS = "rootfs.sh"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
PACKAGES = {"mmdebstrap": "mmdebstrap"}
"""Programs of this machine that a root filesystem is made with, and the Debian package of each."""

Progress = Callable[[str], None]

_STEP = re.compile(r"^#\d+ \[(?:\S+ )?(\d+)/(\d+)\] (.*)")
_SAID = re.compile(r"^#\d+ \d+\.\d+ (.*)$", re.MULTILINE)


def fingerprint(folder: Path, bases: Sequence[str] = ()) -> str:
    """Tells a recipe from a changed one: its files, and the fingerprints of the recipes it builds on."""
    return fingerprint_of(folder, folder.rglob("*"), bases)[:16]


def missing_packages(folder: Path) -> list[str]:
    """Debian packages that `make` would add to this machine for this recipe (as root, with apt)."""
    if not (folder / ROOTFS).exists():
        return []
    return [package for program, package in PACKAGES.items() if shutil.which(program) is None]


def make(
    folder: Path,
    tag: str,
    *,
    env: Mapping[str, str],
    labels: Mapping[str, str],
    trust: Trust,
    progress: Progress,
    target: str = "",
    cancel: threading.Event | None = None,
) -> None:
    """Make the image of the recipe in `folder` and tag it `tag` on the engine. Raises LabError; then there is no such
    tag, or the one from before."""
    if (folder / ROOTFS).exists():
        _rootfs(folder, tag, env, labels, trust, progress, cancel)
    else:
        build(folder, tag, env=env, labels=labels, progress=progress, target=target, cancel=cancel)


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
    """What a failed build's step said last of an error: more use than "exit code: 100", with which the output ends."""
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
    _install(folder, env, progress, cancel)
    changes = ['CMD ["bash"]', f"ENV PATH={PATH}", *(f'LABEL {name}="{value}"' for name, value in labels.items())]
    argv = ["docker", "import", *(part for change in changes for part in ("--change", change)), "-"]
    with tempfile.TemporaryDirectory(prefix="layerwise-recipe-") as temporary:
        os.chmod(temporary, 0o755)  # read by the user of a namespace, where mmdebstrap does not run as root
        trust.write(Path(temporary))
        progress("unpacking Debian packages")
        with tempfile.TemporaryFile() as errors:
            maker = start(["sh", str(folder / ROOTFS), temporary], env=env, errors=errors)
            try:
                output = run(argv, env=env, timeout=BUILD_TIMEOUT, stdin=maker.stdout, cancel=cancel)
                status = maker.wait(timeout=MINUTE)
            except CommandFailed as problem:
                if maker.poll():  # nothing sensible came down the pipe: the cause is at its other end
                    raise _failed(folder, errors) from None
                raise problem from None
            finally:
                stop(maker)
            image = last_line(output)
            if status != 0:
                run(["docker", "image", "rm", image], env=env, timeout=MINUTE)
                raise _failed(folder, errors)
    with _replacing(tag, env):
        run(["docker", "tag", image, tag], env=env, timeout=MINUTE)


@contextmanager
def _replacing(tag: str, env: Mapping[str, str]) -> Iterator[None]:
    """Around giving `tag` to another image: the one that had it goes, unless it has another name or is in use."""
    identity = ["docker", "image", "inspect", "--format", "{{.Id}} {{len .RepoTags}}"]
    before = ""
    with suppress(CommandFailed):  # nothing had it
        before = run([*identity, tag], env=env, timeout=MINUTE).split()[0]
    yield
    with suppress(CommandFailed):
        if before and run([*identity, before], env=env, timeout=MINUTE).split()[1] == "0":
            run(["docker", "image", "rm", "--no-prune", before], env=env, timeout=MINUTE)


def _failed(folder: Path, errors: IO[bytes]) -> LabError:
    """What went wrong in a root filesystem's script, told from what it wrote to its error stream."""
    errors.seek(0)
    lines = errors.read().decode("utf-8", "replace").splitlines()
    told = [line for line in lines if line.startswith(("E:", "Err"))] or lines
    archive = re.search(r"fetch|resolv|connect|timed out", "\n".join(lines), re.IGNORECASE)
    remedy = "is the Debian archive reachable from here?" if archive else f"see: sh {folder / ROOTFS} . > /dev/null"
    return LabError(f"{folder.name}: {last_line(told[0] if told else 'no word why')}; {remedy}")


def _install(folder: Path, env: Mapping[str, str], progress: Progress, cancel: threading.Event | None) -> None:
    """Have the programs that a root filesystem is made with. Raises LabError where they cannot be had."""
    packages = missing_packages(folder)
    if not packages:
        return
    names = " ".join(packages)
    if shutil.which("apt-get") is None:
        raise LabError(
            f"Docker Hub is out of reach and {names} is not here to make Debian's image; "
            "connect to Docker Hub once, or run ./lab up on Debian or Ubuntu"
        )
    if os.geteuid() != 0:
        raise LabError(f"Docker Hub is out of reach and {names} is not here; run: sudo apt-get install {names}")
    progress(f"installing {names}")
    quiet = {**env, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *packages, "debian-archive-keyring"]
    try:
        run(install, env=quiet, timeout=INSTALL_TIMEOUT, cancel=cancel)
    except Stopped:
        raise
    except LabError:  # lists may be missing or old
        run(["apt-get", "update"], env=quiet, timeout=INSTALL_TIMEOUT, cancel=cancel)
        run(install, env=quiet, timeout=INSTALL_TIMEOUT, cancel=cancel)
