"""`structure`: container-structure-test files, judged as their own tool judges them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from pydantic import ValidationError

from grader.checks import structure
from grader.errors import ExerciseInvalid
from grader.facts import Facts
from grader.facts.engine.engine import Engine
from tests.grader.conftest import facts_of

# One image for all cases.
DOCKERFILE = """
RUN mkdir /app /data && echo 'answer = 42' > /app/app.conf && chmod 640 /app/app.conf && chown 1000:1001 /app/app.conf \
 && printf '#!/bin/sh\\necho hello $1; echo oops >&2; exit 3\\n' > /app/run && chmod 4750 /app/run && chmod 1777 /data \
 && ln -s app.conf /app/link && ln -s nowhere /app/dangling && ln -s /app /short && printf 'a\\nb\\n' > /app/lines
ENV HOME_OF=/app MODE=fast
LABEL version=1.2.3 team=web
EXPOSE 8080 53/udp
VOLUME /data
WORKDIR /app
USER 1000
ENTRYPOINT ["/app/run"]
CMD ["world"]
"""


class Case(NamedTuple):
    """Tests, whether they pass, and a word of the message."""

    name: str
    tests: str
    passes: bool
    says: str = ""


def command(rest: str) -> str:
    return f"commandTests: [{{name: c, {rest}}}]"


def exists(rest: str) -> str:
    return f"fileExistenceTests: [{{name: e, {rest}}}]"


def content(rest: str) -> str:
    return f"fileContentTests: [{{name: f, {rest}}}]"


def metadata(rest: str) -> str:
    return f"metadataTest: {{{rest}}}"


RUN = "command: /app/run, exitCode: 3, setup: [[chmod, '755', /app/run]]"
CASES = [
    Case("a command", command("command: echo, args: [hello], expectedOutput: ['^hello\\n$']"), True),
    Case("its place is the entrypoint's", command("command: id, args: ['-u'], expectedOutput: ['1000']"), True),
    Case("exit status", command("command: sh, args: ['-c', 'exit 3'], exitCode: 3"), True),
    Case("another exit status", command("command: sh, args: ['-c', 'exit 3']"), False, "status 0, found 3"),
    Case("another output", command("command: echo, args: [hello], expectedOutput: [bye]"), False, "does not match bye"),
    Case("an output that is excluded", command("command: echo, args: [hello], excludedOutput: [l+]"), False, "matches"),
    Case("error output", command("command: ls, args: [/none], exitCode: 1, expectedError: ['No such'], "
         "expectedOutput: ['^$']"), True),
    Case("excluded error output", command("command: ls, args: [/none], exitCode: 1, excludedError: [such]"), False,
         "error output matches"),
    Case("a line is not the text", command("command: cat, args: [/app/lines], expectedOutput: [^b]"), False, "^b"),
    Case("a digit of Go's", command("command: printf, args: ['\u0661'], expectedOutput: ['^\\d$']"), False, "match"),
    Case("a number of Unicode's", command("command: printf, args: ['\u0661'], expectedOutput: ['^\\pN$']"), True),
    Case("the end is the end", command("command: echo, args: [hello], expectedOutput: ['hello$']"), False, "not match"),
    Case("the very end", command("command: echo, args: [hello], expectedOutput: ['hello\\n\\z']"), True),
    Case("a class by its name", command("command: echo, args: [hello], expectedOutput: ['^[[:lower:]]+\\n$']"), True),
    Case("line by line", command("command: cat, args: [/app/lines], expectedOutput: ['(?m)^b$']"), True),
    Case("far down the output", command("command: sh, args: ['-c', 'yes | head -n 60000; echo end'], "
         "expectedOutput: ['end\\n$']"), True),
    Case("variables", command("command: sh, args: ['-c', 'echo \"$A $B\"'], envVars: [{key: A, value: '1'}, {key: B, "
         "value: $HOME_OF/x}], expectedOutput: ['^1 /app/x']"), True),
    Case("the image's variables in words", command("command: echo, args: ['$MODE ${HOME_OF} $NONE'], expectedOutput: "
         "['^fast /app \\$NONE']"), True),
    Case("a variable of the shell's own", command("command: sh, args: ['-c', 'MODES=1; test $MODES = 1']"), True),
    Case("says it to the other stream", command("command: sh, args: ['-c', 'echo hello >&2'], expectedOutput: [hello]"),
         False, "does not match"),
    Case("setup", command("command: cat, args: [/tmp/a, /tmp/b], setup: [[sh, '-c', 'echo 1 > /tmp/a'], [cp, /tmp/a, "
         "/tmp/b]], expectedOutput: ['^1\\n1\\n$'], teardown: [[rm, /tmp/a]]"), True),
    Case("a setup that cannot start", command("command: 'true', setup: [[/none]]"), False, "cannot be started"),
    Case("no such command", command("command: /none"), False, "cannot be started"),
    Case("a flood", command("command: cat, args: [/dev/zero]"), False, "without end"),
    Case("a file", exists("path: /app/app.conf, permissions: '-rw-r-----', uid: 1000, gid: 1001"), True),
    Case("a folder", exists("path: /app, permissions: drwxr-xr-x, isExecutableBy: any"), True),
    Case("sticky", exists("path: /data/, permissions: dtrwxrwxrwx"), True),
    Case("set-uid", exists("path: app/run, permissions: urwxr-x---, isExecutableBy: group"), True),
    Case("not by others", exists("path: /app/run, isExecutableBy: other"), False, "is not executable by other"),
    Case("other permissions", exists("path: /app/app.conf, permissions: '-rw-r--r--'"), False, "found -rw-r-----"),
    Case("another owner", exists("path: /app/app.conf, uid: 0"), False, "expected uid 0, found 1000"),
    Case("missing", exists("path: /app/none"), False, "does not exist"),
    Case("rightly missing", exists("path: /app/none, shouldExist: false"), True),
    Case("wrongly there", exists("path: /app/app.conf, shouldExist: false"), False, "exists, and should not"),
    Case("a link is looked at itself", exists("path: /app/link, permissions: Lrwxrwxrwx"), True),
    Case("a link that leads nowhere", exists("path: /app/dangling"), True),
    Case("through a linked folder", exists("path: /short/app.conf, uid: 1000"), True),
    Case("a path by variable", exists("path: $HOME_OF/app.conf"), True),
    Case("contents", content("path: /app/app.conf, expectedContents: ['answer = \\d+'], excludedContents: [43]"), True),
    Case("contents through a link", content("path: /app/link, expectedContents: [answer]"), True),
    Case("other contents", content("path: /app/app.conf, expectedContents: ['^42']"), False, "does not match"),
    Case("no such file", content("path: /none"), False, "no file /none"),
    Case("a folder has no contents", content("path: /app"), False, "no file /app"),
    Case("metadata", metadata("envVars: [{key: MODE, value: fast}], "
         "labels: [{key: version, value: '^1[.]', isRegex: true}], exposedPorts: [8080, '53'], "
         "unexposedPorts: ['80'], volumes: [/data], unmountedVolumes: [/app], "
         "entrypoint: [/app/run], cmd: [world], workdir: /app, user: 1000, unboundEnvVars: [{key: NONE}]"), True),
    Case("the older name", metadata("env: [{key: MODE, value: fast}]"), True),
    Case("a value that only matches", metadata("env: [{key: MODE, value: f.*}]"), False, "MODE is 'fast'"),
    Case("a variable that is missing", metadata("envVars: [{key: NONE, value: x}]"), False, "NONE is not set"),
    Case("a variable that is set", metadata("unboundEnvVars: [{key: MODE}]"), False, "MODE is set, and should not be"),
    Case("another label", metadata("labels: [{key: team, value: ops}]"), False, "label team is 'web'"),
    Case("another port", metadata("exposedPorts: ['80']"), False, "port 80 is not declared"),
    Case("a port too many", metadata("unexposedPorts: ['8080']"), False, "port 8080 is declared, and should not be"),
    Case("another command", metadata("cmd: []"), False, "cmd is ['world']"),
    Case("shell form is another entrypoint", metadata("entrypoint: [/bin/sh, '-c', /app/run]"), False, "entrypoint is"),
    Case("another user", metadata("user: root"), False, "user is '1000'"),
]  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, engine: Engine, base: str) -> object:
    """The facts of the one image, and its exercise's folder."""
    folder = tmp_path_factory.mktemp("submission")
    (folder / "Dockerfile").write_text(f"FROM {base}\n{DOCKERFILE}")
    exercise = tmp_path_factory.mktemp("exercise")
    with facts_of(folder, engine, exercise=exercise) as facts:
        yield facts, exercise


@pytest.mark.engine
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_cases(case: Case, built: tuple[Facts, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    facts, exercise = built
    (exercise / "test.yaml").write_text(f"schemaVersion: 2.0.0\n{case.tests}\n")
    verdict = structure.judge(facts, structure.Params(file="test.yaml"))
    assert (verdict.fraction == 1.0) is case.passes, verdict
    assert case.says in verdict.message


@pytest.mark.engine
def test_each_test_has_its_share(built: tuple[Facts, Path]) -> None:
    facts, exercise = built
    (exercise / "test.yaml").write_text(
        "schemaVersion: '2.0.0'\nglobalEnvVars: [{key: A, value: b}]\n"
        + "\n".join((command("command: sh, args: ['-c', 'echo $A'], expectedOutput: [b]"), exists("path: /none"),
                     content("path: /app/app.conf"), metadata("workdir: /")))
    )  # fmt: skip
    verdict = structure.judge(facts, structure.Params(file="test.yaml"))
    assert verdict.fraction == 0.5
    assert verdict.message.startswith(
        "2 of 4 structure tests passed. e: /none does not exist. metadataTest: workdir is"
    )
    assert [test["result"] == "passed" for test in verdict.details["tests"]] == [True, False, True, False]


@pytest.mark.engine
@pytest.mark.usefixtures("nothing_left")
def test_setups_leave_nothing(submit: Callable[..., Path], tmp_path: Path, engine: Engine, base: str) -> None:
    (tmp_path / "t.yaml").write_text(
        "schemaVersion: 2.0.0\n" + command("command: 'true', setup: [['true'], ['false']]")
    )
    with facts_of(submit(Dockerfile=f"FROM {base}\n"), engine, exercise=tmp_path) as facts:
        assert structure.judge(facts, structure.Params(file="t.yaml")).fraction == 1.0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected a container-structure-test file"),
        ("[", "not valid YAML"),
        ("!!python/object/apply:os.system [id]", "not valid YAML"),
        ("schemaVersion: 1.0.0\n" + exists("path: /"), "schemaVersion"),
        ("schemaVersion: 2.0.0", "no test"),
        ("schemaVersion: 2.0.0\nlicenseTests: []", "licenseTests is refused"),
        ("schemaVersion: 2.0.0\ncontainerRunOptions: {privileged: true}", "containerRunOptions is refused"),
        ("schemaVersion: 2.0.0\nfileExistenceTest: []", "did you mean 'fileExistenceTests'"),
        ("schemaVersion: 2.0.0\n" + exists("path: /, shouldExists: true"), "did you mean 'shouldExist'"),
        ("schemaVersion: 2.0.0\n" + exists("path: /, permissions: '0644'"), "permissions"),
        ("schemaVersion: 2.0.0\n" + exists("path: /, isExecutableBy: me"), "isExecutableBy"),
        ("schemaVersion: 2.0.0\n" + command("args: [x]"), "missing key 'commandTests.0.command'"),
        ("schemaVersion: 2.0.0\n" + command("command: x, expectedOutput: ['(']"), "regular expression"),
        ("schemaVersion: 2.0.0\n" + command("command: x, expectedOutput: ['a(?=b)']"), "RE2"),
        ("schemaVersion: 2.0.0\n" + command("command: x, expectedOutput: ['(a)\\1']"), "RE2"),
        ("schemaVersion: 2.0.0\n" + command("command: x, excludedOutput: ['a\\Z']"), "RE2"),
        ("schemaVersion: 2.0.0\n" + command("command: x, expectedError: ['a++']"), "RE2"),
        ("schemaVersion: 2.0.0\n" + content("path: /x, expectedContents: ['\\C']"), "RE2"),
        ("schemaVersion: 2.0.0\n" + metadata("labels: [{key: a, value: '(', isRegex: true}]"), "regular expression"),
    ],
)
def test_files_that_are_refused(text: str, says: str, submit: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(text)
    with (
        facts_of(submit(Dockerfile="FROM scratch\n"), exercise=tmp_path) as facts,
        pytest.raises(ExerciseInvalid, match=r"t\.yaml") as caught,
    ):
        structure.judge(facts, structure.Params(file="t.yaml"))
    assert says in str(caught.value)


def test_parameters_that_are_refused() -> None:
    for wrong in ({}, {"file": "../t.yaml"}, {"file": "t.yaml", "image": "x"}):
        with pytest.raises(ValidationError):
            structure.Params.model_validate(wrong)
