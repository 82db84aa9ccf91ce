"""Find what a build fetches with curl, wget, aria2c and git, and whether the same RUN verifies it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from grader.facts.dockerfile.resolved import BuildPlan, ResolvedStage, Step
from grader.facts.packages.installs import steps_of
from grader.facts.packages.options import OptionTable, parse_options, table
from grader.facts.packages.verification import FETCHERS, Check, Checks
from grader.facts.shell.commands import Command
from grader.facts.shell.run import commands
from grader.facts.shell.words import Word
from grader.facts.shell.wrappers import SHELLS

INTERPRETERS = SHELLS | {"python", "python3", "perl", "ruby", "node", "php", "eval", ".", "source"}
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_URL = re.compile(r"(?:https?|ftps?)://", re.IGNORECASE)

_CURL = table(
    "-o/--output -X/--request -H/--header -d/--data --data-raw --data-binary --data-urlencode -F/--form -u/--user"
    " -A/--user-agent -e/--referer -b/--cookie -c/--cookie-jar -x/--proxy -U/--proxy-user -m/--max-time"
    " --connect-timeout --retry --retry-delay --retry-max-time --cacert --capath -E/--cert --key -r/--range"
    " -w/--write-out -y/--speed-time -Y/--speed-limit --limit-rate --resolve --interface --max-redirs -K/--config"
    " -T/--upload-file -D/--dump-header --output-dir -C/--continue-at --proto --proto-redir --ciphers -z/--time-cond"
    " --connect-to --max-filesize --url -t/--telnet-option -Q/--quote -P/--ftp-port --pinnedpubkey --stderr"
    " --socks5 --noproxy --tls-max --oauth2-bearer --unix-socket --json --netrc-file --create-file-mode"
    " --parallel-max --rate"
)
_WGET = table(
    "-O/--output-document -P/--directory-prefix -o/--output-file -a/--append-output -i/--input-file -B/--base"
    " -t/--tries -T/--timeout --dns-timeout --connect-timeout --read-timeout -w/--wait --waitretry -Q/--quota"
    " --limit-rate --user --password --header -U/--user-agent --referer --post-data --post-file --method --body-data"
    " --ca-certificate --certificate --private-key -A/--accept -R/--reject -D/--domains -l/--level -X"
    " -I/--include-directories -e/--execute --progress --http-user --http-password --secure-protocol --load-cookies"
    " --save-cookies --cut-dirs --max-redirect --bind-address --restrict-file-names --compression --start-pos"
)
_ARIA2 = table(
    "-d/--dir -o/--out --checksum -x/--max-connection-per-server -s/--split -j/--max-concurrent-downloads"
    " -k/--min-split-size --header --user-agent -t/--timeout --connect-timeout -m/--max-tries --retry-wait"
    " --referer -i/--input-file --conf-path"
)
_FETCHING = {"curl": _CURL, "wget": _WGET, "aria2c": _ARIA2}
_GIT_CLONE = table(
    "-b/--branch --depth -o/--origin -u/--upload-pack --reference --reference-if-able --separate-git-dir -c/--config"
    " -j/--jobs --shallow-since --shallow-exclude --template --filter --server-option --bundle-uri --revision"
)
_GIT = table("-C -c --git-dir --work-tree --namespace --exec-path --config-env")


@dataclass(frozen=True)
class Download:
    """A file or repository that a command fetches over the network."""

    tool: str  # curl, wget, aria2c or git
    url: str  # variables are replaced if their value is known
    known: bool  # False: only the running shell knows all of the URL
    line: int
    output: str  # the file or folder it is written to as far as it can be told, "" for standard output
    piped_to: str  # the program that reads it: sh, python3, tar ...; "" when it becomes a file
    verified: bool  # its checksum or signature is checked in the same RUN, and a mismatch ends the RUN
    ref: str  # git: the branch, tag or commit that is checked out, "" for the default branch
    commit: bool  # git: that is a full commit id
    elsewhere: bool  # an option says who answers, whatever the URL does
    stage: str  # label
    command: Command = field(repr=False)
    step: Step = field(repr=False)

    @property
    def runs_unseen(self) -> bool:
        """It is executed as it arrives, `curl ... | sh` or `sh -c "$(curl ...)"`."""
        return self.piped_to.rstrip("0123456789.") in INTERPRETERS


def downloads(of: Step | ResolvedStage | BuildPlan) -> tuple[Download, ...]:
    """The downloads of a step, a stage, or all stages that a build runs, in the order of the Dockerfile."""
    return tuple(download for step in steps_of(of) for download in step.once(_of_step))


class _Run:
    """The commands of one RUN, with the answers that are needed more than once."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.commands = commands(step)
        self._refs = _refs_behind(self.commands)
        self._checks = Checks(self.commands)
        self._flows: dict[int, _Flow] = {}
        self._places = {(command.pipeline, command.position): command for command in self.commands}
        self._fetches: dict[str, int] = {}  # for each file name: the first command that fetches it
        for number, command in enumerate(self.commands):
            if command.name in FETCHERS:
                for output in _outputs_of(command):
                    self._fetches.setdefault(posixpath.basename(output), number)
        self._known: dict[tuple[str, int], bool] = {}
        self._last: dict[tuple[str, int], _Last] = {}

    def flow(self, number: int) -> _Flow:
        """Where what a command prints goes."""
        if number not in self._flows:
            command = self.commands[number]
            self._flows[number] = _flow(command, self._places.get((command.pipeline, command.position + 1)))
        return self._flows[number]

    def ref(self, number: int, ref: str) -> str:
        """The ref that is checked out in the end, if the command at `number` fetched the repository at `ref`."""
        later = self._refs[number]
        return ref if later is None else later

    def verified(self, number: int, file: str, depth: int = 0) -> bool:
        """Whether a later command checks the file that the command at `number` wrote.

        A check against a list of checksums only proves something if the list is not an unchecked download itself.
        """
        base = posixpath.basename(file)
        if not base:
            return False
        branch = self.commands[number].branch
        return self._last_of(base, depth).runs_after(number, branch) or self._last_of("", depth).runs_after(
            number, branch
        )

    def _last_of(self, base: str, depth: int) -> _Last:
        """The last sound checks of the file name `base`; with "", of checks that may cover any file."""
        if (base, depth) not in self._last:
            checks = self._checks.of(base) if base else self._checks.of_any_file
            self._last[base, depth] = _Last(check for check in checks if self._is_sound(check, depth))
        return self._last[base, depth]

    def _is_sound(self, check: Check, depth: int) -> bool:
        """Whether none of the lists that it checks against was fetched without a check of its own."""
        return not any(
            self._fetches.get(name, check.number) < check.number and self._is_unseen(name, depth)
            for name in check.lists
        )

    def _is_unseen(self, file: str, depth: int) -> bool:
        key = (file, depth)
        if key not in self._known:
            self._known[key] = depth > 2 or not self.verified(self._fetches[file], file, depth + 1)
        return self._known[key]


@dataclass(frozen=True)
class _Flow:
    """Where what a command prints goes: into a file, or to a program, which may save it."""

    redirected: str
    piped_to: str
    saved: str
    elsewhere: bool


def _flow(command: Command, reader: Command | None) -> _Flow:
    into = (word.text for operator, word in command.redirects if operator in (">", ">>", ">|", "1>"))
    saved = ""
    if reader is not None and reader.name == "tee":
        saved = next((word.text for word in reader.args if not word.text.startswith("-")), "")
    options = {word.text.partition("=")[0] for word in command.args}
    return _Flow(
        redirected=next(filter(None, into), ""),
        piped_to=reader.name if reader is not None else command.consumer,
        saved=saved,
        elsewhere=not options.isdisjoint(("--connect-to", "--resolve", "--proxy", "-x")),
    )


class _Last:
    """The position of the last check in each branch."""

    def __init__(self, checks: Iterable[Check]) -> None:
        self._numbers: dict[tuple[int, ...], int] = {}
        for check in checks:
            self._numbers[check.branch] = max(check.number, self._numbers.get(check.branch, 0))
        self._depths = {len(branch) for branch in self._numbers}

    def runs_after(self, number: int, branch: tuple[int, ...]) -> bool:
        """Whether a check follows the command at `number` and runs whenever it does, that is, in no further branch."""
        return any(self._numbers.get(branch[:depth], -1) > number for depth in self._depths if depth <= len(branch))


def _of_step(step: Step) -> tuple[Download, ...]:
    return tuple(_downloads(_Run(step)))


def _downloads(run: _Run) -> Iterator[Download]:
    for number, command in enumerate(run.commands):
        if command.name == "curl":
            yield from _curl(command, number, run)
        elif command.name == "wget":
            yield from _wget(command, number, run)
        elif command.name == "aria2c":
            yield from _aria2(command, number, run)
        elif command.name == "git":
            yield from _git(command, number, run)


def _outputs_of(command: Command) -> Iterator[str]:
    """The files that curl, wget or aria2c writes."""
    parsed = parse_options(command.args, _FETCHING[command.name])
    named = [*parsed.values("--output"), *parsed.values("--output-document"), *parsed.values("--out")]
    yield from (word.text for word in named)
    yield from (word.text for operator, word in command.redirects if operator in (">", ">>", ">|", "1>"))
    if not named:
        yield from (_last_part(url) for url in (*parsed.values("--url"), *parsed.operands))


def _curl(command: Command, number: int, run: _Run) -> Iterator[Download]:
    parsed = parse_options(command.args, _CURL)
    if any(name in ("-I", "--head") for name, _ in parsed.options):
        return
    urls = [*parsed.values("--url"), *(word for word in parsed.operands if _is_url(word))]
    for listed in parsed.values("--config") if not urls else ():
        yield _download(command, number, run, Word(listed.text, listed.raw, known=False), listed.text)
    outputs = [word.text for word in parsed.values("--output")]
    folder = next((word.text for word in parsed.values("--output-dir")), "")
    own_names = any(name in ("-O", "--remote-name", "--remote-name-all") for name, _ in parsed.options)
    for position, url in enumerate(urls):
        output = outputs[position] if position < len(outputs) else ""
        if not output and own_names:
            output = _last_part(url)
        yield _download(command, number, run, url, posixpath.join(folder, output) if output else "")


def _wget(command: Command, number: int, run: _Run) -> Iterator[Download]:
    parsed = parse_options(command.args, _WGET)
    if any(name == "--spider" for name, _ in parsed.options):
        return
    for listed in parsed.values("--input-file"):
        yield _download(command, number, run, Word(listed.text, listed.raw, known=False), listed.text)
    document = next((word.text for word in parsed.values("--output-document")), "")
    folder = next((word.text for word in parsed.values("--directory-prefix")), "")
    for url in parsed.operands:
        if _is_url(url) or "/" in url.text:
            output = document or posixpath.join(folder, _last_part(url))
            yield _download(command, number, run, url, output)


def _aria2(command: Command, number: int, run: _Run) -> Iterator[Download]:
    parsed = parse_options(command.args, _ARIA2)
    folder = next((word.text for word in parsed.values("--dir")), "")
    name = next((word.text for word in parsed.values("--out")), "")
    checked = any(word.text.startswith(("sha-256=", "sha-384=", "sha-512=")) for word in parsed.values("--checksum"))
    for url in filter(_is_url, parsed.operands):
        download = _download(command, number, run, url, posixpath.join(folder, name or _last_part(url)))
        yield replace(download, verified=download.verified or checked)


def _download(command: Command, number: int, run: _Run, url: Word, output: str) -> Download:
    flow = run.flow(number)
    if output in ("", "-", "/dev/stdout"):
        output = flow.redirected
    piped_to = "" if output else flow.piped_to
    output = output or flow.saved
    return Download(
        tool=command.name,
        url=url.text,
        known=url.known,
        line=command.line,
        output=output,
        piped_to=piped_to,
        verified=run.verified(number, output),
        ref="",
        commit=False,
        elsewhere=flow.elsewhere,
        stage=run.step.stage.label,
        command=command,
        step=run.step,
    )


def _is_url(word: Word) -> bool:
    return bool(_URL.match(word.text)) or (not word.known and not word.text.startswith("-"))


def _last_part(url: Word) -> str:
    try:
        return posixpath.basename(urlsplit(url.text).path)
    except ValueError:
        return ""


def _git(command: Command, number: int, run: _Run) -> Iterator[Download]:
    words = _past_global_options(command.args, _GIT)
    action = words[0].text if words else ""
    parsed = parse_options(words[1:], _GIT_CLONE)
    if action in ("fetch", "pull") and parsed.operands and "://" in parsed.operands[0].text:
        # It fetches into an existing repository, or into one that `git init` made.
        url, folder = parsed.operands[0], "."
        ref = parsed.operands[1].text if len(parsed.operands) > 1 else ""
        ref = ref if _COMMIT.fullmatch(ref) else run.ref(number, ref)
    elif action == "clone" and parsed.operands:
        url = parsed.operands[0]
        folder = parsed.operands[1].text if len(parsed.operands) > 1 else _last_part(url).removesuffix(".git")
        ref = run.ref(number, next((word.text for word in parsed.values("--revision", "--branch")), ""))
    elif action == "submodule" and any(word.text == "--remote" for word in words):
        # It fetches the newest commits of the submodules' branches, not the commits that the repository names.
        url, folder, ref = Word("git submodule update --remote", "", known=True), ".", ""
    else:
        return
    commit = bool(_COMMIT.fullmatch(ref))
    yield Download(
        tool="git",
        url=url.text,
        known=url.known,
        line=command.line,
        output=folder,
        piped_to="",
        verified=commit,
        ref=ref,
        commit=commit,
        elsewhere=run.flow(number).elsewhere,
        stage=run.step.stage.label,
        command=command,
        step=run.step,
    )


def _refs_behind(run: tuple[Command, ...]) -> list[str | None]:
    """For each command of a RUN, the ref that later git commands leave checked out; None if there are none.

    These are `git checkout`, `switch`, `reset`, `pull` and `merge`, up to the next `git clone`. The last one decides.
    """
    refs: list[str | None] = []
    ref: str | None = None
    for command in reversed(run):
        refs.append(ref)
        words = _past_global_options(command.args, _GIT) if command.name == "git" else ()
        action = words[0].text if words else ""
        operands = [word.text for word in words[1:] if not word.text.startswith("-")]
        if action == "clone":
            ref = None
        elif ref is not None:
            continue
        elif action in ("checkout", "switch", "reset") and operands[:1] not in ([], ["FETCH_HEAD"]):
            ref = operands[0]
        elif action in ("pull", "merge"):
            ref = operands[-1] if operands else ""
    return refs[::-1]


def _past_global_options(args: tuple[Word, ...], options: OptionTable) -> tuple[Word, ...]:
    at = 0
    while at < len(args) and args[at].text.startswith("-"):
        at += 2 if args[at].text in options.valued else 1
    return args[at:]
