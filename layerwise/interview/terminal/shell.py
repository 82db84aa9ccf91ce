"""The session's shell: an ordinary one, in a task's folder. With `--timeline` the commands that are run in it are kept.

The shell writes the number, status and words of each command to a file in the session's folder. This process passes its
output on, searches it for the task's evidence, and drops it. Nothing outside this shell is seen.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import tty
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from grader.lib.text import clean
from layerwise.errors import LabError
from layerwise.interview import timeline
from layerwise.interview.timeline import Ran

BASH = r"""
[ -f ~/.bashrc ] && . ~/.bashrc
unset HISTCONTROL HISTIGNORE HISTTIMEFORMAT
HISTFILE=/dev/null HISTSIZE=1000
__lab_ran() {
    local status=$? number words
    read -r number words <<< "$(history 1)"
    if [ -n "$number" ] && [ "$number" != "${__lab_last-}" ]; then
        printf '%s\t%s\0' "$status" "$words" >> "$LAYERWISE_COMMANDS"
        printf '\e]7717;lab\a'
        __lab_last=$number
    fi
    return $status
}
PROMPT_COMMAND="__lab_ran${PROMPT_COMMAND:+; $PROMPT_COMMAND}"
set -o history
"""
"""What bash reads when it starts. Its own history file is left alone."""

ZSH = r"""
[ -f "$HOME/.zshrc" ] && . "$HOME/.zshrc"
unset HISTFILE
__lab_begins() { __lab_words=$1 }
__lab_ran() {
    local status_=$?
    [ -n "${__lab_words-}" ] || return
    printf '%s\t%s\0' "$status_" "$__lab_words" >> "$LAYERWISE_COMMANDS"
    printf '\e]7717;lab\a'
    __lab_words=
}
autoload -Uz add-zsh-hook
add-zsh-hook preexec __lab_begins
add-zsh-hook precmd __lab_ran
"""
"""The same for zsh."""

MARK = b"\x1b]7717;lab\x07"
"""What the hooks print once a command has ended and is written down. It is a command to terminals that none of them
knows, and it is not passed on: all output before it is that of the command."""

TOLD = {
    True: "The commands that you run in this shell are recorded in the session's folder, and nothing else is: no "
    "output, and nothing from another terminal. exit, or Ctrl-D, leads back.",
    False: "Nothing is recorded in this shell. exit, or Ctrl-D, leads back.",
}
"""What to say before a shell begins, by whether its commands are recorded."""

_AT_ONCE = 65_536
_OWN_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
"""Between the new session and the shell: only a session's leader can take a terminal for its own."""


def program() -> str:
    """The candidate's shell: $SHELL, else /bin/sh."""
    chosen = os.environ.get("SHELL", "")
    return chosen if os.access(chosen, os.X_OK) else "/bin/sh"


def can_record(shell: str) -> bool:
    """Whether commands of this shell can be recorded."""
    return Path(shell).name in ("bash", "zsh")


def run(folder: Path) -> None:
    """A shell in the folder, of which nothing is recorded. Raises LabError if there is none."""
    # Ctrl-C is the shell's while it is in front. (What is ignored here, the shell would have to ignore too.)
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        subprocess.run([program()], cwd=folder, check=False)
    except OSError as problem:
        raise LabError(f"cannot run {program()} in {folder}: {problem.strerror}") from None
    finally:
        signal.signal(signal.SIGINT, before)


def record(folder: Path, kept: Path, item: int, evidence: str, now: Callable[[], float]) -> None:
    """A shell in the folder. Each command is kept in the session's folder `kept` with `now()`, the seconds of its item.

    Raises LabError if there is no such shell, or nothing can be written there.
    """
    shell = program()
    try:
        kept.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="shell-", dir=kept, ignore_cleanup_errors=True) as own:
            commands, log = Path(own), Path(own, "commands")
            log.touch()
            begun = _hooked(shell, commands)
            env = {"LAYERWISE_COMMANDS": str(log), "BUILDKIT_PROGRESS": "plain", "HISTFILE": ""}
            env |= {"ZDOTDIR": str(commands)} if Path(shell).name == "zsh" else {}
            _relay(begun, folder, env, _Watcher(log, kept, item, evidence, now))
    except OSError as problem:
        raise LabError(f"cannot record in {kept} what a shell in {folder} does: {problem.strerror}") from None


def _hooked(shell: str, commands: Path) -> list[str]:
    """The command line of a shell that records, with the file that it reads when it starts."""
    if Path(shell).name == "zsh":
        (commands / ".zshrc").write_text(ZSH, encoding="utf-8")
        return [shell, "-i"]
    (commands / "bashrc").write_text(BASH, encoding="utf-8")
    return [shell, "--rcfile", str(commands / "bashrc"), "-i"]


class _Watcher:
    """Sees the output of the shell, and what its hooks write: of each command its words and status, when it ended."""

    def __init__(self, log: Path, kept: Path, item: int, evidence: str, now: Callable[[], float]) -> None:
        self._log = log
        self._kept = kept
        self._item = item
        self._evidence = evidence
        self._now = now
        self._number = 0
        self._output = ""
        self._held = b""
        """The end of what was seen, if it may be the beginning of a mark."""

    def saw(self, output: bytes) -> bytes:
        """Take what the shell printed, and return what there is to show of it."""
        *ended, rest = (self._held + output).split(MARK)
        for part in ended:
            self._add(part)
            self._keep()
        begun = next((size for size in range(len(MARK) - 1, 0, -1) if rest.endswith(MARK[:size])), 0)
        self._held = rest[len(rest) - begun :]
        rest = rest[: len(rest) - begun]
        self._add(rest)
        return b"".join(ended) + rest

    def _add(self, output: bytes) -> None:
        self._output = (self._output + output.decode("utf-8", "replace"))[-timeline.MOST :]

    def _keep(self) -> None:
        """Keep the command that has ended. A mark that no hook printed changes nothing, nor does a full disk, nor a
        session that cannot be read now."""
        with suppress(OSError, IndexError, LabError):
            entry = self._log.read_bytes().split(b"\0")[:-1][self._number].decode("utf-8", "replace")
            status, _, words = entry.partition("\t")
            command = " ".join(clean(words, timeline.LONGEST).split())
            seen = timeline.shows(self._evidence, self._output)
            number = int(status) if status.isdecimal() else 1
            self._number += 1
            self._output = ""
            timeline.write(self._kept, Ran(self._item, round(self._now(), 1), command, number, seen))


def _relay(command: list[str], folder: Path, env: Mapping[str, str], watcher: _Watcher) -> None:
    """Run a command in a terminal of its own, and pass on what is typed and shown until it ends."""
    terminal, inner = pty.openpty()
    keys = sys.stdin.fileno()
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", _OWN_TERMINAL, *command],
            cwd=folder,
            env={**os.environ, **env},
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
        )
        os.close(inner)
        with process, _same_size(terminal), _raw(keys):
            while _pass_on(keys, terminal, watcher):
                pass
            process.terminate()  # where the outer terminal has gone
    finally:
        os.close(terminal)


def _pass_on(keys: int, terminal: int, watcher: _Watcher) -> bool:
    """Wait for something to pass on, and do it. Returns whether the terminals are still there."""
    ready, _, _ = select.select([keys, terminal], [], [])
    try:
        if keys in ready:
            typed = os.read(keys, _AT_ONCE)
            os.write(terminal, typed)
            if not typed:
                return False
        if terminal in ready:
            shown = os.read(terminal, _AT_ONCE)
            os.write(sys.stdout.fileno(), watcher.saw(shown))
            return bool(shown)
    except OSError:  # on Linux, how a terminal ends
        return False
    return True


@contextmanager
def _raw(keys: int) -> Iterator[None]:
    """Keys go to the shell as they are."""
    if not os.isatty(keys):
        yield
        return
    before = termios.tcgetattr(keys)
    tty.setraw(keys)
    try:
        yield
    finally:
        termios.tcsetattr(keys, termios.TCSADRAIN, before)


@contextmanager
def _same_size(terminal: int) -> Iterator[None]:
    """Keep the inner terminal as large as the outer one."""

    def resize(_number: int = 0, _frame: FrameType | None = None) -> None:
        with suppress(OSError):
            size = fcntl.ioctl(sys.stdout.fileno(), termios.TIOCGWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)

    resize()
    before = signal.signal(signal.SIGWINCH, resize)
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
