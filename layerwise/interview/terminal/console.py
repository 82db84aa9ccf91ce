"""Ask and print. On a terminal prompt_toolkit edits and shows the clock; elsewhere plain lines are read."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from grader.lib.text import clean

END = "."
"""The line that ends an answer of several lines, where standard input is no terminal."""
WIDEST = 100
LONGEST = 200_000
"""Characters of an answer that are read: enough to say that it is too long."""


class Leave(Exception):
    """The candidate leaves: Ctrl-C or Ctrl-D, or the end of the input. What was submitted is kept."""


class Over(Exception):
    """The time ended while something was asked."""


class Desk:
    """Where the candidate sits. `clock` gives the line at the bottom of the screen, `over` tells when a question that
    is asked is to be given up."""

    def __init__(self, console: Console | None = None, source: TextIO | None = None) -> None:
        self.console = console or Console(highlight=False, width=None)
        if self.console.width > WIDEST:
            self.console.width = WIDEST
        for stream in (sys.stdin, sys.stdout):  # a byte that is no character, a character that the console lacks
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        self._source = source or sys.stdin
        self.is_live = source is None and sys.stdin.isatty() and sys.stdout.isatty()
        self.clock: Callable[[], str] | None = None
        self.over: Callable[[], bool] = lambda: False

    def say(self, text: str = "", style: str = "") -> None:
        """Print a text. It is shown as it is, without control codes."""
        self.console.print(Text(clean(text, LONGEST), style=style))

    def quote(self, text: str, style: str = "") -> None:
        """Print a text with an indent."""
        self.console.print(Padding(Text(clean(text, LONGEST), style=style), (0, 0, 0, 4), expand=False))

    def heading(self, text: str) -> None:
        """Print a heading, with an empty line before it."""
        self.say()
        self.say(text, "bold")

    def line(self, prompt: str, *, until_over: bool = False) -> str:
        """Ask for a line. Raises Leave; and Over if `until_over` and the time ends meanwhile."""
        if not self.is_live:
            self.console.print(Text(prompt), end=" ", soft_wrap=True)
            text = self._read()
            self.console.print()
            return text.strip()
        found = self._prompt(f"{prompt} ", until_over=until_over)
        return str(found).strip()

    def text(self, prompt: str) -> str:
        """Ask for a text of several lines. Raises Leave."""
        if not self.is_live:
            self.say(f"{prompt} (end with a line “{END}”)")
            lines: list[str] = []
            while (line := self._read()) != END:
                if sum(map(len, lines)) < LONGEST:
                    lines.append(line)
            return "\n".join(lines).strip()
        self.say(f"{prompt} (Ctrl-D submits, Ctrl-C goes back)", "dim")
        return str(self._prompt("> ", multiline=True)).strip()

    def yes(self, prompt: str, *, default: bool = False) -> bool:
        """Ask a question that is answered by y or n. Raises Leave."""
        while True:
            answer = self.line(f"{prompt} [{'Y/n' if default else 'y/N'}]").lower()
            if answer in ("", "y", "yes", "n", "no"):
                return answer[:1] == "y" if answer else default
            self.say("Please answer y or n.")

    def choice(self, prompt: str, options: Sequence[str], *, until_over: bool = False) -> str:
        """Ask for one of the words; its first letter is enough, a number is taken as it is. Raises Leave and Over."""
        while True:
            answer = self.line(prompt, until_over=until_over).lower()
            if answer.isdecimal() and len(answer) < 4:
                return answer
            found = [option for option in options if option == answer or (answer and option[0] == answer)]
            if found:
                return found[0]
            self.say(f"Please type one of: {', '.join(options)}.")

    def _read(self) -> str:
        line = self._source.readline(LONGEST)
        if not line:
            raise Leave
        return line.rstrip("\n")

    def _prompt(self, message: str, *, multiline: bool = False, until_over: bool = False) -> Any:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.application import get_app

        def toolbar() -> str:
            if until_over and self.over():
                app = get_app()
                if app.is_running and not app.is_done:
                    app.exit(exception=Over())
            return self.clock() if self.clock else ""

        session: PromptSession[str] = PromptSession()
        try:
            return session.prompt(
                message,
                multiline=multiline,
                key_bindings=_submitting() if multiline else None,
                bottom_toolbar=toolbar if self.clock else None,
                refresh_interval=1.0 if self.clock else 0,
            )
        except (EOFError, KeyboardInterrupt):
            raise Leave from None


def _submitting() -> Any:
    """Ctrl-D submits what was typed, as it ends a text elsewhere in a terminal. With nothing typed it still leaves."""
    from prompt_toolkit.application import get_app
    from prompt_toolkit.filters import Condition
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

    bindings = KeyBindings()

    @bindings.add("c-d", filter=Condition(lambda: bool(get_app().current_buffer.text)))
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    return bindings
