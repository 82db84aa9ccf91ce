"""`trivy` for machines that have none: one command of it, in a container of its official image.

    python -m layerwise.stack.trivy_container image --severity HIGH soup:1

The engine may be in a virtual machine or in another container and see no file of this machine, so nothing is mounted.
The files that the command names are copied into the container, to the same path. What Trivy writes, its report and its
cache, is copied back. An image of the engine is handed over as an archive: the container gets no access to the engine.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from grader.facts.engine.engine import LABEL, OWNER_LABEL
from grader.lib import owner
from layerwise.errors import LabError
from layerwise.stack import environment, paths, state, tools
from layerwise.stack.run import CommandFailed, run

LIMITS = (
    *("--memory=4g", "--memory-swap=4g", "--pids-limit=512", "--cap-drop=ALL"),
    *("--security-opt=no-new-privileges", "--log-driver=none"),
)
PASSED_ON = ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "DOCKER_CONFIG", "GOMEMLIMIT")
"""Variables that go along, beside TRIVY_…"""
FOUND_BY_ITSELF = ("trivy.yaml", ".trivyignore", ".trivyignore.yaml")
"""What Trivy reads in the current folder without being told to."""
MAX_BYTES = 12 << 30
"""The most that a container is given."""
MINUTE = 60.0
TRANSFER_TIMEOUT = 15 * MINUTE


@dataclass(frozen=True)
class Order:
    """What to do: the `words` after "trivy", the variables, the paths to hand over, the folders that must exist, and
    the paths to bring back. `image` is the image of the engine that is handed over as the file of that name."""

    words: tuple[str, ...]
    variables: Mapping[str, str]
    given: tuple[Path, ...]
    folders: tuple[Path, ...]
    written: tuple[Path, ...]
    network: str
    image: str = ""


def order(words: Sequence[str], environ: Mapping[str, str], folder: Path, cache: Path, images: Sequence[str]) -> Order:
    """What a command needs. `folder` is the current one, `cache` the default for Trivy's cache, and `images` are those
    of the command's words that are names of images on the engine."""
    variables = {name: value for name, value in environ.items() if _goes_along(name)}
    variables.setdefault("TRIVY_CACHE_DIR", str(cache))
    cache = folder / (_value(words, "--cache-dir") or variables["TRIVY_CACHE_DIR"])
    output = _value(words, "--output", "-o") or variables.get("TRIVY_OUTPUT", "")
    offline = _is_on(words, variables, "--offline-scan") and _is_on(words, variables, "--skip-db-update")
    image = _target(words, folder, images)
    if image:
        at = len(words) - 1 - list(reversed(words)).index(image)
        words = (*words[:at], f"--input={image}", *words[at + 1 :])
    given = [path for value in _values(words, variables) if (path := folder / value).exists()]
    given += [path for name in FOUND_BY_ITSELF if (path := folder / name).is_file()]
    given += [path for path in [Path(environ.get("DOCKER_CONFIG", "")) / "config.json"] if path.is_file()]
    written = [folder / output] if output else []
    keeps_cache = not _is_on(words, variables, "--skip-db-update")
    return Order(
        words=tuple(words),
        variables=variables,
        given=tuple(dict.fromkeys(_plain(path) for path in (*given, cache) if path.exists())),
        folders=tuple(dict.fromkeys(_plain(path.parent) for path in written if path.parent.is_dir())),
        written=tuple(_plain(path) for path in (*written, *([cache] if keeps_cache else []))),
        network="none" if offline and not _fetches(words) else "host",
        image=image,
    )


def candidates(words: Sequence[str], folder: Path) -> list[str]:
    """The words that may name an image of the engine, the likeliest first: those that cannot be a flag's value, and the
    later before the earlier."""
    if not _fetches(words) or _value(words, "--image-src") == "remote":
        return []
    found = [
        (words[at - 1].startswith("-") and "=" not in words[at - 1], -at, word)
        for at, word in enumerate(words)
        if at and not word.startswith("-") and not (folder / word).exists()
    ]
    return [word for _, _, word in sorted(found)]


def _target(words: Sequence[str], folder: Path, images: Sequence[str]) -> str:
    return next((word for word in candidates(words, folder) if word in images), "")


def _goes_along(name: str) -> bool:
    return name.startswith("TRIVY_") or name.upper() in PASSED_ON


def _values(words: Sequence[str], variables: Mapping[str, str]) -> Iterator[str]:
    """Whatever may be a path: arguments, values of flags and of variables. A template has an @ before it."""
    told = [word.partition("=")[2] if word.startswith("-") else word for word in words[1:]]
    told += [value for name, value in variables.items() if name != "DOCKER_CONFIG"]
    for word in told:
        yield from (part.removeprefix("@") for part in word.split(",") if part.removeprefix("@"))


def _value(words: Sequence[str], *names: str) -> str:
    """The value of a flag; empty if it is not given."""
    for at, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in names:
            return value if equals else "".join(words[at + 1 : at + 2])
    return ""


def _is_on(words: Sequence[str], variables: Mapping[str, str], flag: str) -> bool:
    variable = "TRIVY_" + flag.removeprefix("--").replace("-", "_").upper()
    return flag in words or f"{flag}=true" in words or variables.get(variable, "").lower() in ("1", "true")


def _fetches(words: Sequence[str]) -> bool:
    """Whether it may ask a registry for what it scans."""
    return tuple(words[:1]) in (("image",), ("i",)) and not _value(words, "--input")


def _plain(path: Path) -> Path:
    return Path(os.path.normpath(path))


def scan(words: Sequence[str], environ: Mapping[str, str], home: paths.Home) -> int:
    """Run Trivy with these words, and return its exit status. Raises LabError."""
    scanner = state.read(home).scanner
    if scanner is None:
        raise LabError("the lab has no image of Trivy; run: ./lab up")
    env = tools.own(home, environment.lab_env(home))
    _sweep(env)
    folder = Path.cwd()
    here = [name for name in candidates(words, folder) if _is_on_engine(name, env)]
    wanted = order(words, environ, folder, home.cache / "trivy", here)
    with tempfile.TemporaryDirectory(prefix="layerwise-trivy-") as temporary:
        archive = Path(temporary) / "image.tar"
        if wanted.image:
            run(["docker", "save", "--output", str(archive), wanted.image], env=env, timeout=TRANSFER_TIMEOUT)
        container = _create(scanner.reference, wanted, folder, env)
        try:
            _hand_over(container, wanted, archive, folder, env)
            archive.unlink(missing_ok=True)
            status = subprocess.call(["docker", "start", "--attach", container], env=env, stdin=subprocess.DEVNULL)
            _bring_back(container, wanted, env)
            return status
        finally:
            with suppress(LabError):
                run(["docker", "rm", "--force", "--volumes", container], env=env, timeout=MINUTE)


def _is_on_engine(name: str, env: Mapping[str, str]) -> bool:
    try:
        run(["docker", "image", "inspect", "--format={{.Id}}", name], env=env, timeout=MINUTE)
    except CommandFailed:
        return False
    return True


def _create(image: str, wanted: Order, folder: Path, env: Mapping[str, str]) -> str:
    labels = (f"--label={LABEL}=scan", f"--label={OWNER_LABEL}={owner.mark()}")
    variables = [f"--env={name}={value}" for name, value in wanted.variables.items()]
    argv = ["docker", "create", *LIMITS, *labels, f"--network={wanted.network}", f"--workdir={folder}", *variables]
    told = run([*argv, image, *wanted.words], env=env, timeout=TRANSFER_TIMEOUT)
    return told.split()[-1]


def _hand_over(container: str, wanted: Order, archive: Path, folder: Path, env: Mapping[str, str]) -> None:
    """Copy the files into the container, in one stream."""
    argv = ["docker", "cp", "-", f"{container}:/"]
    with subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as copying:
        assert copying.stdin
        assert copying.stderr
        problem: object = None
        try:
            with tarfile.open(fileobj=copying.stdin, mode="w|") as stream:
                _write(stream, wanted, archive, folder)
        except (OSError, LabError) as failure:
            problem = failure
        with suppress(OSError):
            copying.stdin.close()
        said = copying.stderr.read().decode("utf-8", "replace").strip()
    if problem or copying.returncode:
        raise LabError(f"Trivy's container cannot be given what it should scan: {said or problem}")


def _write(stream: tarfile.TarFile, wanted: Order, archive: Path, folder: Path) -> None:
    total = 0

    def take(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        nonlocal total
        total += member.size
        if total > MAX_BYTES:
            raise LabError(f"more than {MAX_BYTES >> 30} GiB; name a smaller folder")
        if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
            return None
        member.uid = member.gid = 0  # without capabilities, root in the container reads root's files only
        member.uname = member.gname = ""
        return member

    for path in wanted.folders:
        member = tarfile.TarInfo(_inside(path))
        member.type, member.mode = tarfile.DIRTYPE, 0o755
        stream.addfile(member)
    for path in wanted.given:
        stream.add(path.resolve(), _inside(path), filter=take)
    if wanted.image:
        stream.add(archive, _inside(folder / wanted.image), filter=take)


def _inside(path: Path) -> str:
    """A path's name in the stream."""
    return str(path.absolute()).lstrip("/") or "."


def _bring_back(container: str, wanted: Order, env: Mapping[str, str]) -> None:
    """Copy what Trivy wrote to where it would have written it. What it did not write is not there."""
    for path in wanted.written:
        kind = _kind(container, path, env)
        if kind == "folder":
            path.mkdir(parents=True, exist_ok=True)
        if kind:
            source = f"{container}:{path}" + ("/." if kind == "folder" else "")
            run(["docker", "cp", source, str(path)], env=env, timeout=TRANSFER_TIMEOUT)


def _kind(container: str, path: Path, env: Mapping[str, str]) -> str:
    """What is at that path in the container: "file", "folder", or nothing."""
    argv = ["docker", "cp", f"{container}:{path}", "-"]
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as copying:
        assert copying.stdout
        try:
            with tarfile.open(fileobj=copying.stdout, mode="r|") as stream:
                first = stream.next()
        except tarfile.TarError:
            first = None
        copying.kill()
    return "" if first is None else "folder" if first.isdir() else "file"


def _sweep(env: Mapping[str, str]) -> None:
    """Remove the containers of scans whose process was killed."""
    form = f'{{{{.ID}}}} {{{{.Label "{OWNER_LABEL}"}}}}'
    argv = ["docker", "ps", "--all", f"--filter=label={LABEL}=scan", f"--format={form}"]
    listed = [line.partition(" ") for line in run(argv, env=env, timeout=MINUTE).splitlines()]
    stale = [identity for identity, _, mark in listed if owner.is_stale(mark)]
    if stale:
        run(["docker", "rm", "--force", "--volumes", *stale], env=env, timeout=MINUTE)


def _stop(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def main() -> int:
    """Run the command that this process was given. Says what is wrong in one line, with exit status 1 as Trivy does."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        return scan(sys.argv[1:], os.environ, paths.home())
    except LabError as problem:
        print(f"trivy: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
