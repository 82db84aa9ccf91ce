"""Build a submission with `docker buildx build`, and tell whose fault it is when that fails.

What is believed to be the submission's fault is recognised positively: a step of its Dockerfile that failed, or the
frontend's word on the file. Whatever else goes wrong is the engine's, a registry's or ours, and costs no points.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from grader import owner, process
from grader.errors import EngineFailure, EngineUnavailable, RegistryUnavailable, SubmissionFault
from grader.facts.buildlog import BuildLog, Collector, Vertex, last_lines
from grader.facts.engine import REPOSITORY, Engine
from grader.submission import Submission
from grader.units import format_duration, format_size
from grader.verdict import clean

OUTPUT_LIMIT = 64 * 1000 * 1000
"""Bytes of progress after which a build is stopped."""
OLDEST_BUILDX = (0, 13)

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

    def __init__(self, message: str, log: BuildLog, *, line: int | None = None, output: str = "") -> None:
        where = ("Dockerfile", line) if line else None
        super().__init__(message, where=where, details={"output": output} if output else None)
        self.log = log


def build(
    engine: Engine,
    submission: Submission,
    *,
    export: bool = True,
    on_step: Callable[[Vertex], None] | None = None,
) -> Build:
    """Build the submission as its settings say.

    The image is named `layerwise-grade:MARK-…`; remove it with `engine.remove_image`. With `export` false no image is
    made and only the log counts. Raises BuildFailed, RegistryUnavailable (a base image's registry does not answer),
    EngineUnavailable and EngineFailure.
    """
    settings = submission.settings
    image = f"{REPOSITORY}:{owner.mark()}-{secrets.token_hex(6)}"
    scratch = submission.folder.parent / f"buildx-{secrets.token_hex(8)}"
    command = [
        *buildx(),
        "build",
        "--builder=default",
        "--progress=rawjson",
        "--provenance=false",
        "--sbom=false",
        f"--file={submission.dockerfile}",
        *(f"--build-arg={name}={value}" for name, value in settings.args.items()),
        *([f"--target={settings.target}"] if settings.target else []),
        *(["--load", f"--tag={image}"] if export else ["--output=type=cacheonly"]),
        str(submission.context),
    ]
    collector = Collector(on_step)
    try:
        ended = process.run(
            command,
            timeout=settings.timeout,
            limit=OUTPUT_LIMIT,
            env=_environment(engine, scratch),
            on_stderr=collector.feed,
        )
    except BaseException:
        engine.remove_image(image)  # interrupted between export and here
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    log = collector.finish(ok=ended.status == 0, seconds=ended.seconds)
    if log.ok:
        return Build(log, image)
    engine.remove_image(image)
    if not engine.answers():
        raise EngineUnavailable("the engine stopped answering during the build: see 'lab status', then grade again")
    if ended.timed_out:
        running = [vertex for vertex in log.steps if vertex.started and not vertex.completed]
        at = f", still at {_short(running[-1])}" if running else ""
        raise BuildFailed(
            f"the build did not end within {format_duration(settings.timeout)}{at}",
            log,
            output=last_lines(running[-1].output) if running else "",
        )
    if ended.flooded:
        raise BuildFailed(f"the build printed more than {format_size(OUTPUT_LIMIT)} and was stopped", log)
    raise explain(log)


def explain(log: BuildLog) -> Exception:
    """Whose fault a failed build is, as the error to raise."""
    vertex, error = log.failed, log.error
    text = clean(error, 400).replace("\n", " ")
    if vertex and vertex.step and not vertex.step.is_from:
        output = last_lines(vertex.output)
        # "process … did not complete" comes from the step's own command; the disk is the engine's all the same.
        if _DISK_FULL in error or (_DISK_FULL in output.lower() and "did not complete" in error):
            return EngineFailure(f"the engine's disk is full, seen at {_short(vertex)}: make room, then grade again")
        if _CUT.search(error) and "did not complete successfully: exit code" not in error:
            return EngineFailure(f"the build was cut short at {_short(vertex)} ({text}): grade again")
        return BuildFailed(_step_message(log, vertex), log, line=log.line, output=output)
    source = _SOURCE.search(vertex.name) if vertex else None
    if source or "failed to resolve source metadata" in error:
        name = clean(source[1], 200) if source else text
        if _NOT_THERE.search(error):
            why = f"the registry has no {name}, or wants a login for it: check its name and tag"
            return BuildFailed(_at(log, why), log, line=log.line)
        return RegistryUnavailable(
            f"the base image {name} cannot be fetched, its registry does not answer ({_reason(text)}): "
            "bring it up ('lab up'), or use a base image that can be reached"
        )
    if _DISK_FULL in error:
        return EngineFailure("the engine's disk is full: make room there, then grade again")
    if not error or _CUT.search(error) or (vertex and vertex.internal and not _FRONTEND.search(error)):
        return EngineFailure(f"the build was cut short ({text or 'no word from the engine'}): grade again")
    return BuildFailed(_at(log, text), log, line=log.line)


_DISK_FULL = "no space left on device"
_SOURCE = re.compile(r"(?:load metadata for |docker-image://|FROM )(\S+)")
_NOT_THERE = re.compile(
    r"not found|manifest unknown|pull access denied|insufficient_scope|authorization failed|unauthorized|denied"
    r"|invalid reference|no match for platform|401|403|404",
    re.IGNORECASE,
)
# A connection that broke, or a build that was cancelled from outside.
_CUT = re.compile(
    r"code = (?:Unavailable|Canceled|Unknown desc = .*EOF)|error reading from server|closing transport|unexpected EOF"
    r"|connection reset|broken pipe|context canceled|failed to dial|Cannot connect to the Docker daemon"
    r"|no active session|session .* not found|\bEOF$"
)
_FRONTEND = re.compile(r"dockerfile parse error|failed to read dockerfile|invalid|not found|not allowed|forbidden")


def _step_message(log: BuildLog, vertex: Vertex) -> str:
    code = re.search(r"did not complete successfully: exit code: (\d+)$", vertex.error.strip())
    if code:
        why = f"ended with exit status {code[1]}"
        if code[1] == "137":
            why += ", killed: out of memory?"
    else:
        reason = re.sub(r"^process .* did not complete successfully: ", "", vertex.error, flags=re.DOTALL)
        reason = re.sub(r"failed to (?:compute cache key|calculate checksum of ref \S+): ", "", reason)
        why = f"failed: {clean(reason, 300)}".replace("\n", " ")
    return _at(log, f"{_short(vertex)} {why}")


def _at(log: BuildLog, text: str) -> str:
    return f"Dockerfile line {log.line}: {text}" if log.line else text


def _short(vertex: Vertex) -> str:
    text = vertex.step.text if vertex.step else vertex.name
    return clean(" ".join(text.split()), 120)


def _reason(text: str) -> str:
    return text.rpartition(": ")[2] or text


def _environment(engine: Engine, scratch: Path) -> Mapping[str, str]:
    env = {name: value for name, value in os.environ.items() if not _NOT_PASSED.match(name)}
    # Its state goes to a place of its own: nothing of the learner's is written, no builder of theirs is chosen, and its
    # node id, part of BuildKit's key for what was transferred before, is new for every build.
    return env | {"DOCKER_HOST": engine.host, "BUILDX_CONFIG": str(scratch)}


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
