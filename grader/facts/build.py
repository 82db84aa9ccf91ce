"""Build a submission with `docker buildx build`, and tell whose fault it is when that fails.

What is believed to be the submission's fault is recognised positively: a step of its Dockerfile that failed, or the
frontend's word on the file. Whatever else goes wrong is the engine's, a registry's or ours, and costs no points.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from grader import owner, process
from grader.canary import Plant
from grader.errors import EngineFailure, EngineUnavailable, GraderError, RegistryUnavailable, SubmissionFault
from grader.facts.buildlog import BuildLog, Collector, Vertex, last_lines
from grader.facts.engine import NEVER_BEGAN, REPOSITORY, Engine
from grader.submission import Submission
from grader.units import format_duration, format_size
from grader.verdict import clean

OUTPUT_LIMIT = 64 * 1000 * 1000
"""Bytes of progress after which a build is stopped."""
OLDEST_BUILDX = (0, 13)
NEW_SYNTAX = (23, 0)
"""The first engine whose own builder knows heredocs and `COPY --link`. What is right on it must not lose points on an
older one, so there it gets no grade. (Mistakes are found before by our own reading of the file.)"""
_SECRET = "LAYERWISE_SECRET_"

_PLUGIN_FOLDERS = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
    "/opt/homebrew/lib/docker/cli-plugins",
    "/Applications/Docker.app/Contents/Resources/cli-plugins",
)
# What buildx is told by its environment would change what is built, or where.
_NOT_PASSED = re.compile(r"BUILDX_|BUILDKIT_|OTEL_|DOCKER_(CONTEXT|BUILDKIT|DEFAULT_PLATFORM|HOST)$|SOURCE_DATE_EPOCH$")


@dataclass(frozen=True)
class Build:
    """A build that ended well. `image` names what was built, on the engine, until the grading ends."""

    log: BuildLog
    image: str


class BuildFailed(SubmissionFault):
    """The Dockerfile does not build. `log` is what there is of the build's log."""

    def __init__(self, message: str, log: BuildLog, *, where: tuple[str, int] | None = None, output: str = "") -> None:
        super().__init__(message, where=where, details={"output": output} if output else None)
        self.log = log
        if output:
            self.add_note(output)


def build(
    engine: Engine,
    submission: Submission,
    *,
    export: bool = True,
    cache: bool = True,
    cache_mounts: str = "",
    on_step: Callable[[Vertex], None] | None = None,
    on_output: Callable[[str, bytes], None] | None = None,
) -> Build:
    """Build the submission as its settings say, with no use of the cache where `cache` is false.

    `cache_mounts` names a set of cache mounts to use instead of those every build of the engine shares; a new name is a
    new, empty set.

    The image is named `layerwise-grade:MARK-…`; remove it with `engine.remove_image`. With `export` false no image is
    made, `image` is empty and only the log counts. `on_output` gets the digest of a step and what it printed.

    Raises BuildFailed, RegistryUnavailable (a base image's registry does not answer), EngineUnavailable and
    EngineFailure.
    """
    settings = submission.settings
    options = [
        f"--file={submission.dockerfile}",
        *(f"--build-arg={name}={value}" for name, value in settings.args.items()),
        *([f"--target={settings.target}"] if settings.target else []),
        *([] if cache else ["--no-cache"]),
        *([f"--build-arg=BUILDKIT_CACHE_MOUNT_NS={cache_mounts}"] if cache_mounts else []),
        *(f"--secret=id={plant.name},env={_SECRET}{number}" for number, (plant, _) in enumerate(_secrets(submission))),
        # The hosts file is part of what BuildKit tells one RUN from another by, and not of the image.
        *([f"--add-host={submission.salt}.invalid:127.0.0.1"] if submission.salt else []),
    ]
    image = new_name() if export else ""
    log = _run(engine, submission, options, submission.context, image, settings.timeout, on_step, on_output)
    return Build(log, image)


def build_base(engine: Engine, submission: Submission, base: str, platform: str = "") -> str:
    """The base image alone, as BuildKit takes it for a FROM: the name of an image like that of `build`."""
    folder = submission.folder.parent / f"base-{secrets.token_hex(8)}"
    folder.mkdir()
    name = f" --platform={platform}" if platform else ""
    (folder / "Dockerfile").write_text(f"FROM{name} {base}\n")
    image = new_name()
    _run(engine, submission, [], folder, image, submission.settings.timeout, None)
    return image


def new_name() -> str:
    """A name for an image of this grading; whoever makes one removes it, and `Engine.sweep` does after a crash."""
    return f"{REPOSITORY}:{owner.mark()}-{secrets.token_hex(6)}"


def _run(
    engine: Engine,
    submission: Submission,
    options: Sequence[str],
    context: Path,
    image: str,
    timeout: float,
    on_step: Callable[[Vertex], None] | None,
    on_output: Callable[[str, bytes], None] | None = None,
    again: bool = True,
) -> BuildLog:
    """Run buildx to its end; the log of a build that ended well."""
    scratch = submission.folder.parent / f"buildx-{secrets.token_hex(8)}"
    command = [
        *buildx(),
        "build",
        "--builder=default",
        "--progress=rawjson",
        "--provenance=false",
        "--sbom=false",
        *(["--load", f"--tag={image}"] if image else ["--output=type=cacheonly"]),
        *options,
        str(context),
    ]
    collector = Collector(on_step, on_output)
    ended = None
    try:
        ended = process.run(
            command,
            timeout=timeout,
            limit=OUTPUT_LIMIT,
            env=_environment(engine, submission, scratch),
            on_stderr=collector.feed,
        )
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if image and not (ended and ended.status == 0):
            with suppress(GraderError):  # stopped between the export and its end
                engine.remove_image(image)
    log = collector.finish(ok=ended.status == 0, seconds=ended.seconds)
    if log.ok:
        return log
    exporting = image and log.failed and not log.failed.step
    if again and exporting and _SNAPSHOT_GONE.search(log.error):
        # Every step has ended well; how they went is told by this build, and the next one only exports.
        _run(engine, submission, options, context, image, timeout, None, again=False)
        return replace(log, ok=True, vertexes=[vertex for vertex in log.vertexes if not vertex.error])
    if again and (_never_began(log) or _lost_something(log)):
        # What had ended well is in the cache now: this build tells how that went, and the next one the rest.
        rest = _run(engine, submission, options, context, image, timeout, on_step, on_output, again=False)
        ended_well = [vertex for vertex in log.vertexes if vertex.completed is not None and not vertex.error]
        known = {vertex.digest for vertex in ended_well}
        more = [vertex for vertex in rest.vertexes if vertex.digest not in known]
        return replace(rest, seconds=log.seconds + rest.seconds, vertexes=[*ended_well, *more])
    if not engine.answers():
        raise EngineUnavailable("the engine stopped answering during the build: see 'lab status', then grade again")
    if ended.timed_out:
        raise _too_long(log, timeout)
    if ended.flooded:
        raise BuildFailed(f"the build printed more than {format_size(OUTPUT_LIMIT)} and was stopped", log)
    if engine.info.release < NEW_SYNTAX and not log.failed and _UNKNOWN_SYNTAX.search(log.error):
        raise EngineFailure(
            f"this engine's builder (Docker {engine.info.version}) is too old for {submission.settings.dockerfile} "
            f"({_reason(' '.join(clean(log.error, 400).split()))}): grade with Docker 23 or later, or let the file "
            "begin with '# syntax=docker/dockerfile:1'"
        )
    raise explain(log, submission.settings.dockerfile)


def _too_long(log: BuildLog, timeout: float) -> BuildFailed:
    running = [vertex for vertex in log.steps if vertex.started and not vertex.completed]
    at = f", still at {_short(running[-1])}" if running else ""
    output = last_lines(running[-1].output) if running else ""
    return BuildFailed(f"the build did not end within {format_duration(timeout)}{at}", log, output=output)


def explain(log: BuildLog, source: str = "Dockerfile") -> Exception:
    """Whose fault a failed build is, as the error to raise. `source` is what the Dockerfile is called."""
    vertex, error = log.failed, log.error
    text = " ".join(clean(error, 400).split())
    where = (source, log.line) if log.line else None
    at = f"{source}, line {log.line}: " if log.line else ""
    if vertex and vertex.step and not vertex.step.is_from:
        output = last_lines(vertex.output)
        ended = _EXIT_STATUS.search(error.strip())
        if _DISK_FULL in error or (ended and _DISK_FULL in output.lower()):
            return EngineFailure(f"the engine's disk is full, seen at {_short(vertex)}: make room, then grade again")
        if _never_began(log):
            return EngineFailure(f"the engine could not begin with {_short(vertex)}: grade again")
        if _CUT.search(error) and not ended:
            return EngineFailure(f"the build was cut short at {_short(vertex)} ({text}): grade again")
        return BuildFailed(at + _step_message(vertex), log, where=where, output=output)
    if source_of := _SOURCE.search(vertex.name) if vertex else None:
        name = clean(source_of[2], 200)
        what = "the Dockerfile frontend" if source_of[1] == "docker-image://" else "the base image"
        if not _UNREACHED.search(error):
            why = (
                f"{what} {name} cannot be had ({_reason(text)}): check its name, its tag, and whether it wants a login"
            )
            return BuildFailed(at + why, log, where=where)
        return RegistryUnavailable(
            f"{what} {name} cannot be fetched, since its registry does not answer ({_reason(text)}): "
            "bring it up ('lab up'), or use one that can be reached"
        )
    if _UNSTORABLE.search(error):
        why = (
            "a step leaves a path behind that no layer can hold: more than 4,096 bytes, or a name that marks a deletion"
        )
        return BuildFailed(at + why, log)
    if _DISK_FULL in error:
        return EngineFailure("the engine's disk is full: make room there, then grade again")
    if vertex or not error or _CUT.search(error) or _lost_something(log):
        return EngineFailure(f"the build was cut short ({text or 'no word from the engine'}): grade again")
    for pattern, better in _BETTER:
        text = pattern.sub(better, text)
    return BuildFailed(at + text, log, where=where)


def _never_began(log: BuildLog) -> bool:
    """Whether a RUN failed before anything of it ran: then runc's own words are the last in its output."""
    if not (log.failed and log.failed.step):
        return False
    last = last_lines(log.failed.output, 1)
    return last.startswith("runc run failed: ") and bool(NEVER_BEGAN.search(last))


def _lost_something(log: BuildLog) -> bool:
    """Whether a build failed with these two words and at no step: the engine cleared away, under load, what it used.

    What a Dockerfile asks for and is not there is named.
    """
    return log.failed is None and log.error.strip().lower() == "not found"


_DISK_FULL = "no space left on device"
_UNKNOWN_SYNTAX = re.compile(
    r"dockerfile parse error|unknown (?:instruction|flag)|unsupported modifier|failed to process", re.IGNORECASE
)
_UNSTORABLE = re.compile("file name too long|invalid whiteout name")
# The containerd store clears away layers of an image that is removed (another grading beside this one ends) while it
# exports one that shares them: seen once in 200 builds beside each other on 26.1.5.
_SNAPSHOT_GONE = re.compile(r"failed to prepare extraction snapshot .* does not exist: not found", re.DOTALL)
_EXIT_STATUS = re.compile(r"did not complete successfully: exit code: (\d+)$")
_SOURCE = re.compile(r"(load metadata for |docker-image://|FROM )(\S+)")
# The registry was not reached, or answered that it is not well; anything else it says is about what was asked for.
_UNREACHED = re.compile(
    r"dial tcp|failed to do request|no such host|connection refused|connection reset|i/o timeout|deadline exceeded"
    r"|TLS handshake|x509|server misbehaving|network is unreachable|unexpected status.*: (?:429|5\d\d)"
    r"|toomanyrequests|unexpected EOF|\bEOF$|server gave HTTP response|context canceled"
    r"|code = (?:Unavailable|Canceled)",
    re.IGNORECASE,
)
# A connection to the engine that broke, or a build that was cancelled from outside.
_CUT = re.compile(
    r"code = (?:Unavailable|Canceled|Unknown desc = .*EOF)|error reading from server|closing transport|unexpected EOF"
    r"|connection reset|broken pipe|context canceled|failed to dial|Cannot connect to the Docker daemon"
    r"|no active session|session .* not found|\bEOF$"
)
# What the frontend says, in words that tell a learner more.
_BETTER = (
    (re.compile(r"^dockerfile parse error on line \d+: "), ""),
    (
        re.compile(r"^failed to load LLB: network\.host is not allowed"),
        "a RUN asks for --network=host, which a build is not given",
    ),
    (
        re.compile(r"^failed to load LLB: security\.insecure is not allowed"),
        "a RUN asks for --security=insecure, which a build is not given",
    ),
)


def _step_message(vertex: Vertex) -> str:
    ended = _EXIT_STATUS.search(vertex.error.strip())
    if ended:
        killed = ", killed: out of memory?" if ended[1] == "137" else ""
        return f"{_short(vertex)} ended with exit status {ended[1]}{killed}"
    reason = re.sub(r"^process .* did not complete successfully: ", "", vertex.error, flags=re.DOTALL)
    reason = re.sub(r"failed to (?:compute cache key|calculate checksum of ref \S+): ", "", reason)
    reason = re.sub(
        r"/\S*/cachemounts/buildkit\d+", "", reason
    )  # where the engine keeps it is no business of a learner
    return f"{_short(vertex)} failed: {' '.join(clean(reason, 300).split())}"


def _short(vertex: Vertex) -> str:
    text = vertex.step.text if vertex.step else vertex.name
    return clean(" ".join(text.split()), 120)


def _reason(text: str) -> str:
    return text.rpartition(": ")[2] or text


def _secrets(submission: Submission) -> list[tuple[Plant, str]]:
    return [(canary.plant, canary.content) for canary in submission.canaries if canary.plant.secret]


def _environment(engine: Engine, submission: Submission, scratch: Path) -> Mapping[str, str]:
    env = {name: value for name, value in os.environ.items() if not _NOT_PASSED.match(name)}
    # Its state goes to a place of its own: nothing of the learner's is written, no builder of theirs is chosen, and its
    # node id, part of BuildKit's key for what was transferred before, is new for every build.
    handed = {f"{_SECRET}{number}": content for number, (_, content) in enumerate(_secrets(submission))}
    return env | handed | {"DOCKER_HOST": engine.host, "BUILDX_CONFIG": str(scratch)}


@cache
def buildx() -> tuple[str, ...]:
    """The command that runs buildx. EngineFailure where there is none, or one older than 0.13."""
    for path in _candidates():
        if os.access(path, os.X_OK) and os.path.isfile(path):
            ended = process.run([path, "version"], timeout=30)
            found = re.search(rb"v?(\d+)\.(\d+)\.\d+", ended.stdout)
            if found and (int(found[1]), int(found[2])) < OLDEST_BUILDX:
                raise EngineFailure(f"{path} is buildx {found[0].decode()}, and 0.13 or later is needed: update it")
            return (path,)
    raise EngineFailure(
        "docker buildx is missing, and builds need it: install the docker-buildx plugin, or run 'lab up'"
    )


def _candidates() -> list[str]:
    """Where a buildx may be, best first. Run by itself it needs no docker client, and there is one process to stop."""
    config = os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")
    folders = [os.path.join(config, "cli-plugins"), *_PLUGIN_FOLDERS]
    found = [os.path.join(folder, "docker-buildx") for folder in folders]
    return found + [path for name in ("docker-buildx", "buildx") if (path := shutil.which(name))]
