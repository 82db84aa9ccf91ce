"""What an engine does inside a container: files out and in, and further commands."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from grader.errors import EngineFailure
from grader.facts.engine.container import started
from grader.facts.engine.engine import Engine, program_archive
from grader.facts.engine.inside import Inside

WAITS: dict[str, Any] = {"entrypoint": ["sleep", "300"], "command": []}


class Played(Inside):
    """An Inside whose engine plays what it answers."""

    def __init__(self, **answers: Any) -> None:
        self._api = self
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        answer = self._answers[name]
        return answer if callable(answer) else lambda *args, **more: answer

    @contextmanager
    def _translated(self) -> Iterator[None]:
        yield


def chunks(data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data), 512):
        yield data[at : at + 512]


def test_a_tree_up_to_a_size() -> None:
    data = program_archive("a", b"x" * 5000)
    assert Played(get_archive=(chunks(data), {})).get_tree("x", "/a", len(data)) == data
    assert Played(get_archive=(chunks(data), {})).get_tree("x", "/a", len(data) - 1) is None


@pytest.mark.parametrize(
    ("inspected", "code"),
    [
        ({"Running": True, "ExitCode": None}, None),
        ({"Running": False, "ExitCode": None}, None),
        ({"Running": False, "ExitCode": 0}, 0),
        ({"Running": False, "ExitCode": 137}, 137),
        ({"Running": True, "ExitCode": 0}, None),
    ],
)
def test_how_an_execution_stands(inspected: dict[str, Any], code: int | None) -> None:
    assert Played(exec_inspect=inspected).exit_code_of("e") == code


@pytest.mark.parametrize("code", [126, None])
def test_what_cannot_be_started_has_a_status_or_is_the_engines_fault(code: int | None) -> None:
    def start(execution: str, *, detach: bool) -> None:
        raise EngineFailure("no such program")

    engine = Played(exec_create={"Id": "e"}, exec_start=start, exec_inspect={"Running": False, "ExitCode": code})
    if code is not None:
        assert engine.execute("x", ["none"]) == "e"
        return
    with pytest.raises(EngineFailure, match="no such program"):
        engine.execute("x", ["none"])


def status(engine: Engine, container: str, *command: str, user: str = "") -> int | None:
    execution = engine.execute(container, command, user)
    deadline = time.monotonic() + 30
    while (code := engine.exit_code_of(execution)) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return code


@pytest.mark.engine
def test_commands_and_files_of_a_real_container(engine: Engine, base: str) -> None:
    engine.pull(base)
    with started(engine, base, user="1000", **WAITS) as running:
        assert status(engine, running.id, "true") == 0
        assert status(engine, running.id, "sh", "-c", "exit 7") == 7
        assert status(engine, running.id, "/none") in (126, 127)
        assert status(engine, running.id, "sh", "-c", "test $(id -u) = 1000") == 0
        assert status(engine, running.id, "sh", "-c", "test $(id -u) = 0", user="0") == 0
        assert status(engine, running.id, "sh", "-c", "echo hello > /tmp/a") == 0
        found = engine.get_tree(running.id, "/tmp/a", 100_000)
        assert found is not None
        with tarfile.open(fileobj=io.BytesIO(found)) as tar:
            entry = tar.next()
        assert entry is not None
        assert (entry.uid, entry.size) == (1000, 6)
        entry.name, entry.mtime = "tmp/a", 1_000_000_000
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            tar.addfile(entry, io.BytesIO(b"older\n"))
        engine.put_archive(running.id, buffer.getvalue())
        assert status(engine, running.id, "sh", "-c", "test $(cat /tmp/a) = older") == 0
        assert status(engine, running.id, "sh", "-c", "test $(stat -c %Y /tmp/a) = 1000000000") == 0
        with pytest.raises(KeyError):
            engine.get_tree(running.id, "/tmp/none", 100)
        assert b"ustar" in b"".join(engine.export_container(running.id))[:1000]
    with pytest.raises(KeyError):
        engine.execute(running.id, ["true"])
