"""`structure`: a container-structure-test file passes.

The format is that of github.com/GoogleContainerTools/container-structure-test, schemaVersion 2.0.0: `globalEnvVars`,
`commandTests`, `fileExistenceTests`, `fileContentTests` and `metadataTest`. As there, a command replaces the entrypoint
and runs in a container of its own, after its `setup`. Expressions may match anywhere in the output; `^` and `$` match
its beginning and end. `$NAME` from the image's own environment is replaced in commands, paths and values. A symbolic
link exists wherever it leads, and file contents are read through it.

Expressions are Go's (RE2). Some things differ: `teardown` is accepted and not run, since every container is thrown
away. Only the first 16 MiB of a file are searched, and half a MiB at each end of an output. `licenseTests` and
`containerRunOptions` are refused.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from grader.checks import CheckParams
from grader.errors import ExerciseInvalid
from grader.facts.engine.errors import ContainerRefused
from grader.lib.go_expression import checked, matches
from grader.lib.patience import stretched
from grader.lib.text import clean
from grader.lib.toml_model import explain
from grader.lib.units import format_duration
from grader.settings import InnerPath
from grader.verdict import Verdict

if TYPE_CHECKING:
    from grader.facts import Facts
    from grader.facts.engine.command import Stream
    from grader.facts.image.config import ImageConfig
    from grader.facts.image.filesystem import File

LIMIT = 16 << 20
"""The most bytes of a file that are searched."""
TIMEOUT = 30.0
"""Seconds for one command."""
SHOWN = 5
"""The most failing tests named in the message."""
_REFUSED = {
    "licenseTests": "this check does not look at licences",
    "containerRunOptions": "the grader runs containers in its own way",
}
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


Expression = Annotated[str, AfterValidator(checked)]
Name = Annotated[str, Field(min_length=1)]
Command = Annotated[tuple[str, ...], Field(min_length=1)]


class Params(CheckParams):
    """`file`: the tests, in the exercise's folder."""

    file: InnerPath


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class Pair(_Table):
    """A variable or a label, and its value, which is an expression if `isRegex` is true."""

    key: Name
    value: str = ""
    isRegex: bool = False

    @model_validator(mode="after")
    def _is_expression(self) -> Self:
        if self.isRegex:
            checked(self.value)
        return self

    def matches(self, value: str) -> bool:
        return matches(self.value, value) if self.isRegex else value == self.value


class CommandTest(_Table):
    """A command, its expected output, and its expected exit status."""

    name: Name
    setup: tuple[Command, ...] = ()
    teardown: tuple[Command, ...] = ()
    command: Name
    args: tuple[str, ...] = ()
    envVars: tuple[Pair, ...] = ()
    expectedOutput: tuple[Expression, ...] = ()
    excludedOutput: tuple[Expression, ...] = ()
    expectedError: tuple[Expression, ...] = ()
    excludedError: tuple[Expression, ...] = ()
    exitCode: Annotated[int, Field(strict=True, ge=0, le=255)] = 0


class FileExistenceTest(_Table):
    """A path: whether it exists, its mode and its owner. `permissions` are written as Go does: -rw-r--r--."""

    name: Name
    path: Name
    shouldExist: bool = True
    permissions: Annotated[str, Field(pattern=r"^[a-zA-Z?-]+(?:[r-][w-][x-]){3}$")] | None = None
    uid: int | None = Field(default=None, strict=True, ge=0)
    gid: int | None = Field(default=None, strict=True, ge=0)
    isExecutableBy: Literal["owner", "group", "other", "any"] | None = None


class FileContentTest(_Table):
    """A file and its expected content."""

    name: Name
    path: Name
    expectedContents: tuple[Expression, ...] = ()
    excludedContents: tuple[Expression, ...] = ()


class MetadataTest(_Table):
    """The expected config of the image. `env` is an older name for `envVars`."""

    env: tuple[Pair, ...] = ()
    envVars: tuple[Pair, ...] = ()
    unboundEnvVars: tuple[Pair, ...] = ()
    labels: tuple[Pair, ...] = ()
    exposedPorts: tuple[str, ...] = ()
    unexposedPorts: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    unmountedVolumes: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    workdir: str | None = None
    user: str | None = None


class Tests(_Table):
    """The whole file."""

    schemaVersion: Literal["2.0.0"]
    globalEnvVars: tuple[Pair, ...] = ()
    commandTests: tuple[CommandTest, ...] = ()
    fileExistenceTests: tuple[FileExistenceTest, ...] = ()
    fileContentTests: tuple[FileContentTest, ...] = ()
    metadataTest: MetadataTest | None = None


def judge(facts: Facts, params: Params) -> Verdict:
    """The share of the tests that pass. `metadataTest` is one test."""
    tests = _load(facts.exercise_file(params.file))
    results = [(name, list(faults)) for name, faults in _run(facts, tests)]
    passed = sum(not faults for _, faults in results)
    failing = [f"{clean(name, 100)}: {'; '.join(faults[:3])}." for name, faults in results if faults]
    more = [f"And {len(failing) - SHOWN} more."] if len(failing) > SHOWN else []
    return Verdict.share(
        passed / len(results),
        " ".join([f"{passed} of {len(results)} structure tests passed.", *failing[:SHOWN], *more]),
        expected="every structure test passes" if failing else "",
        details={"tests": [{"name": name, "result": "; ".join(faults) or "passed"} for name, faults in results]},
    )


def _load(path: Path) -> Tests:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, OSError) as problem:
        raise ExerciseInvalid(f"{path}: not valid YAML: {' '.join(str(problem).split())}") from None
    if not isinstance(raw, dict):
        raise ExerciseInvalid(f"{path}: expected a container-structure-test file, with schemaVersion and tests")
    for key, why in _REFUSED.items():
        if key in raw:
            raise ExerciseInvalid(f"{path}: {key} is refused: {why}")
    try:
        tests = Tests.model_validate(raw)
    except ValidationError as problem:
        raise ExerciseInvalid(f"{path}: {explain(problem, _valid(problem))}") from None
    if not (tests.commandTests or tests.fileExistenceTests or tests.fileContentTests or tests.metadataTest):
        raise ExerciseInvalid(f"{path}: it has no tests")
    return tests


def _valid(problem: ValidationError) -> Sequence[str]:
    """The valid keys of the table with the fault."""
    models: dict[str, type[_Table]] = {
        "commandTests": CommandTest,
        "fileExistenceTests": FileExistenceTest,
        "fileContentTests": FileContentTest,
        "metadataTest": MetadataTest,
    }
    fault = next((fault for fault in problem.errors() if fault["type"] == "extra_forbidden"), problem.errors()[0])
    inner = len(fault["loc"]) > 1
    return list((models.get(str(fault["loc"][0]), Pair) if inner else Tests).model_fields)


def _run(facts: Facts, tests: Tests) -> Iterator[tuple[str, Iterator[str]]]:
    """The name of each test, and what is wrong, in short phrases."""
    env = facts.image.config.env
    for command in tests.commandTests:
        yield command.name, _command(facts, command, tests.globalEnvVars, env)
    for existence in tests.fileExistenceTests:
        yield existence.name, _existence(facts, existence, env)
    contents = facts.image.read_all({_replaced(test.path, env) for test in tests.fileContentTests}, LIMIT)
    for content in tests.fileContentTests:
        yield content.name, _content(content, contents[_replaced(content.path, env)])
    if tests.metadataTest:
        yield "metadataTest", _metadata(tests.metadataTest, facts.image.config)


def _command(facts: Facts, test: CommandTest, shared: Sequence[Pair], env: Mapping[str, str]) -> Iterator[str]:
    variables = {pair.key: _replaced(pair.value, env) for pair in (*shared, *test.envVars)}
    words = [_replaced(word, env) for word in (test.command, *test.args)]
    setup = [[_replaced(word, env) for word in step] for step in test.setup]
    limit = stretched(TIMEOUT)
    wanted: dict[Stream, tuple[Sequence[str], Sequence[str], str]] = {
        "stdout": (test.expectedOutput, test.excludedOutput, "the output"),
        "stderr": (test.expectedError, test.excludedError, "the error output"),
    }
    judged = [stream for stream, (expected, excluded, _) in wanted.items() if expected or excluded]
    try:
        outcome = facts.run_after(setup, words, variables, timeout=limit, judged=judged)
    except ContainerRefused as problem:
        yield f"the command cannot be started ({clean(str(problem), 200)})"
        return
    if outcome.exit_code is None:
        late = f"did not end within {format_duration(limit)}"
        yield f"the command {'printed without end' if outcome.flooded else late}"
        return
    if outcome.exit_code != test.exitCode:
        yield f"expected exit status {test.exitCode}, found {outcome.exit_code}"
    for stream in judged:
        yield from _searched(outcome.printed(stream), *wanted[stream])


def _searched(text: str, expected: Sequence[str], excluded: Sequence[str], what: str) -> Iterator[str]:
    yield from (f"{what} does not match {wanted}" for wanted in expected if not matches(wanted, text))
    yield from (f"{what} matches {unwanted}, and should not" for unwanted in excluded if matches(unwanted, text))


def _existence(facts: Facts, test: FileExistenceTest, env: Mapping[str, str]) -> Iterator[str]:
    path = posixpath.normpath("/" + _replaced(test.path, env).lstrip("/"))
    files = facts.image.files
    folder = files.resolve(posixpath.dirname(path))
    # The last part may be a link. The test is then about the link itself.
    found = None if folder is None else files.get(posixpath.join(folder, posixpath.basename(path)))
    if found is None or not test.shouldExist:
        if (found is not None) != test.shouldExist:
            yield f"{path} {'does not exist' if test.shouldExist else 'exists, and should not'}"
        return
    mode = _go_mode(found)
    if test.permissions and mode != test.permissions:
        yield f"{path}: expected permissions {test.permissions}, found {mode}"
    bits = {"owner": 0o100, "group": 0o010, "other": 0o001, "any": 0o111, None: 0o7777}[test.isExecutableBy]
    if test.isExecutableBy and not found.mode & bits:
        yield f"{path} is not executable by {test.isExecutableBy}: its permissions are {mode}"
    for name, wanted, owner in (("uid", test.uid, found.uid), ("gid", test.gid, found.gid)):
        if wanted is not None and wanted != owner:
            yield f"{path}: expected {name} {wanted}, found {owner}"


_LETTERS = {"folder": "d", "symlink": "L", "pipe": "p", "device": "D"}


def _go_mode(found: File) -> str:
    """A mode as Go's os.FileMode prints it."""
    letters = _LETTERS.get(found.kind, "")
    letters += "".join(letter for letter, bit in (("u", 0o4000), ("g", 0o2000), ("t", 0o1000)) if found.mode & bit)
    flags = "rwxrwxrwx"
    return (letters or "-") + "".join(flag if found.mode >> (8 - at) & 1 else "-" for at, flag in enumerate(flags))


def _content(test: FileContentTest, content: bytes | None) -> Iterator[str]:
    if content is None:
        yield f"there is no file {test.path}"
        return
    text = content.decode("utf-8", "replace")
    yield from _searched(text, test.expectedContents, test.excludedContents, test.path)


def _metadata(test: MetadataTest, config: ImageConfig) -> Iterator[str]:
    for what, pairs, values in (
        ("variable", (*test.env, *test.envVars), config.env),
        ("label", test.labels, config.labels),
    ):
        for pair in pairs:
            if pair.key not in values:
                yield f"{what} {pair.key} is not set"
            elif not pair.matches(values[pair.key]):
                yield f"{what} {pair.key} is {clean(values[pair.key], 100)!r}, which was not expected"
    yield from (
        f"variable {pair.key} is set, and should not be" for pair in test.unboundEnvVars if pair.key in config.env
    )
    ports = {name for port in config.ports for name in (port, port.partition("/")[0])}
    for name, wanted, unwanted, found in (
        ("port", test.exposedPorts, test.unexposedPorts, ports),
        ("volume", test.volumes, test.unmountedVolumes, set(config.volumes)),
    ):
        yield from (f"{name} {item} is not declared" for item in wanted if item not in found)
        yield from (f"{name} {item} is declared, and should not be" for item in unwanted if item in found)
    for name, words, own in (("entrypoint", test.entrypoint, config.entrypoint), ("cmd", test.cmd, config.cmd)):
        if words is not None and words != own:
            yield f"{name} is {clean(str(list(own)), 200)}, which was not expected"
    for name, text, value in (("workdir", test.workdir, config.workdir), ("user", test.user, config.user)):
        if text is not None and text != value:
            yield f"{name} is {clean(value, 100)!r}, which was not expected"


def _replaced(text: str, env: Mapping[str, str]) -> str:
    """The text with `$NAME` and `${NAME}` replaced from the image's environment. Other names are left to a shell."""
    return _VARIABLE.sub(lambda found: env.get(found[1] or found[2], found[0]), text)
