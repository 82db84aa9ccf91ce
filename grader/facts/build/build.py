"""Build a submission with `docker buildx build`, and tell whose fault it is if that fails.

Only what is recognised is the submission's fault: a step of its Dockerfile that failed, or what the frontend says of
the file. Whatever else goes wrong is the engine's fault, a registry's or ours, and costs no points.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from grader.canary import Plant
from grader.errors import EngineFailure, EngineUnavailable, GraderError, RegistryUnavailable, SubmissionFault
from grader.facts.build.build_log import BuildLog, Collector, Vertex, last_lines
from grader.facts.build.buildx import buildx
from grader.facts.build.frontend import ignored, missing
from grader.facts.dockerfile.parser import read
from grader.facts.engine.engine import Engine, new_name
from grader.facts.engine.errors import NEVER_BEGAN, SNAPSHOT_GONE
from grader.lib import process
from grader.lib.text import clean
from grader.lib.units import format_duration, format_size
from grader.submission import Submission

OUTPUT_LIMIT = 64 * 1000 * 1000
"""Bytes of progress messages after which a build is stopped."""
NEW_SYNTAX = (23, 0)
"""The first engine whose own builder knows heredocs and `COPY --link`. A file that is right for it must not lose points
on an older engine, so there it gets no grade. (Mistakes are found before, when we parse the file ourselves.)"""
_SECRET = "LAYERWISE_SECRET_"
# With these variables, buildx would build something else, or somewhere else.
_NOT_PASSED = re.compile(r"BUILDX_|BUILDKIT_|OTEL_|DOCKER_(CONTEXT|BUILDKIT|DEFAULT_PLATFORM|HOST)$|SOURCE_DATE_EPOCH$")


@dataclass(frozen=True)
class Build:
    """A build that succeeded. `image` is the name of the built image, which is on the engine until the grading ends."""

    log: BuildLog
    image: str


class BuildFailed(SubmissionFault):
    """The Dockerfile does not build. `log` is the build's log as far as it came."""

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
    """Build the submission as its settings say, without the cache if `cache` is false.

    `cache_mounts` names a set of cache mounts to use instead of the submission's own; a new name is an empty set.
    `on_output` is called with the digest of a step and what it printed.

    The image is named `layerwise-grade:MARK-…`; remove it with `engine.remove_image`. If `export` is false, no image is
    made and `Build.image` is empty.

    Raises BuildFailed, RegistryUnavailable (a base image's registry does not answer), EngineUnavailable and
    EngineFailure.
    """
    settings = submission.settings
    image = new_name() if export else ""
    options = [
        *(_into_engine(image) if export else ["--output=type=cacheonly"]),
        *_options(submission, submission.dockerfile, settings.target, cache_mounts),
        *([] if cache else ["--no-cache"]),
    ]
    log = _run(engine, submission, options, submission.context, image, settings.timeout, on_step, on_output)
    if too_old := _too_old(engine, submission, log):
        if image:
            engine.remove_image(image)
        raise too_old
    return Build(log, image)


def build_to_tar(
    engine: Engine, submission: Submission, dockerfile: Path, archive: Path, cache_mounts: str = ""
) -> None:
    """Build the last stage of another Dockerfile, and write its files to an archive. Raises what `build` raises."""
    options = [f"--output=type=tar,dest={archive}", *_options(submission, dockerfile, "", cache_mounts)]
    _run(engine, submission, options, submission.context, "", submission.settings.timeout, None)


def _into_engine(image: str) -> list[str]:
    """The options by which a build makes an image of that name on the engine."""
    return ["--load", f"--tag={image}"]


def _options(submission: Submission, dockerfile: Path, target: str, cache_mounts: str) -> list[str]:
    mounts = cache_mounts or submission.cache_mounts
    return [
        f"--file={dockerfile}",
        *(f"--build-arg={name}={value}" for name, value in submission.settings.args.items()),
        *([f"--target={target}"] if target else []),
        *([f"--build-arg=BUILDKIT_CACHE_MOUNT_NS={mounts}"] if mounts else []),
        *(f"--secret=id={plant.name},env={_SECRET}{number}" for number, (plant, _) in enumerate(_secrets(submission))),
        # The hosts file is part of the key by which BuildKit tells one RUN from another, and not part of the image.
        *([f"--add-host={submission.salt}.invalid:127.0.0.1"] if submission.salt else []),
    ]


def build_base(engine: Engine, submission: Submission, base: str, platform: str = "") -> str:
    """Build the base image alone, as BuildKit takes it for a FROM. Returns the name of an image, as `build` does."""
    folder = submission.folder.parent / f"base-{secrets.token_hex(8)}"
    folder.mkdir()
    name = f" --platform={platform}" if platform else ""
    (folder / "Dockerfile").write_text(f"FROM{name} {base}\n")
    image = new_name()
    _run(engine, submission, _into_engine(image), folder, image, submission.settings.timeout, None)
    return image


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
    """Run buildx to its end, and return the log of a build that succeeded.

    `options` say where the result goes. `image` is the name of the image that they make, empty if they make none.
    """
    scratch = submission.folder.parent / f"buildx-{secrets.token_hex(8)}"
    command = [
        *buildx(),
        "build",
        "--builder=default",
        "--progress=rawjson",
        "--provenance=false",
        "--sbom=false",
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
            with suppress(GraderError):  # it may have been stopped between the export and its end
                engine.remove_image(image)
    log = collector.finish(ok=ended.status == 0, seconds=ended.seconds)
    if log.ok:
        return log
    exporting = image and log.failed and not log.failed.step
    if again and exporting and SNAPSHOT_GONE.search(log.error):
        # Every step has succeeded. Their times are those of this build, and the next one only exports.
        _run(engine, submission, options, context, image, timeout, None, again=False)
        return replace(log, ok=True, vertexes=[vertex for vertex in log.vertexes if not vertex.error])
    if again and (_never_began(log) or _lost_something(log)):
        # The steps that succeeded are in the cache now. Their times are those of this build, the others' of the next.
        rest = _run(engine, submission, options, context, image, timeout, on_step, on_output, again=False)
        succeeded = [vertex for vertex in log.vertexes if vertex.completed is not None and not vertex.error]
        known = {vertex.digest for vertex in succeeded}
        more = [vertex for vertex in rest.vertexes if vertex.digest not in known]
        return replace(rest, seconds=log.seconds + rest.seconds, vertexes=[*succeeded, *more])
    if not engine.answers():
        raise EngineUnavailable("the engine stopped answering during the build: see 'lab status', then grade again")
    if ended.timed_out:
        raise _too_long(log, timeout)
    if ended.flooded:
        raise BuildFailed(f"the build printed more than {format_size(OUTPUT_LIMIT)} and was stopped", log)
    if too_old := _too_old(engine, submission, log):
        raise too_old
    raise explain(log, submission.settings.dockerfile)


def _too_old(engine: Engine, submission: Submission, log: BuildLog) -> EngineFailure | None:
    """The error to raise if the builder does not know what the Dockerfile asks for, and a newer one does."""
    source = submission.settings.dockerfile
    builder = f"this engine's builder (BuildKit in Docker {engine.info.version})"
    if log.failed and log.failed.step:
        return None
    new = ignored(read(submission.dockerfile), engine.info.release) if log.ok else missing(log.error)
    # What a frontend does not know that the file itself names is the file's own mistake.
    if new and read(submission.dockerfile).syntax is None:
        return EngineFailure(
            f"{builder} does not know {new.name}, which the Dockerfile frontend has since version {new.since}: grade "
            f"with a newer Docker, or begin {source} with '# syntax=docker/dockerfile:{new.since}'"
        )
    if not log.ok and engine.info.release < NEW_SYNTAX and not log.failed and _UNKNOWN_SYNTAX.search(log.error):
        return EngineFailure(
            f"{builder} is too old for {source} ({_reason(' '.join(clean(log.error, 400).split()))}): grade with "
            "Docker 23 or later, or begin the file with '# syntax=docker/dockerfile:1'"
        )
    return None


def _too_long(log: BuildLog, timeout: float) -> BuildFailed:
    running = [vertex for vertex in log.steps if vertex.started and not vertex.completed]
    at = f", still at {_short(running[-1])}" if running else ""
    output = last_lines(running[-1].output) if running else ""
    return BuildFailed(f"the build did not end within {format_duration(timeout)}{at}", log, output=output)


def explain(log: BuildLog, source: str = "Dockerfile") -> Exception:
    """Return the error to raise for a failed build, which says whose fault it is. `source` names the Dockerfile."""
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
            return EngineFailure(f"the engine could not start {_short(vertex)}: grade again")
        if _CUT.search(error) and not ended:
            return EngineFailure(f"the build was cut short at {_short(vertex)} ({text}): grade again")
        return BuildFailed(at + _step_message(vertex), log, where=where, output=output)
    if source_of := _SOURCE.search(vertex.name) if vertex else None:
        name = clean(source_of[2], 200)
        what = "the Dockerfile frontend" if source_of[1] == "docker-image://" else "the base image"
        if not _UNREACHED.search(error):
            check = "check its name and tag, and whether it needs a login"
            return BuildFailed(at + f"{what} {name} cannot be pulled ({_reason(text)}): {check}", log, where=where)
        return RegistryUnavailable(
            f"{what} {name} cannot be pulled, since its registry does not answer ({_reason(text)}): "
            "start the registry with 'lab up', or use an image of one that can be reached"
        )
    if _UNSTORABLE.search(error):
        why = (
            "a step leaves a path that no layer can hold: longer than 4,096 bytes, or with a name that marks a deletion"
        )
        return BuildFailed(at + why, log)
    if _DISK_FULL in error:
        return EngineFailure("the engine's disk is full: make room there, then grade again")
    if vertex or not error or _CUT.search(error) or _lost_something(log):
        return EngineFailure(f"the build was cut short ({text or 'the engine does not say why'}): grade again")
    for pattern, better in _BETTER:
        text = pattern.sub(better, text)
    return BuildFailed(at + text, log, where=where)


def _never_began(log: BuildLog) -> bool:
    """Whether a RUN failed before anything of it ran: then the last line of its output is runc's own message."""
    if not (log.failed and log.failed.step):
        return False
    last = last_lines(log.failed.output, 1)
    return last.startswith("runc run failed: ") and bool(NEVER_BEGAN.search(last))


def _lost_something(log: BuildLog) -> bool:
    """Whether a build failed with just "not found", at no step: under load, the engine removed something still in use.

    If a file or image of the Dockerfile does not exist, the error names it.
    """
    return log.failed is None and log.error.strip().lower() == "not found"


_DISK_FULL = "no space left on device"
_UNKNOWN_SYNTAX = re.compile(
    r"dockerfile parse error|unknown (?:instruction|flag)|unsupported modifier|failed to process", re.IGNORECASE
)
_UNSTORABLE = re.compile("file name too long|invalid whiteout name|failed to convert whiteout file")
_EXIT_STATUS = re.compile(r"did not complete successfully: exit code: (\d+)$")
_SOURCE = re.compile(r"(load metadata for |docker-image://|FROM )(\S+)")
# The registry was not reached, or has trouble of its own. Any other answer is about what was asked for.
_UNREACHED = re.compile(
    r"dial tcp|failed to do request|no such host|connection refused|connection reset|i/o timeout|deadline exceeded"
    r"|TLS handshake|x509|server misbehaving|network is unreachable|unexpected status.*: (?:429|5\d\d)"
    r"|toomanyrequests|unexpected EOF|\bEOF$|server gave HTTP response|context canceled"
    r"|code = (?:Unavailable|Canceled)",
    re.IGNORECASE,
)
# The connection to the engine broke, or the build was cancelled from outside.
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
        "a RUN asks for --network=host, which is not allowed here",
    ),
    (
        re.compile(r"^failed to load LLB: security\.insecure is not allowed"),
        "a RUN asks for --security=insecure, which is not allowed here",
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
    )  # a folder of the engine's that tells a learner nothing
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
    # buildx keeps its state in a folder of its own: it writes to nothing of the learner's and uses no builder of
    # theirs. Its node id, part of BuildKit's key for a context that was transferred before, is new for every build.
    handed = {f"{_SECRET}{number}": content for number, (_, content) in enumerate(_secrets(submission))}
    return env | handed | {"DOCKER_HOST": engine.host, "BUILDX_CONFIG": str(scratch)}
