"""The tools that lessons run: docker, buildx, compose, trivy, cosign.

They are links in the lab's own folders, so that notebooks and lab commands find the same ones.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from grader.stolen import is_stolen
from layerwise.errors import LabError
from layerwise.stack.engine import config_dir, parse_version
from layerwise.stack.paths import Home

OLDEST_BUILDX = (0, 13)
"""The first that prints --progress=rawjson, from which builds are read."""

PLUGINS = ("docker-buildx", "docker-compose")
SYSTEM_PLUGINS = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
    "/Applications/Docker.app/Contents/Resources/cli-plugins",
    "/opt/homebrew/lib/docker/cli-plugins",
)
COMMANDS = {
    "docker": ("docker", "--version"),
    "buildx": ("docker", "buildx", "version"),
    "compose": ("docker", "compose", "version", "--short"),
    "trivy": ("trivy", "--version", "--format", "json"),
    "cosign": ("cosign", "version", "--json"),
}
CURES = {
    "docker": "install Docker's client (Debian: apt-get install docker-cli)",
    "docker-buildx": "install it (Debian: docker-buildx; Docker's packages: docker-buildx-plugin)",
    "docker-compose": "install it (Debian: docker-compose; Docker's packages: docker-compose-plugin)",
}


def from_rootfs(rootfs: Path) -> dict[str, Path]:
    """The tools that the embedded engine brings."""
    plugins = rootfs / "usr/libexec/docker/cli-plugins"
    found = {"docker": rootfs / "usr/bin/docker", "cosign": rootfs / "usr/bin/cosign"}
    return found | {name: plugins / name for name in PLUGINS}


def from_machine(environ: Mapping[str, str]) -> dict[str, Path]:
    """The tools that the machine has beside an engine of its own. What is not there is left out."""
    found = {
        name: Path(path) for name in ("docker", "cosign") if (path := shutil.which(name, path=environ.get("PATH")))
    }
    for name in PLUGINS:
        for folder in (config_dir(environ) / "cli-plugins", *map(Path, SYSTEM_PLUGINS)):
            if os.access(folder / name, os.X_OK):
                found[name] = folder / name
                break
    return found


def trivy(environ: Mapping[str, str]) -> Path | None:
    """Trivy from PATH, unless it is a stolen release; else the one that the locked wheel put beside Python."""
    carried = Path(sys.prefix) / "bin" / "trivy"
    on_path = Path(shutil.which("trivy", path=environ.get("PATH")) or carried)
    if on_path.resolve() != carried.resolve() and not is_stolen(on_path):
        return on_path
    return carried if os.access(carried, os.X_OK) else None


def place(home: Home, found: Mapping[str, Path], environ: Mapping[str, str]) -> list[str]:
    """Link the tools into the lab's folders, replacing older links. Returns warnings about what some lessons will miss.

    Raises LabError, naming the remedy, when docker, buildx or compose is missing.
    """
    for name in ("docker", *PLUGINS):
        if name not in found:
            raise LabError(f"{name} is missing on this machine; {CURES[name]} and run ./lab up again")
    plugins = home.docker_config / "cli-plugins"
    home.bin.mkdir(parents=True, exist_ok=True)
    plugins.mkdir(parents=True, exist_ok=True)
    config = home.docker_config / "config.json"
    if not config.exists():
        config.write_text("{}\n")
        config.chmod(0o600)
    scanner = trivy(environ)
    wanted = {home.bin / "docker": found["docker"], **{plugins / name: found[name] for name in PLUGINS}}
    wanted |= {home.bin / "cosign": found["cosign"]} if "cosign" in found else {}
    wanted |= {home.bin / "trivy": scanner} if scanner else {}
    for link, target in wanted.items():
        _link(link, target)
    warnings = []
    if "cosign" not in found:
        warnings.append("cosign is missing: the lesson on signatures needs it (https://docs.sigstore.dev/cosign)")
    if not scanner:
        warnings.append("no Trivy that may be used: lessons on scanning need one (https://trivy.dev, not 0.69.4 to 6)")
    return warnings


def require_buildx(env: Mapping[str, str]) -> None:
    """Raise LabError when buildx does not run, or is too old for builds to be read."""
    found = _version("buildx", COMMANDS["buildx"], env)
    if not found:
        raise LabError(f"docker buildx does not run; {CURES['docker-buildx']}")
    if parse_version(found)[:2] < OLDEST_BUILDX:
        raise LabError(f"docker buildx is {found}, and 0.13 or later is needed; upgrade it")


def versions(env: Mapping[str, str], wanted: Iterable[str] = tuple(COMMANDS)) -> dict[str, str]:
    """The version of each wanted tool that runs in the lab's environment; a tool that does not run is left out."""
    with ThreadPoolExecutor(len(COMMANDS)) as pool:
        found = pool.map(lambda name: (name, _version(name, COMMANDS[name], env)), wanted)
        return {name: version for name, version in found if version}


def _version(name: str, command: tuple[str, ...], env: Mapping[str, str]) -> str:
    """A tool's version, or an empty text when it does not run."""
    program = shutil.which(command[0], path=env.get("PATH"))
    if not program:
        return ""
    try:
        done = subprocess.run(
            [program, *command[1:]],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=20,
            env=dict(env),
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    if done.returncode:
        return ""
    found = read_version(name, done.stdout)
    if found == "devel":
        found = _packaged_version(name, Path(program).resolve())
    return found


def read_version(name: str, said: str) -> str:
    """The version in what a tool prints, without a leading v."""
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
    """The version of the Debian package, for programs built without knowing their own."""
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


def _link(link: Path, target: Path) -> None:
    """Make `link` point at `target`, in one step."""
    if link.is_symlink() and link.readlink() == target:
        return
    half = link.with_name(f".{link.name}.{os.getpid()}")
    half.unlink(missing_ok=True)
    half.symlink_to(target)
    half.replace(link)
