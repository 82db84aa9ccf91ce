"""Find the commands of a RUN that verify a downloaded file, so that a wrong file ends the RUN."""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush

from grader.facts.shell.commands import Command

_CHECKSUM_TOOLS = re.compile(r"(?:sha(?:224|256|384|512)sum|b2sum|shasum|gsha256sum|gsha512sum|sha(?:256|512))")
_SIGNATURE_TOOLS = frozenset(("gpg", "gpg2", "gpgv", "gpgv2", "sqv", "minisign", "signify", "cosign", "openssl"))
_VERIFYING = frozenset(("--verify", "-V", "verify", "verify-blob", "-verify", "-Vm"))
_CHECKING = re.compile(r"--check(?:=.*)?|-[abd-zA-Z]*c[a-zA-Z]*")
FETCHERS = frozenset(("curl", "wget", "aria2c"))
MAX_LINKS = 40
"""The most `ln`s followed for one file, and the most names in an `ln`. No kernel follows more links."""
_NAME = re.compile(r"[\w.-]+")
_HEX = re.compile(r"\b[0-9a-fA-F]{56,128}\b")


@dataclass(frozen=True)
class Check:
    """A check whose failure ends the RUN."""

    number: int  # the position of its command in the RUN
    texts: tuple[str, ...] = ()  # it checks the files named in these texts
    files: tuple[str, ...] = ()  # and the file FILE, for each FILE.asc or FILE.sha256 among these
    any_file: bool = False  # it uses a list of checksums whose content is not known
    lists: tuple[str, ...] = ()  # the files that hold the checksums or signatures
    branch: tuple[int, ...] = ()


class Checks:
    """The checks of one RUN, and a look-up of those that cover a file."""

    def __init__(self, run: tuple[Command, ...]) -> None:
        self.all = tuple(_History(run).checks())
        self.of_any_file = [check for check in self.all if check.any_file]
        self._texts: dict[str, list[Check]] = defaultdict(list)
        self._named: dict[str, list[str]] = defaultdict(list)
        self._files = sorted((file, number) for number, check in enumerate(self.all) for file in check.files)
        for check in self.all:
            for text in check.texts:
                self._texts[text].append(check)
        for text in self._texts:
            for name in set(_NAME.findall(text)):
                self._named[name].append(text)

    def of(self, base: str) -> list[Check]:
        """The checks of the file name `base`, without those that may cover any file."""
        found = [check for text in self._naming(base) for check in self._texts[text]]
        at = bisect_left(self._files, (base, 0))
        while base and at < len(self._files) and self._files[at][0].startswith(base):
            found.append(self.all[self._files[at][1]])
            at += 1
        return found

    def _naming(self, base: str) -> list[str]:
        """The texts that contain the whole name."""
        parts = _NAME.findall(base)
        texts = self._named.get(parts[0], []) if parts else list(self._texts)
        if parts == [base]:
            return texts
        whole = re.compile(rf"(?<![\w.-]){re.escape(base)}(?![\w.-])")
        return [text for text in texts if base and whole.search(text)]


class _History:
    """The commands of a RUN, indexed by what a check has to know of the commands before it."""

    def __init__(self, run: tuple[Command, ...]) -> None:
        self._run = run
        self._pipelines: dict[int, list[int]] = defaultdict(list)
        self._linked: dict[int, set[str]] = {}  # the names in each `ln`
        self._links: dict[str, list[int]] = defaultdict(list)  # the `ln`s that contain each name
        self._writers: dict[str, list[int]] = defaultdict(list)
        self._deeper: dict[int, list[int]] = {}
        self._words: dict[tuple[int, int], str] = {}
        for number, command in enumerate(run):
            self._pipelines[command.pipeline].append(number)
            if command.name == "ln":
                self._linked[number] = {posixpath.basename(word.text) for word in command.args}
                for name in self._linked[number]:
                    self._links[name].append(number)
            if command.name not in FETCHERS:
                for name in _written_by(command):
                    self._writers[name].append(number)

    def checks(self) -> Iterator[Check]:
        """The checks in the order of the RUN."""
        for number, command in enumerate(self._run):
            if _is_tool(command) and self._ends_the_run(number):
                yield from self._check(number)

    def _ends_the_run(self, number: int) -> bool:
        """Whether its failure ends the RUN: `&&` or nothing follows, or `set -e` holds. `|| true` hides the failure."""
        command = self._run[number]
        if number != self._pipelines[command.pipeline][-1] or command.following == "&":
            return False
        if command.rescued:  # ... || exit 1, also after a message
            return any(later.name in ("exit", "return", "false") for later in self._behind(number))
        return command.errexit or command.following in ("&&", "") or number == len(self._run) - 1

    def _behind(self, number: int) -> list[Command]:
        """The next commands that are in more branches."""
        depth = len(self._run[number].branch)
        if depth not in self._deeper:
            self._deeper[depth] = [at for at, command in enumerate(self._run) if len(command.branch) > depth]
        numbers = self._deeper[depth]
        begin = bisect_right(numbers, number)
        return [self._run[at] for at in numbers[begin : begin + 4]]

    def _check(self, number: int) -> Iterator[Check]:
        command = self._run[number]
        words = [word.text for word in command.args]
        files = tuple(posixpath.basename(word) for word in words if not word.startswith("-"))
        if _CHECKSUM_TOOLS.fullmatch(command.name):
            if any(_CHECKING.fullmatch(word) for word in words):
                files += tuple(posixpath.basename(word.text) for operator, word in command.redirects if operator == "<")
                yield self._by_lists(number, files)
        elif command.name in _SIGNATURE_TOOLS:
            if command.name in ("gpgv", "gpgv2", "sqv") or not _VERIFYING.isdisjoint(words):
                yield Check(number, files=files, branch=command.branch)
        # [ "$(sha256sum FILE | cut ...)" = 0123... ]
        elif _CHECKSUM_TOOLS.search(str(command)) and _HEX.search(" ".join(words)):
            yield Check(number, texts=(str(command),), branch=command.branch)

    def _by_lists(self, number: int, files: tuple[str, ...]) -> Check:
        """A check against lists of checksums, or against the text that is piped into it."""
        command = self._run[number]
        written = {file: self._written(file, number) for file in files}
        pipeline = [self._run[at] for at in self._pipelines[command.pipeline]]
        before = [other for other in pipeline if other.position < command.position]
        texts = dict.fromkeys([_input(command, before), *(text for text in written.values() if text)])
        lists = [file for file in files if written[file] is None]
        lists += [name for other in before for name in _reads(other)]
        listed = set(lists)
        kept = tuple(file for file in files if file in listed)
        any_file = any("sum" in file.lower() for file in kept)
        return Check(number, tuple(texts), kept, any_file, tuple(lists), command.branch)

    def _written(self, file: str, number: int) -> str | None:
        """The words that the RUN itself wrote into a list of checksums before the command at `number`.

        Returns "" if they hold no checksum (as in `sha256sum FILE > LIST`), and None if the RUN did not write the
        list: it existed already, or was fetched.
        """
        names = self._names(file, number)
        if names is None:
            return ""
        last = max(_last(self._writers.get(name, []), number) for name in names)
        return self._text(self._run[last].pipeline, number) if last >= 0 else None

    def _names(self, file: str, number: int) -> set[str] | None:
        """All names of a file, by the `ln`s before the command at `number`. None if there are too many."""
        names = {file}
        waiting: list[tuple[int, str]] = []  # for each name, the last `ln` that is still to be read
        self._wait(waiting, file, number)
        for _ in range(MAX_LINKS):
            if not waiting:
                return names
            place, name = heappop(waiting)
            self._wait(waiting, name, -place)
            linked = self._linked[-place]
            if len(linked) > MAX_LINKS:
                return None
            for other in linked - names:
                names.add(other)
                self._wait(waiting, other, -place)
        return None

    def _wait(self, waiting: list[tuple[int, str]], name: str, before: int) -> None:
        last = _last(self._links.get(name, []), before)
        if last >= 0:
            heappush(waiting, (-last, name))

    def _text(self, pipeline: int, number: int) -> str:
        """The words of the pipeline's commands before the command at `number`; "" if they have no checksum."""
        numbers = self._pipelines[pipeline]
        count = bisect_left(numbers, number)
        if (pipeline, count) not in self._words:
            before = [self._run[at] for at in numbers[:count]]
            text = " ".join([word.text for other in before for word in other.argv])
            text = " ".join([text, *(other.stdin for other in before)])
            self._words[pipeline, count] = text if _HEX.search(text) else ""
        return self._words[pipeline, count]


def _is_tool(command: Command) -> bool:
    name = command.name
    return bool(_CHECKSUM_TOOLS.fullmatch(name)) or name in _SIGNATURE_TOOLS or name in ("[", "test", "[[")


def _last(numbers: list[int], before: int) -> int:
    """The last of the ascending numbers below `before`; -1 without one."""
    at = bisect_left(numbers, before)
    return numbers[at - 1] if at else -1


def _written_by(command: Command) -> set[str]:
    """The names of the files that a command writes, by its redirects or as `tee`."""
    targets = [word.text for operator, word in command.redirects if operator in (">", ">>", ">|", "1>")]
    if command.name == "tee":
        targets += [word.text for word in command.args]
    return set(map(posixpath.basename, targets))


def _reads(command: Command) -> list[str]:
    """The files that `cat LIST` or `grep FILE LIST` before a pipe reads."""
    operands = [posixpath.basename(word.text) for word in command.args if not word.text.startswith("-")]
    if command.name in ("echo", "printf"):
        return []
    return operands if command.name in ("cat", "head", "tail", "sort") else operands[1:]


def _input(command: Command, before: list[Command]) -> str:
    """The text that a checksum tool reads: its standard input, and the words of the commands piped into it."""
    words = [word.text for other in before for word in other.argv]
    return " ".join([*words, *(other.stdin for other in before), command.stdin])
