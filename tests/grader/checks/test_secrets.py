"""`secrets`: where a canary may hide, and where it must not be seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from grader.canary import Plant
from grader.checks import secrets
from grader.errors import GraderError, SubmissionFault, SubmissionUnusable
from grader.facts.build.base import base_of
from grader.facts.engine.engine import Engine
from grader.facts.image import leaks
from grader.grade import grade
from grader.verdict import Status, Verdict
from tests.grader.conftest import exercise, facts_of

pytestmark = pytest.mark.engine

PLANTED = ({"file": ".npmrc", "text": "//r/:_authToken={canary}\n"}, {"arg": "TOKEN"}, {"secret": "token"})
MOUNT = "RUN --mount=type=secret,id=token "
HANDED = "/run/secrets/token"


class Case(NamedTuple):
    """A Dockerfile after its FROM, whether it passes, words of the message, and files beside it."""

    name: str
    body: str
    passes: bool
    says: tuple[str, ...] = ()
    files: Mapping[str, str] = {}


# fmt: off
CASES = [
    Case("uses none", "COPY app.py /\n", True),
    Case("a secret mount", MOUNT + f"test $(wc -c < {HANDED}) -eq 42 && echo done > /x\n", True),
    Case("the mount as a variable", MOUNT + "sh -c 'TOKEN=$(cat /run/secrets/token) env | grep -c TOKEN'\n", True),
    Case("a hash of it", MOUNT + f"sha256sum {HANDED} > /x\n", True),
    Case("held back", "COPY . /app\n", True, files={".dockerignore": ".npmrc\n"}),
    Case("argument of a stage left behind",
         "ARG TOKEN\nRUN env | grep -c TOKEN >/x\nFROM {base}\nCOPY --from=first /x /\n", True),
    Case("argument in a command of it",
         "ARG TOKEN\nRUN test -n $TOKEN && touch /x\nFROM {base}\nCOPY --from=first /x /\n",
         False, ("build argument TOKEN", "build output")),
    Case("argument of a stage not built", "ARG TOKEN\nRUN test -n $TOKEN\nFROM {base}\nCOPY app.py /\n", True),
    Case("copied", "COPY . /app\n", False, ("file .npmrc", "/app/.npmrc of layer")),
    Case("deleted in the next step", "COPY .npmrc /x\nRUN rm /x\n", False, ("file .npmrc", "still shipped")),
    Case("overwritten", "COPY .npmrc /x\nRUN echo none > /x\n", False, ("file .npmrc", "still shipped")),
    Case("its folder deleted", "COPY .npmrc /a/b/x\nRUN rm -r /a\n", False, ("still shipped",)),
    Case("deleted in the same step", "RUN --mount=type=bind,target=/in cp /in/.npmrc /x && rm /x\n", True),
    Case("out of a stage", "COPY .npmrc /x\nFROM {base}\nCOPY --from=first /x /y\n", False, ("/y of layer",)),
    Case("left in a stage", "COPY .npmrc /x\nRUN cp /x /y\nFROM {base}\nCOPY --from=first /bin/ls /y\n", True),
    Case("an argument's history", "ARG TOKEN\nRUN true\n", False, ("build argument TOKEN", "history")),
    Case("an argument no step follows", "RUN true\nARG TOKEN\n", False, ("build argument TOKEN", "history")),
    Case("an argument with a default", "RUN true\nARG A=b TOKEN=none\n", False, ("build argument TOKEN", "history")),
    Case("an argument of another name", "ARG TOKENS\nARG A=TOKEN\nRUN true\n", True),
    Case("an environment variable", "ARG TOKEN\nENV T=$TOKEN\n", False, ("build argument TOKEN", "config (Env)")),
    Case("a label", "ARG TOKEN\nLABEL a=$TOKEN\n", False, ("config (Labels)",)),
    Case("part of a command", 'ARG TOKEN\nWORKDIR "/a${TOKEN}b"\n', False, ("build argument TOKEN",)),
    Case("a file's name", MOUNT + f"touch /$(cat {HANDED})\n", False, ("build secret token", "name of a file")),
    Case("a link", MOUNT + f"ln -s $(cat {HANDED}) /x\n", False, ("name of a file",)),
    Case("the mount copied", MOUNT + f"cp {HANDED} /x\n", False, ("build secret token", "/x of layer")),
    Case("base64", MOUNT + f"(echo -n ab; cat {HANDED}) | base64 > /x\n", False, ("base64",)),
    Case("hex, in lines", MOUNT + f"(echo 0123456789; cat {HANDED}) | xxd -p > /x\n", False, ("hex",)),
    Case("reversed", MOUNT + f"rev {HANDED} > /x\n", False, ("reversed",)),
    Case("compressed", MOUNT + "tar cz -C /run secrets > /x\n", False, ("compressed",)),
    Case("compressed twice, base64", MOUNT + f"base64 {HANDED} | gzip | gzip > /x\n", False, ("base64, compressed",)),
    Case("UTF-16", MOUNT + f"fold -w1 {HANDED} | tr '\\n' '\\000' > /x\n", False, ("(UTF-16)",)),
    Case("UTF-32", MOUNT + f"fold -w1 {HANDED} | sed 's/$/__/' | tr '_\\n' '\\000\\000' > /x\n", False, ("(UTF-32)",)),
    Case("hex with spaces", MOUNT + f"od -An -tx1 {HANDED} > /x\n", False, ("(hex)",)),
    Case("in two halves", MOUNT + f"head -c 21 {HANDED} > /x; tail -c 21 {HANDED} > /y\n", False, ("1 other place",)),
    Case("behind a script that unpacks it", MOUNT + f"(echo '#!/bin/sh'; gzip -c {HANDED}) > /x\n", False,
         ("compressed",)),
    Case("in an archive of archives", MOUNT + f"mkdir /t && gzip -c {HANDED} > /t/a && tar cf /x -C /t . && rm -r /t\n",
         False, ("compressed",)),
    Case("compressed, in base64", MOUNT + f"gzip -c {HANDED} | base64 > /x\n", False, ("compressed",)),
    Case("compressed, in base64, printed", MOUNT + f"tar cz {HANDED} | base64\n", False,
         ("build output (compressed)",)),
    Case("a folder's name", MOUNT + f"mkdir -p /a/$(cat {HANDED})\n", False, ("name of a file",)),
    Case("a user's description", MOUNT + f"echo x:x:7:7:$(cat {HANDED}):/: >> /etc/passwd\n", False, ("/etc/passwd",)),
    Case("a volume's name", "ARG TOKEN\nVOLUME /$TOKEN\n", False, ("config (Volumes)",)),
    Case("how long it is", MOUNT + f"wc -c < {HANDED} > /x\n", True),
    Case("how it begins", MOUNT + f"head -c 6 {HANDED}; echo ...\n", True),
    Case("printed", MOUNT + f"cat {HANDED}\n", False, ("build secret token", "build output")),
    Case(
        "printed in the midst of much",
        # BuildKit itself drops what comes faster than 200 KiB a second.
        MOUNT + f"yes | head -c 140000; sleep 1; cat {HANDED}; sleep 1; yes | head -c 140000\n",
        False,
        ("build output",),
    ),
    Case("printed in a stage left behind",
         MOUNT + f"cat {HANDED} | tee /x\nFROM {{base}}\nCOPY --from=first /bin/ls /y\n", False, ("build output",)),
    Case(
        "through a cache",
        "RUN --mount=type=cache,target=/c,id=layerwise-test-secrets --mount=type=secret,id=token "
        f"cp {HANDED} /c/x\nRUN --mount=type=cache,target=/c,id=layerwise-test-secrets cp /c/x /x\n",
        False,
        ("build secret token",),
    ),
]
# fmt: on


def judged(folder: Path, engine: Engine, **params: Any) -> Verdict:
    checked = secrets.Params.model_validate(params)
    with facts_of(folder, engine, images=["busybox:musl"], plants=checked.plants, no_shared_cache=True) as facts:
        verdict = secrets.judge(facts, checked)
        shown = str(verdict)
        for canary in facts.canaries:
            for needle in canary.needles:
                assert needle.data.decode("latin-1") not in shown
        return verdict


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_cases(case: Case, submit: Callable[..., Path], engine: Engine, base: str) -> None:
    folder = submit(
        {"app.py": "print()\n", ".npmrc": "//r/:_authToken=none\n", **case.files},
        Dockerfile=f"FROM {base} AS first\n" + case.body.replace("{base}", base),
    )
    verdict = judged(folder, engine, planted=PLANTED)
    assert (verdict.status is Status.PASSED) is case.passes, verdict
    for words in case.says:
        assert words in verdict.message, verdict


def test_what_an_earlier_grading_left_in_the_cache(submit: Callable[..., Path], engine: Engine, base: str) -> None:
    """A RUN's secret is no part of its cache key: reused, it would hold the canary of the grading before."""
    folder = submit(Dockerfile=f"FROM {base}\n{MOUNT}cat {HANDED} > /x\n")
    for _ in range(2):
        verdict = judged(folder, engine, planted=[{"secret": "token"}])
        assert verdict.status is Status.FAILED
        assert "/x of layer" in verdict.message


@pytest.mark.usefixtures("nothing_left")
def test_every_build_of_a_grading_has_the_secrets(submit: Callable[..., Path], engine: Engine, base: str) -> None:
    """A Dockerfile may insist on its secret and its argument, and its cache is judged as always."""
    folder = submit(
        {"app.py": "print()\n", "deps": "a\n"},
        Dockerfile=f"FROM {base}\nARG TOKEN\nCOPY deps /\n"
        "RUN --mount=type=secret,id=token,required=true test -n $TOKEN && grep -q machine /run/secrets/token\n"
        "COPY app.py /\nRUN true\n",
    )
    planted = [{"secret": "token", "text": "machine x password {canary}"}]
    rebuild = {"edit": ["app.py"], "cached": ["grep"], "rerun": ["true"]}
    wanted = exercise(("build", {}), ("secrets", {"planted": planted}), ("rebuild", rebuild), args={"TOKEN": "x"})
    report = grade(wanted, folder, engine=engine)
    assert [check.status for check in report.checks] == [Status.PASSED] * 3, report


CREDENTIAL = "glpat-" + "Zk3Lw9Qp7Xn2Vb5Tm8Rc"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("COPY key /x\nRUN rm /x\n", ("a GitLab token", "still shipped")),
        ("COPY key /x\nRUN gzip /x\n", ("a GitLab token", "1 other place")),
        ("RUN --mount=type=bind,target=/in gzip -c /in/key > /x\n", ("(compressed)",)),
        ("ENV API_TOKEN=Zk3Lw9Qp7Xn2\n", ("a setting with a secret", "config (Env)")),
        ("ENV DB_PASS=Rb7kZpQ2xW\n", ("a setting with a secret", "config (Env)")),
        (f"ENV SECRET_KEY_BASE={'676861bc8e1148d1' * 8}\n", ("a setting with a secret", "config (Env)")),
        ("ENV DATABASE_URL=postgres://app:Rb7kZpQ2xW@db:5432/app\n", ("a URL with a password", "config (Env)")),
        (
            "RUN --mount=type=bind,target=/in printf 'z\\000%sNN' $(cat /in/key) > /x.pyc\n",
            ("a GitLab token", "/x.pyc"),
        ),
        ("ENV DB_PASS=vault:secret/data/db2#password API_TOKEN=file:/run/secrets/api2\n", ()),
        ("ENV DB_PASSWORD=arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf\n", ()),
        (f"RUN echo {CREDENTIAL} | wc -c\n", ("a GitLab token", "history")),
        ("RUN --mount=type=bind,target=/in cat /in/key\n", ("a GitLab token", "build output")),
        ("RUN --mount=type=bind,target=/in touch /$(cat /in/key)\n", ("a GitLab token", "name of a file")),
        ("COPY nothing /x\n", ()),
        ("COPY key /usr/lib/python3/dist-packages/tests/key\n", ()),
    ],
)
def test_credentials(body: str, says: tuple[str, ...], submit: Callable[..., Path], engine: Engine, base: str) -> None:
    folder = submit({"key": CREDENTIAL, "nothing": "glpat-xxxxxxxxxxxxxxxxxxxx"}, Dockerfile=f"FROM {base}\n{body}")
    verdict = judged(folder, engine)
    assert (verdict.status is Status.FAILED) is bool(says), verdict
    for words in says:
        assert words in verdict.message, verdict
    assert CREDENTIAL not in str(verdict)


def test_a_bomb_is_the_submissions_fault(
    submit: Callable[..., Path], engine: Engine, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaks, "MAX_UNPACKED", 10_000_000)
    folder = submit(Dockerfile=f"FROM {base}\nRUN head -c 20000000 /dev/zero | gzip > /x\n")
    with pytest.raises(SubmissionFault, match="compressed files hold more than 10 MB"):
        judged(folder, engine)


def test_an_archive_cannot_be_planted(submit: Callable[..., Path], tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    archive.touch()
    folder = submit(Dockerfile="FROM scratch\n")
    report = grade(exercise(("secrets", {"planted": [{"arg": "TOKEN"}]})), folder, image=archive)
    assert report.checks[0].status is Status.ERROR
    assert "nothing could be planted" in report.checks[0].message


def test_what_was_not_planted_is_not_judged(submit: Callable[..., Path], engine: Engine) -> None:
    params = secrets.Params.model_validate({"planted": [{"arg": "TOKEN"}]})
    with (
        facts_of(submit(Dockerfile="FROM scratch\n"), engine) as facts,
        pytest.raises(GraderError, match="not planted"),
    ):
        secrets.judge(facts, params)


@pytest.mark.parametrize("way", [".npmrc/x", "link/x", "folder"])
def test_what_is_in_the_way_of_a_planted_file(way: str, submit: Callable[..., Path]) -> None:
    folder = submit({".npmrc": "x", "folder/x": "x"}, Dockerfile="FROM scratch\n")
    (folder / "link").symlink_to("folder")
    with (
        pytest.raises(SubmissionUnusable, match="but it cannot be written in"),
        facts_of(folder, plants=[Plant(file=way)]),
    ):
        pass


def test_a_link_is_replaced_not_followed(submit: Callable[..., Path]) -> None:
    folder = submit({"app.py": "x"}, Dockerfile="FROM scratch\n")
    (folder / ".npmrc").symlink_to("app.py")
    with facts_of(folder, plants=[Plant(file=".npmrc"), Plant(file="a/b/c")]) as facts:
        root = facts.submission.folder
        assert (root / "app.py").read_text() == "x"
        assert (root / ".npmrc").read_text() == facts.canaries[0].value
        assert (root / "a" / "b" / "c").read_text() == facts.canaries[1].value
        with facts.submission.copy() as copy:
            assert copy.canaries == facts.canaries


@pytest.mark.lab
@pytest.mark.long
@pytest.mark.parametrize("name", ["debian:trixie-slim", "python:3.13-slim", "node:20-slim"])
def test_base_images_hold_no_credential(name: str, submit: Callable[..., Path], engine: Engine) -> None:
    """With no base image named, all of it is the submission's own."""
    folder = submit(Dockerfile=f"FROM localhost:5000/base/{name}\n")
    with facts_of(folder, engine) as facts:
        assert base_of(facts).layers == 0
        assert leaks.leaks_of(facts) == ()
