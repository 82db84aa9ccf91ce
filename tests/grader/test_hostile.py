"""Submissions made to break the grader, its engine or its report: none gets through, and nothing of them stays."""

from __future__ import annotations

import io
import json as stdlib_json
import os
import shutil
import socket
import stat
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console

from grader.errors import SubmissionUnusable
from grader.facts.build import build
from grader.facts.build.build_log import STEP_OUTPUT
from grader.facts.engine import container
from grader.facts.engine.engine import Engine
from grader.grade import grade
from grader.reports import html, json, junit, sarif, terminal
from grader.verdict import Report, Status
from layerwise.commands._engines import DESIGNS
from layerwise.stack import isolated, paths
from tests.grader.conftest import exercise, facts_of, nest
from tests.grader.reports.test_hostile import no_control_codes, strings
from tests.grader.reports.validators import HTML_TAGS, Markup, junit_root, sarif_run

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("nothing_left")]

BUILD = ("build", {})


def running(argument: str) -> list[str]:
    """Processes of this machine with that argument, once none is left or five seconds are over."""
    deadline = time.monotonic() + 5
    while True:
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if argument.encode() in words:
                found.append(path.parent.name)
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def judged(folder: Path, engine: Engine, *wanted: tuple[str, dict[str, object]], timeout: str = "60 s") -> Report:
    return grade(exercise(*(wanted or (BUILD,)), timeout=timeout), folder, engine=engine)


# Builds that do not end

SLEEP = str(70_000_000 + os.getpid())
"""Seconds nobody else sleeps."""
ENDLESS = {
    "sleeps": f"sleep {SLEEP}",
    "ignores signals": f"trap '' TERM INT HUP; while :; do sleep {SLEEP}; done",
    "forks without end": f"fork() {{ sleep {SLEEP} & i=$((i+1)); }}; i=0; while :; do [ $i -lt 200 ] && fork; done",
    "prints without end": f"sleep {SLEEP} & yes",
    "hides behind a session": f"setsid sh -c 'setsid sleep {SLEEP}' & while :; do sleep {SLEEP}; done",
}


@pytest.mark.parametrize("what", ENDLESS)
def test_a_run_without_end(what: str, submit: Callable[..., Path], engine: Engine, base: str) -> None:
    folder = submit(Dockerfile=f"FROM {base}\nRUN {ENDLESS[what]}\n")
    report = judged(folder, engine, timeout="5 s")
    (check,) = report.checks
    assert check.status is Status.FAILED
    assert "did not end within 5.0 s, still at RUN" in check.message
    assert not running(SLEEP)
    small(report)


def test_what_a_run_leaves_running(submit: Callable[..., Path], engine: Engine, base: str) -> None:
    folder = submit(Dockerfile=f"FROM {base}\nRUN (setsid sleep {SLEEP} &); true\n")
    assert judged(folder, engine).status is Status.PASSED
    assert not running(SLEEP)


def test_a_flood_of_output_is_cut(
    submit: Callable[..., Path], engine: Engine, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BuildKit drops most of what a step prints too fast; what it lets through is kept at both ends, and counted."""
    text = "head -c 900000 /dev/zero | tr '\\0' x"
    folder = submit(Dockerfile=f"FROM {base}\nRUN {text}\nRUN {text}; echo\nRUN {text} >&2; echo the end; exit 1\n")
    with facts_of(folder, engine) as facts:
        with pytest.raises(build.BuildFailed) as fault:
            _ = facts.build
        assert all(len(vertex.output) < STEP_OUTPUT + 100 for vertex in fault.value.log.vertexes)
        assert len(str(fault.value)) < 500
    monkeypatch.setattr(build, "OUTPUT_LIMIT", 100_000)
    folder = submit(Dockerfile=f"FROM {base}\nRUN : {SLEEP}; {text}; sleep {SLEEP}\n")
    (check,) = judged(folder, engine).checks
    assert check.status is Status.FAILED
    assert "printed more than 100 kB and was stopped" in check.message
    assert not running(SLEEP)


def test_a_file_far_larger_than_the_disk(submit: Callable[..., Path], engine: Engine, base: str) -> None:
    """It takes no room in the builder, and without end to pack into a layer."""
    folder = submit(Dockerfile=f"FROM {base}\nRUN truncate -s 900G /huge\n")
    (check,) = judged(folder, engine, timeout="3 s").checks
    assert check.status is Status.FAILED
    assert "did not end within 3.0 s" in check.message


# Containers that do not behave

BOMB = "bomb() { bomb | bomb & }; bomb; while :; do :; done"


def test_a_fork_bomb_in_a_container(
    submit: Callable[..., Path], engine: Engine, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets no further than the container's own bounds, and ends with it."""
    monkeypatch.setattr(container, "CPUS", 0.3)  # others work on this machine
    folder = submit(Dockerfile=f"FROM {base}\nCMD : {SLEEP}; {BOMB}\n")
    report = judged(folder, engine, ("command", {"timeout": "2 s"}))
    assert report.checks[0].status is Status.FAILED
    assert "did not end within 2.0 s" in report.checks[0].message
    assert not running(SLEEP)


# Contexts


def sparse(folder: Path) -> None:
    with (folder / "huge").open("wb") as file:
        file.truncate(10_000_000_000)


def listen(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "socket"))


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "10 GB sparse": (sparse, "larger than 2.0 GB"),
    "a link out": (lambda folder: (folder / "x").symlink_to("/etc/shadow"), "leaves the folder"),
    "a link to the engine": (lambda folder: (folder / "x").symlink_to("/var/run"), "leaves the folder"),
    "a link up": (lambda folder: (folder / "x").symlink_to("../../.."), "leaves the folder"),
    "a pipe": (lambda folder: os.mkfifo(folder / "x"), "is a pipe"),
    "a socket": (listen, "is a socket"),
    "a device": (lambda folder: os.mknod(folder / "x", 0o600 | stat.S_IFBLK, os.makedev(8, 0)), "is a device"),
    "500 folders deep": (lambda folder: nest(folder, 500), "folders deep"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_context_that_is_refused(what: str, submit: Callable[..., Path], engine: Engine) -> None:
    make, says = REFUSED[what]
    folder = submit(Dockerfile="FROM scratch\nCOPY . /\n")
    make(folder)
    with pytest.raises(SubmissionUnusable, match=says) as fault:
        judged(folder, engine)
    assert "\n" not in str(fault.value)
    subprocess.run(["rm", "-rf", folder], check=True, timeout=60)  # pytest's own clean-up recurses


NAMES = ["a\nb", "\x1b[31mred", "<script>alert(1)</script>".replace("/", "∕"), "-rf", "$(id)", "'; id; '", "\u202egnp"]


def test_names_of_all_kinds(submit: Callable[..., Path], engine: Engine, base: str) -> None:
    folder = submit(Dockerfile=f"FROM {base}\nCOPY . /app\n")
    for name in [*NAMES, os.fsdecode(b"\xff\xfe")]:
        (folder / name).write_text("x")
    report = judged(folder, engine, BUILD, ("context", {"max": "1 B"}), ("context", {"excluded": ["*"]}))
    assert [check.status for check in report.checks] == [Status.PASSED, Status.FAILED, Status.FAILED]
    with facts_of(folder, engine) as facts:
        found = set(facts.image.files.listing("app"))
        assert {*NAMES, os.fsdecode(b"\xff\xfe")} <= found
    safe(report)


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as made:
        for member, content in members:
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))
    return file.getvalue()


def member(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", content: bytes = b""
) -> tuple[tarfile.TarInfo, bytes]:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode = kind, link, 0o644
    return made, content


OUT = f"layerwise-escaped-{os.getpid()}"
ARCHIVES = {
    "out by dots": [member(f"../../../../../../../../tmp/{OUT}", content=b"x")],
    "out by an absolute name": [member(f"/tmp/{OUT}", content=b"x")],
    "out by a link": [member("tmp", tarfile.SYMTYPE, "/"), member(f"tmp/tmp/{OUT}", content=b"x")],
    "out by a link up": [member("up", tarfile.SYMTYPE, "../../../../../.."), member(f"up/tmp/{OUT}", content=b"x")],
    "a hard link out": [member("shadow", tarfile.LNKTYPE, "../../../../../../etc/shadow")],
    "a device": [member("disk", tarfile.BLKTYPE), member("pipe", tarfile.FIFOTYPE)],
    "names": [member(name.replace("/", ""), content=b"x") for name in NAMES],
    "whiteouts": [member(".wh..wh..opq"), member(".wh.bin"), member(".wh...")],
    "300 folders deep": [member("d/" * 300 + "x", content=b"x")],
    "the same name again and again": [member("x", content=bytes([65 + number])) for number in range(20)],
}


@pytest.mark.parametrize("what", ARCHIVES)
def test_an_archive_that_is_unpacked(what: str, submit: Callable[..., Path], engine: Engine, base: str) -> None:
    """ADD unpacks it in the builder: nothing leaves the image, and what is in it can be looked at or is refused."""
    folder = submit({"x.tar": archive(*ARCHIVES[what])}, Dockerfile=f"FROM {base}\nADD x.tar /in/\n")
    wanted = [
        BUILD,
        ("files", {"files": [{"path": "/in/x", "exists": False}]}),
        ("secrets", {}),
        ("user", {"at": "config"}),
    ]
    report = judged(folder, engine, *wanted)
    assert report.checks[0].status in (Status.PASSED, Status.FAILED), report
    assert not any(check.status is Status.ERROR for check in report.checks), report
    assert not Path("/tmp", OUT).exists()
    safe(report)


def test_a_file_that_says_of_another_that_it_is_gone(submit: Callable[..., Path], engine: Engine, base: str) -> None:
    """One image store notices while it builds; the other does not, and no engine could unpack the layer."""
    folder = submit(Dockerfile=f"FROM {base}\nRUN touch -- /-a /.wh.-a\n")
    (check,) = judged(folder, engine, ("files", {"files": [{"path": "/bin/sh"}]})).checks
    assert check.status is Status.FAILED
    assert "no layer can hold" in check.message or "no engine can unpack the image" in check.message


@pytest.fixture
def own_engine() -> Iterator[Engine]:
    """An engine for one test: what is done to it here would last."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        pytest.skip("only root on Debian or Ubuntu can bring an engine for one test")
    with (
        isolated.running(paths.home(), DESIGNS[0], print) as found,
        closing(Engine.connect({**os.environ, "DOCKER_HOST": found.host})) as engine,
    ):
        yield engine


@pytest.mark.long
def test_a_tree_too_deep_for_a_layer(submit: Callable[..., Path], own_engine: Engine, base: str) -> None:
    """From then on the engine can neither list its build cache nor bound it, until all of it is dropped."""
    deeper = "name=$(seq -s . 80); for i in $(seq 16); do mkdir $name && cd $name; done; mkdir -p $name/$name"
    (check,) = judged(submit(Dockerfile=f"FROM {base}\nRUN {deeper}\n"), own_engine).checks
    assert check.status is Status.FAILED
    assert "no layer can hold" in check.message


@pytest.fixture
def pair(tmp_path: Path, base: str) -> tuple[Path, Path]:
    """Two folders that a builder takes for one: the same names, sizes and times, and different content."""
    made = []
    for name in ("first", "other"):
        folder = tmp_path / name / "app"
        folder.mkdir(parents=True)
        (folder / "Dockerfile").write_text(f"FROM {base}\nCOPY . /app\n")
        (folder / "answer").write_text(f"it is {name}\n")
        for path in (*folder.iterdir(), folder):
            os.utime(path, (1_700_000_000, 1_700_000_000))
        made.append(folder)
    return made[0], made[1]


def test_two_that_would_collide(pair: tuple[Path, Path], engine: Engine) -> None:
    """One after the other, and at the same time (moby/buildkit#4817)."""
    found: dict[str, bytes | None] = {}

    def look(folder: Path, key: str) -> None:
        with facts_of(folder, engine) as facts:
            found[key] = facts.image.read("/app/answer")

    for folder in (*pair, *pair):
        look(folder, folder.parent.name)
    assert found == {"first": b"it is first\n", "other": b"it is other\n"}
    found.clear()
    threads = [threading.Thread(target=look, args=(folder, folder.parent.name)) for folder in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"first": b"it is first\n", "other": b"it is other\n"}


# What a build may not ask for


@pytest.mark.parametrize(
    ("flag", "says"), [("--security=insecure", "security"), ("--network=host", "asks for --network=host")]
)
def test_more_rights_are_refused(flag: str, says: str, submit: Callable[..., Path], engine: Engine, base: str) -> None:
    (check,) = judged(submit(Dockerfile=f"FROM {base}\nRUN {flag} true\n"), engine).checks
    assert check.status is Status.FAILED
    assert says in check.message


# Reports

FORGED = stdlib_json.dumps(
    {
        "vertexes": [
            {"digest": "sha256:0", "name": "[2/2] RUN exit 1", "started": "2026-01-01T00:00:00Z", "cached": True},
            {"digest": "sha256:1", "name": "[9/9] RUN forged", "completed": "2026-01-01T00:00:00Z"},
        ]
    }
)
FULL_MARKS = stdlib_json.dumps({"schema": 1, "score": 10.0, "max_score": 10.0, "status": "passed", "checks": []})


def test_a_build_that_prints_a_report(submit: Callable[..., Path], engine: Engine, base: str) -> None:
    lines = [
        FORGED,
        FULL_MARKS,
        "ERROR: failed to solve: x",
        "  3 | >>> RUN x",
        "{",
        '"vertexes": [',
        "}",
        "\x1b]0;x\x07",
    ]
    shown = "\n".join(lines)
    folder = submit(
        report=shown, Dockerfile=f"FROM {base}\nCOPY report /\nRUN cat /report; cat /report >&2\nRUN true\n"
    )
    (check,) = judged(folder, engine).checks
    assert check.status is Status.PASSED
    assert check.evidence["steps"] == 3
    folder = submit(Dockerfile=f"FROM {base}\nCOPY report /\nRUN cat /report >&2; exit 1\nRUN true\n")
    report = judged(folder, engine)
    assert report.status is Status.FAILED
    assert report.checks[0].evidence["where"] == [{"file": "Dockerfile", "line": 3}]
    safe(report)


NASTY = "\x1b]8;;http://evil\x1b\\<img src=x onerror=alert(1)>\x1b[2J\r\n\u202e&quot;\"'{0}"


def test_nasty_text_wherever_a_submission_has_a_say(submit: Callable[..., Path], engine: Engine, base: str) -> None:
    quoted = NASTY.replace("\r\n", "").replace('"', "").replace("'", "")
    text = f"FROM {base}\nUSER {quoted.replace(' ', '')}\nLABEL a='{quoted}'\nENV A='{quoted}'\nCMD ['{quoted}']\n"
    folder = submit({"nasty": NASTY}, Dockerfile=text + "COPY nasty /\n")
    (folder / NASTY.replace("/", "∕")).write_text("x")
    wanted = [
        BUILD,
        ("user", {}),
        ("context", {"max": "1 B"}),
        ("command", {"run": ["cat", "/nasty"], "stdout": "^nothing$"}),
        ("metadata", {"labels": {"a": "b"}, "env": {"A": "b"}}),
    ]
    report = judged(folder, engine, *wanted)
    assert not any(check.status is Status.ERROR for check in report.checks), report
    safe(report)
    for body in (
        f"RUN echo '{quoted}'; cat /nasty; exit 1\n",
        f"COPY '{quoted}' /\n",
        f"FROM {quoted}\n",
        f"{quoted}\n",
    ):
        report = judged(submit(Dockerfile=text + "COPY nasty /\n" + body), engine)
        assert report.checks[0].status is Status.FAILED
        safe(report)


def small(report: Report) -> None:
    assert len(json.render(report)) < 20_000


def safe(report: Report) -> None:
    """In every format well-formed, with nothing that a terminal, a browser or a reader takes for something else."""
    small(report)
    for text in strings(stdlib_json.loads(json.render(report))):
        no_control_codes(text.replace("\t", ""))
    for text in strings(sarif_run(sarif.render(report))):
        no_control_codes(text)
    assert len(list(junit_root(junit.render(report)).iter("testcase"))) == len(report.checks)
    page = html.page(report)
    no_control_codes(page)
    assert set(Markup(page).tags) <= HTML_TAGS["page"] | {"a"}
    file = io.StringIO()
    terminal.render(report, console=Console(file=file, width=80))
    no_control_codes(file.getvalue())
