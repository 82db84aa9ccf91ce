"""The session's shell, in a real terminal: its commands are kept, with status and evidence; its output is not."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from layerwise.interview import tasks, timeline
from layerwise.interview.mix import mix
from layerwise.interview.plan import Sources
from layerwise.interview.session import Session
from layerwise.interview.store import Sessions
from layerwise.interview.terminal import shell
from layerwise.questions import bank
from layerwise.stack.paths import Home
from tests.layerwise.conftest import MINICOURSE
from tests.layerwise.interview.practice import Hands

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = (
    "import sys; from pathlib import Path; from layerwise.interview.terminal import shell\n"
    "work, kept = map(Path, sys.argv[1:])\n"
    "shell.record(work, kept, 2, r'RUN make \\d+', lambda: 12.34)\n"
    "print('back', flush=True)"
)


COMMAND = "import sys; from layerwise.cli import main; sys.argv = ['lab', 'interview', 'shell']; sys.exit(main())"
"""`lab interview shell`."""


class Terminal:
    """A terminal with the session's shell in it."""

    def __init__(self, tmp_path: Path, home: Path, script: str = SCRIPT, **env: str) -> None:
        self.work, self.kept = tmp_path / "work", tmp_path / "kept"
        self.work.mkdir()
        self._keys, inner = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", script, str(self.work), str(self.kept)],
            cwd=ROOT,
            env={**os.environ, "HOME": str(home), "SHELL": "/bin/bash", "TERM": "xterm", **env},
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
        )
        os.close(inner)
        self.seen = ""

    def wait_for(self, text: str) -> None:
        until = time.monotonic() + 60
        while text not in self.seen:
            ready, _, _ = select.select([self._keys], [], [], max(0, until - time.monotonic()))
            assert ready, f"no {text!r} in {self.seen!r}"
            try:
                self.seen += os.read(self._keys, 65536).decode("utf-8", "replace")
            except OSError:
                raise AssertionError(f"ended without {text!r}: {self.seen!r}") from None

    def type(self, text: str) -> None:
        os.write(self._keys, text.encode())

    def end(self) -> None:
        self.process.wait(60)
        os.close(self._keys)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home-of-the-candidate"
    made.mkdir()
    (made / ".bashrc").write_text("PS1='ready> '; HISTFILE=~/.bash_history; HISTCONTROL=ignoreboth; mine=kept\n")
    (made / ".bash_history").write_text("an old command\n")
    return made


@pytest.fixture
def begun(tmp_path: Path, home: Path) -> Iterator[Callable[..., Terminal]]:
    """Begins the session's shell in a terminal, and ends it with the test."""
    terminals: list[Terminal] = []

    def begin(script: str = SCRIPT, **env: str) -> Terminal:
        terminals.append(Terminal(tmp_path, home, script, **env))
        return terminals[-1]

    yield begin
    for terminal in terminals:
        if terminal.process.poll() is None:
            terminal.process.kill()
            terminal.end()


def test_commands_are_kept_and_output_is_not(begun: Callable[..., Terminal], home: Path) -> None:
    terminal = begun()
    terminal.wait_for("ready> ")
    terminal.type("echo $mine; pwd\n")
    terminal.wait_for(f"kept\r\n{terminal.work}\r\n")
    for command, seen in (("false", ""), ("false", ""), ("echo RUN make $((40+2))", "RUN make 42"), ("\n", "")):
        terminal.seen = ""
        terminal.type(f"{command}\n")
        if seen:
            terminal.wait_for(f"{seen}\r\n")
        terminal.wait_for("ready> ")
    terminal.type("exit\n")
    terminal.wait_for("back")
    terminal.end()
    ran = timeline.read(terminal.kept)
    assert [(one.command, one.status, one.evidence) for one in ran] == [
        ("echo $mine; pwd", 0, False),
        ("false", 1, False),
        ("false", 1, False),
        ("echo RUN make $((40+2))", 0, True),
    ]
    assert {(one.item, one.at) for one in ran} == {(2, 12.3)}
    assert [path.name for path in terminal.kept.iterdir()] == [timeline.FILE]
    assert "7717" not in terminal.seen
    assert (home / ".bash_history").read_text() == "an old command\n"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A lab's folder, with a task that needs no engine."""
    env = {
        "LAYERWISE_HOME": str(tmp_path / "lab"),
        "LAYERWISE_WORK": str(tmp_path / "tasks"),
        "LAYERWISE_EXERCISES": str(MINICOURSE),
    }
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return env


@pytest.mark.parametrize("recorded", [True, False])
def test_beside_a_session_that_is_open_elsewhere(
    recorded: bool, begun: Callable[..., Terminal], lab: dict[str, str]
) -> None:
    """A notebook has the session, and the shell is in a terminal beside it."""
    plan, hands = mix(3, 20, Sources(bank.load(), tasks)), Hands()
    sessions = Sessions(Home(Path(lab["LAYERWISE_HOME"])))
    number = next(number for number, item in enumerate(plan.items) if item.kind == "task")
    with Session.begin(sessions, plan, assistant=False, timeline=recorded, clock=hands.clock) as session:
        session.open(number)
        hands.pass_by(61)
        session.tick()
        task = tasks.load(plan.items[number].name, plan.items[number].seed)
        folder = session.start_task(task)
        terminal = begun(COMMAND, **lab)
        terminal.wait_for("are recorded" if recorded else "Nothing is recorded")
        terminal.wait_for("ready> ")
        terminal.seen = ""
        terminal.type("pwd\n")
        terminal.wait_for(f"{folder}\r\n")
        terminal.wait_for("ready> ")
        hands.pass_by(30)
        session.tick()
        terminal.seen = ""
        terminal.type("cat *\n")
        terminal.wait_for("ready> ")
        terminal.type("exit\n")
        terminal.end()
        assert terminal.process.returncode == 0
        kept = timeline.read(session.folder)
    assert [(one.item, one.command) for one in kept] == [(number, "pwd"), (number, "cat *")] * recorded
    assert [one.at for one in kept] == [61.0, 91.0] * recorded


def test_it_needs_a_task_that_is_open(begun: Callable[..., Terminal], lab: dict[str, str]) -> None:
    plan = mix(3, 20, Sources(bank.load(), tasks))
    with Session.begin(Sessions(Home(Path(lab["LAYERWISE_HOME"]))), plan, assistant=False) as session:
        session.open(next(number for number, item in enumerate(plan.items) if item.kind == "question"))
        terminal = begun(COMMAND, **lab)
        terminal.wait_for("turn to one in the session first")
        session.end()
        terminal.end()
        assert terminal.process.returncode == 2


def test_ctrl_c_reaches_what_runs_in_it(begun: Callable[..., Terminal]) -> None:
    terminal = begun()
    terminal.wait_for("ready> ")
    terminal.type("sh -c 'echo now it r\"\"uns; exec sleep 600'\n")
    terminal.wait_for("now it runs\r\n")
    terminal.seen = ""
    terminal.type("\x03")
    terminal.wait_for("ready> ")
    terminal.type("exit\n")
    terminal.wait_for("back")
    terminal.end()
    (ran,) = timeline.read(terminal.kept)
    assert (ran.command[:5], ran.status) == ("sh -c", 130)


def test_a_plain_shell_keeps_nothing(begun: Callable[..., Terminal]) -> None:
    script = SCRIPT.replace("shell.record(work, kept, 2, r'RUN make \\d+', lambda: 12.34)", "shell.run(work)")
    assert "shell.run" in script
    terminal = begun(script)
    terminal.wait_for("ready> ")
    terminal.type("pwd; exit\n")
    terminal.wait_for(f"{terminal.work}\r\n")
    terminal.wait_for("back")
    terminal.end()
    assert not terminal.kept.exists()


@pytest.mark.parametrize(
    ("program", "recorded"), [("/bin/bash", True), ("/usr/bin/zsh", True), ("/bin/sh", False), ("/bin/fish", False)]
)
def test_which_shells_can_be_recorded(program: str, recorded: bool) -> None:
    assert shell.can_record(program) is recorded


def test_a_shell_that_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/no/such/shell")
    assert shell.program() == "/bin/sh"
