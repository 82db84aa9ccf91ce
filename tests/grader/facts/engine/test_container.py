"""A container's processes as different machines show them, and how it is started and removed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from grader.errors import EngineFailure, NotObservable
from grader.facts.engine import container
from grader.facts.engine.container import Process, Running, exit_code
from grader.facts.engine.engine import Engine, Output
from grader.facts.engine.errors import ContainerRefused
from grader.facts.engine.output_reader import OutputReader

Top = Callable[[str, bool], list[list[str]]]


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"Running": True, "ExitCode": 0}, None),
        ({"Running": False, "ExitCode": 137}, 137),
        ({}, 0),
        ({"ExitCode": None}, 0),
    ],
)
def test_exit_code(state: Mapping[str, Any], code: int | None) -> None:
    assert exit_code(state) == code


@pytest.mark.parametrize(
    ("ids", "root"),
    [((0, 0, 0, 0), True), ((7, 7, 7, 7), False), ((7, 7, 0, 7), True), ((7, 0, 7, 7), True), ((0, 7, 7, 7), True),
     ((7, 7, 7, 0), True), ((7, 7, None, None), False), ((-1, -1, None, None), False)],
)  # fmt: skip
def test_whoever_can_become_root_is_root(ids: tuple[int, int, int | None, int | None], root: bool) -> None:
    assert Process(1, True, *ids, "x").is_root is root


def running(top: Top, pid: int = 100) -> Running:
    """A container on a machine with that `ps`: it answers for columns, and whether threads are asked for."""

    def answer(name: str, columns: str, *, threads: bool = False) -> tuple[list[str], list[list[str]]]:
        return columns.split(","), top(columns, threads)

    engine = SimpleNamespace(top=answer, inspect_container=lambda name: {"State": {"Pid": pid, "Running": True}})
    return Running(cast(Engine, engine), "x", cast(OutputReader, None))


def gone(columns: str, threads: bool) -> list[list[str]]:
    raise KeyError("x")


def no_ps(columns: str, threads: bool) -> list[list[str]]:
    raise EngineFailure('exec: "ps": executable file not found in $PATH')


def no_columns(columns: str, threads: bool) -> list[list[str]]:
    raise EngineFailure("ps: bad -o argument")


def full(*rows: str, programs: Sequence[str] = ()) -> Top:
    """procps: it knows all columns."""

    def top(columns: str, threads: bool) -> list[list[str]]:
        if columns == "pid,exe":
            if not programs:
                raise EngineFailure("unknown user-defined format specifier")
            return [row.split(" ", 1) for row in programs]
        return [row.split() for row in rows] if columns.startswith("pid,ruid") else [[]]

    return top


def busybox(*rows: str) -> Top:
    """A smaller ps: it knows neither numbers of users nor threads."""

    def top(columns: str, threads: bool) -> list[list[str]]:
        if threads or columns != "pid,ruser,user,args":
            raise EngineFailure("ps: bad -o argument")
        return [row.split() for row in rows]

    return top


def process(pid: int, ids: int, words: str, program: str = "") -> Process:
    return Process(pid, pid == 100, ids, ids, ids, ids, words, program)


@pytest.mark.parametrize(
    ("top", "expected"),
    [
        (full("100 7 7 7 7 sleep 300"), [process(100, 7, "sleep 300")]),
        (full("100 7 7 7 7 a", "101 8 8 8 8 b"), [process(100, 7, "a"), process(101, 8, "b")]),
        pytest.param(full("100 7 7 7 7 a", "100 0 0 0 0 a"), [process(100, 0, "a")], id="a thread kept root"),
        pytest.param(full("100 0 0 0 0 a", "100 7 7 7 7 a"), [process(100, 0, "a")], id="another gave it up"),
        (full("100 7 7 7 7 a", programs=["100 /bin/a (deleted)"]), [process(100, 7, "a", "/bin/a")]),
        (full("100 7 7 7 7 a", programs=["100 -"]), [process(100, 7, "a")]),
        (busybox("100 root root sh"), [Process(100, True, 0, 0, None, None, "sh")]),
        (busybox("100 1000 1000 sh"), [Process(100, True, 1000, 1000, None, None, "sh")]),
        pytest.param(busybox("100 daemon daemon sh"), [Process(100, True, -1, -1, None, None, "sh")],
                     id="a name of the engine's machine: somebody, and not root"),
        (gone, []),
    ],
)  # fmt: skip
def test_processes(top: Top, expected: list[Process]) -> None:
    assert running(top).processes() == expected


@pytest.mark.parametrize(("top", "says"), [(no_ps, "has no 'ps'"), (no_columns, "does not show user ids")])
def test_a_machine_that_shows_no_processes(top: Top, says: str) -> None:
    with pytest.raises(NotObservable, match=f"{says}.*install procps"):
        running(top).processes()


def states(*found: str, threads_too: bool = True) -> Top:
    def top(columns: str, threads: bool) -> list[list[str]]:
        if threads and not threads_too:
            raise EngineFailure("ps: bad -o argument")
        return [["1", state] for state in found]

    return top


@pytest.mark.parametrize(
    ("top", "idle"),
    [
        (states("S", "Ss+", "T"), True),
        (states("S", "R"), False),
        (states("D"), False),
        (states("Rl+"), False),
        (states("S", threads_too=False), True),
        (states("R", threads_too=False), False),
        (gone, True),
        pytest.param(no_ps, False, id="what cannot be seen is not taken for rest"),
    ],
)
def test_at_rest(top: Top, idle: bool) -> None:
    assert running(top).is_idle() is idle


class FakeEngine:
    """Notes what is done with containers; it refuses to do what `fails` names."""

    def __init__(self, fails: str = "", fault: Exception | None = None) -> None:
        self.done: list[str] = []
        self.settings: dict[str, Any] = {}
        self.info = SimpleNamespace(cpus=1)
        self.kinds: dict[str, str] = {}
        self.kept = (b"", b"")
        self._fails, self._fault, self.times = fails, fault, 99

    def _do(self, what: str) -> None:
        self.done.append(what)
        if what == self._fails and self._fault and self.times > 0:
            self.times -= 1
            raise self._fault

    def create_container(self, image: str, *, host: Mapping[str, Any], **config: Any) -> str:
        self.settings = {**host, **config}
        self._do("create")
        return "x"

    def kind_of(self, name: str, path: str) -> str:
        return self.kinds.get(path, "file")

    def put_archive(self, name: str, archive: bytes) -> None:
        self._do(f"put {archive.decode()}")

    def start_container(self, name: str) -> Output:
        self._do("start")
        return Output(iter([(b"hello", None)]))

    def wait(self, name: str, timeout: float) -> int | None:
        self._do("wait")
        return 3

    def inspect_container(self, name: str) -> dict[str, Any]:
        return {
            "State": {
                "OOMKilled": True,
                "StartedAt": "2026-01-31T09:59:00.5Z",
                "FinishedAt": "2026-01-31T10:00:00.123456789Z",
            }
        }

    def logs(self, name: str, limit: int) -> tuple[bytes, bytes]:
        return self.kept

    def commit(self, name: str, image: str) -> None:
        self._do(f"commit {image}")

    def remove_container(self, name: str) -> None:
        self._do("remove")


def test_a_command_in_a_fresh_container() -> None:
    engine = FakeEngine()
    found = container.run(
        cast(Engine, engine), "i", "echo $A", timeout=5, env={"A": "1"}, archives=[b"p"], keep="k:1", network_of="y"
    )
    assert engine.done == ["create", "put p", "start", "wait", "commit k:1", "remove"]
    assert (found.exit_code, found.stdout, found.out_of_memory, found.timed_out) == (3, "hello", True, False)
    assert engine.settings["entrypoint"] == ["/bin/sh", "-c"]
    assert engine.settings["command"] == ["echo $A"]
    assert engine.settings["network_mode"] == "container:y"


@pytest.mark.parametrize(
    ("command", "settings"),
    [
        (["a", "b c"], {"entrypoint": ["a"], "command": ["b c"]}),
        (["a"], {"entrypoint": ["a"], "command": []}),
        (None, {}),
    ],
)
def test_a_list_is_run_as_it_is_and_none_is_the_images_own(
    command: list[str] | None, settings: Mapping[str, Any]
) -> None:
    engine = FakeEngine()
    container.run(cast(Engine, engine), "i", command, timeout=5)
    assert {name: engine.settings[name] for name in ("entrypoint", "command") if name in engine.settings} == settings


@pytest.mark.parametrize(
    ("kept", "stdout", "stderr"),
    [
        ((b"", b""), "hello", ""),
        ((b"hello", b""), "hello", ""),
        ((b"Well, hello", b"lost"), "Well, hello", "lost"),
        ((b"llo", b""), "hello", ""),  # the engine keeps only so much
    ],
)
def test_what_a_quick_program_printed_is_not_lost(kept: tuple[bytes, bytes], stdout: str, stderr: str) -> None:
    engine = FakeEngine()
    engine.kept = kept
    found = container.run(cast(Engine, engine), "i", ["a"], timeout=5)
    assert (found.stdout, found.stderr) == (stdout, stderr)


class BusyEngine(FakeEngine):
    """Of each container it is late in saying that it has ended, and then has of its output what `prints` says."""

    def __init__(self, late: float, *prints: str) -> None:
        super().__init__()
        self._late, self._prints, self.code = late, list(prints), 0
        self.began = "2026-01-31T09:59:54.9Z"

    def start_container(self, name: str) -> Output:
        stdout, _, stderr = self._prints.pop(0).partition("|")
        return Output(iter([(stdout.encode(), stderr.encode())]))

    def wait(self, name: str, timeout: float) -> int | None:
        return self.code

    def inspect_container(self, name: str) -> dict[str, Any]:
        return {"State": {"StartedAt": self.began, "FinishedAt": "2026-01-31T10:00:00.123456789Z"}}

    def now(self) -> datetime:
        return datetime.fromisoformat("2026-01-31T11:00:00.123456789+01:00") + timedelta(seconds=self._late)


@pytest.mark.parametrize(
    ("late", "prints", "found", "times"),
    [
        pytest.param(1.9, ["a", "b"], "a", 1, id="in time"),
        pytest.param(2.0, ["", "a", "a"], "a", 3, id="cut, then whole twice"),
        pytest.param(2.0, ["a", "", "a"], "a", 3, id="cut between"),
        pytest.param(9.0, ["", ""], "", 2, id="it prints nothing"),
    ],
)
def test_what_an_engine_may_have_cut_is_asked_for_again(
    late: float, prints: Sequence[str], found: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.monotonic", itertools.count(step=10).__next__)
    engine = BusyEngine(late, *prints)
    assert container.run(cast(Engine, engine), "i", ["a"], timeout=99, keep="k:1").stdout == found
    assert engine.done == [*["create", "remove"] * (times - 1), "create", "commit k:1", "remove"]


def test_output_that_is_cut_again_and_again_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.monotonic", itertools.count(step=10).__next__)
    engine = BusyEngine(2.5, "abcd", "a", "ab", "")
    with pytest.raises(EngineFailure, match="may be cut, 4 times in a row"):
        container.run(cast(Engine, engine), "i", ["a"], timeout=99)
    assert engine.done == ["create", "remove"] * container.RUNS


def test_a_quick_container_cannot_have_been_cut() -> None:
    engine = BusyEngine(60, "a")
    assert container.run(cast(Engine, engine), "i", ["a"], timeout=5).stdout == "a"


@pytest.mark.parametrize(
    ("judged", "prints", "found", "times"),
    [
        pytest.param(["stdout"], ["a"], "a", 1, id="it is there"),
        pytest.param(["stdout"], ["", "a"], "a", 2, id="lost once"),
        pytest.param(["stdout"], ["", ""], "", 2, id="it prints nothing"),
        pytest.param(["stdout"], ["|x", "a|y"], "a", 2, id="one of two lost"),
        pytest.param(["stdout", "stderr"], ["a", "|b", "a|b"], "a", 3, id="now one, now the other"),
        pytest.param(["stdout", "stderr"], ["a", "b"], "b", 2, id="another output each time"),
        pytest.param(["stderr"], ["|b"], "", 1, id="what is not judged may be empty"),
        pytest.param([], [""], "", 1, id="nothing is judged"),
    ],
)
def test_a_quick_program_that_prints_nothing_is_run_twice(
    judged: Sequence[container.Stream], prints: Sequence[str], found: str, times: int
) -> None:
    engine = BusyEngine(0, *prints)
    engine.began = "2026-01-31T09:59:55.2Z"
    assert container.run(cast(Engine, engine), "i", ["a"], timeout=5, judged=judged).stdout == found
    assert engine.done == ["create", "remove"] * times


def test_a_slow_program_that_prints_nothing_is_run_once() -> None:
    engine = BusyEngine(0, "")
    assert container.run(cast(Engine, engine), "i", ["a"], timeout=5).stdout == ""
    assert engine.done == ["create", "remove"]


def test_every_container_is_bounded() -> None:
    engine = FakeEngine()
    container.run(cast(Engine, engine), "i", ["a"], timeout=5)
    found = engine.settings
    assert (found["network_mode"], found["security_opt"]) == ("none", ["no-new-privileges"])
    assert (found["mem_limit"], found["memswap_limit"]) == (container.MEMORY, container.MEMORY), "no swap"
    assert (found["nano_cpus"], found["pids_limit"]) == (1_000_000_000, container.PROCESSES), (
        "no more than the engine has"
    )


@pytest.mark.parametrize(
    ("fails", "left"), [("put p", ["create", "put p", "remove"]), ("start", ["create", "put p", "start", "remove"])]
)
def test_what_was_made_is_removed_whatever_fails(fails: str, left: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "can_start_another", lambda *_: False)
    engine = FakeEngine(fails, EngineFailure("no"))
    with pytest.raises(EngineFailure, match="no"), container.started(cast(Engine, engine), "i", archives=[b"p"]):
        pass
    assert engine.done == left


def test_an_image_that_is_gone_is_the_graders_fault() -> None:
    engine = FakeEngine("create", KeyError("no such image"))
    with (
        pytest.raises(EngineFailure, match=r"gone from the engine \(no such image\)"),
        container.started(cast(Engine, engine), "i"),
    ):
        pass


@pytest.mark.parametrize("table", ["/etc/passwd", "/etc/group"])
@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("", ""),
        ("named pipe", "is a named pipe, not a file"),
        ("directory", "is a directory, not a file"),
        ("device", "is a device, not a file"),
        ("link", "is a link that leads nowhere, not a file"),
    ],
)
def test_an_image_whose_users_cannot_be_read_is_not_started(table: str, kind: str, says: str) -> None:
    engine = FakeEngine()
    engine.kinds[table] = kind
    if says:
        with pytest.raises(ContainerRefused, match=f"{table} {says}"), container.started(cast(Engine, engine), "i"):
            pass
        assert engine.done == ["create", "remove"]
    else:
        with container.started(cast(Engine, engine), "i"):
            pass


@pytest.mark.parametrize("fails", ["create", "start"])
@pytest.mark.parametrize(
    ("times", "another", "fault"), [(1, True, None), (2, True, ContainerRefused), (2, False, EngineFailure)]
)
def test_whose_fault_it_is_that_a_container_does_not_start(
    fails: str, times: int, another: bool, fault: type[Exception] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If one of another image starts, the submission is at fault, but not at the first try."""
    monkeypatch.setattr(container, "can_start_another", lambda *_: another)
    engine = FakeEngine(fails, EngineFailure("the engine failed: invalid mount"))
    engine.times = times
    if fault is None:
        with container.started(cast(Engine, engine), "i"):
            pass
        return
    with pytest.raises(fault, match=r"invalid mount$") as caught, container.started(cast(Engine, engine), "i"):
        pass
    assert str(caught.value).startswith("the engine failed: ") == (not another)


def test_a_container_removed_by_somebody_else() -> None:
    def inspect(name: str) -> None:
        raise KeyError(name)

    found = Running(cast(Engine, SimpleNamespace(inspect_container=inspect)), "x", cast(OutputReader, None))
    with pytest.raises(EngineFailure, match="removed by someone else"):
        _ = found.state
