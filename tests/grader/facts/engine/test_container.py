"""A container's processes as different machines show them, and how it is started and removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from grader.errors import EngineFailure, NotObservable
from grader.facts.engine import container
from grader.facts.engine.container import Process, Running, exit_code
from grader.facts.engine.engine import Engine
from grader.facts.engine.errors import ContainerRefused
from grader.facts.engine.output_reader import OutputReader
from tests.grader.facts.engine.fake_engine import FakeEngine

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


def test_every_container_is_bounded() -> None:
    engine = FakeEngine()
    with container.started(cast(Engine, engine), "i"):
        pass
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
