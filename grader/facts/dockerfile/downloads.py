"""`downloads`: what a build fetches with curl, wget, aria2c and git, and whether the same RUN checks what it got."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from grader.facts.dockerfile.installs import steps_of
from grader.facts.dockerfile.options import OptionTable, parse_options, table
from grader.facts.dockerfile.resolved import Build, ResolvedStage, Step
from grader.facts.dockerfile.runs import commands
from grader.facts.dockerfile.shell import Command
from grader.facts.dockerfile.shellwords import Word
from grader.facts.dockerfile.verification import FETCHERS, checks
from grader.facts.dockerfile.wrappers import SHELLS

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
    """Something fetched over the network by a command."""

    tool: str  # curl, wget, aria2c or git
    url: str  # variables replaced where their value is known
    known: bool  # False: some of the URL only the running shell can tell
    line: int
    output: str  # the file or folder it is written to as far as it can be told, "" for standard output
    piped_to: str  # the program that reads it: sh, python3, tar ...; "" when it becomes a file
    verified: bool  # its checksum or signature is checked in the same RUN, and a mismatch ends the RUN
    ref: str  # git: the branch, tag or commit that is checked out, "" for the default branch
    commit: bool  # git: that is a full commit id
    stage: str  # label
    command: Command = field(repr=False)
    step: Step = field(repr=False)

    @property
    def runs_unseen(self) -> bool:
        """It is executed as it arrives, `curl ... | sh` or `sh -c "$(curl ...)"`."""
        return re.sub(r"[0-9.]+$", "", self.piped_to) in INTERPRETERS


def downloads(of: Step | ResolvedStage | Build) -> tuple[Download, ...]:
    """The downloads of a step, a stage, or all stages a build runs, in the order they stand."""
    return tuple(download for step in steps_of(of) for download in _of_step(step))


class _Run:
    """The commands of one RUN, and what is asked of them more than once."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.commands = commands(step)
        self._checks = checks(self.commands)
        self._places = {(command.pipeline, command.position): command for command in self.commands}

    def reader(self, command: Command) -> Command | None:
        """The program behind the pipe."""
        return self._places.get((command.pipeline, command.position + 1))

    def verified(self, number: int, file: str, depth: int = 0) -> bool:
        """Whether what the command at `number` wrote is checked afterwards, by something that was not merely fetched
        as well: a list of checksums has to be checked in its turn."""
        branch = self.commands[number].branch
        return any(
            check.number > number
            and check.covers(file, branch)
            and not any(self._fetched_unseen(name, check.number, depth) for name in check.lists)
            for check in self._checks
        )

    def _fetched_unseen(self, file: str, before: int, depth: int) -> bool:
        for number, command in enumerate(self.commands[:before]):
            if command.name in FETCHERS and file in map(posixpath.basename, _outputs_of(command)):
                return depth > 2 or not self.verified(number, file, depth + 1)
        return False


def _of_step(step: Step) -> Iterator[Download]:
    run = _Run(step)
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
    if output in ("-", "/dev/stdout"):
        output = ""
    for operator, word in command.redirects:
        if not output and operator in (">", ">>", ">|", "1>"):
            output = word.text
    reader = run.reader(command) if not output else None
    piped_to = reader.name if reader else (command.consumer if not output else "")
    if reader and reader.name == "tee":
        output = next((word.text for word in reader.args if not word.text.startswith("-")), "")
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
        # Into a repository that is there already, or one that `git init` made.
        url, folder = parsed.operands[0], "."
        ref = parsed.operands[1].text if len(parsed.operands) > 1 else ""
        ref = ref if _COMMIT.fullmatch(ref) else _git_ref(ref, number, run)
    elif action == "clone" and parsed.operands:
        url = parsed.operands[0]
        folder = parsed.operands[1].text if len(parsed.operands) > 1 else _last_part(url).removesuffix(".git")
        ref = _git_ref(next((word.text for word in parsed.values("--revision", "--branch")), ""), number, run)
    elif action == "submodule" and any(word.text == "--remote" for word in words):
        # Not the commits that the repository names for its submodules, but what their branches hold now.
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
        stage=run.step.stage.label,
        command=command,
        step=run.step,
    )


def _git_ref(ref: str, number: int, run: _Run) -> str:
    """What the last `git checkout`, `switch`, `reset` or `pull` of the same RUN leaves, else what it began with."""
    for later in run.commands[number + 1 :]:
        words = _past_global_options(later.args, _GIT) if later.name == "git" else ()
        if words and words[0].text == "clone":
            break
        operands = [word.text for word in words[1:] if not word.text.startswith("-")]
        if words and words[0].text in ("checkout", "switch", "reset") and operands[:1] not in ([], ["FETCH_HEAD"]):
            ref = operands[0]
        elif words and words[0].text in ("pull", "merge"):
            ref = operands[-1] if operands else ""
    return ref


def _past_global_options(args: tuple[Word, ...], options: OptionTable) -> tuple[Word, ...]:
    at = 0
    while at < len(args) and args[at].text.startswith("-"):
        at += 2 if args[at].text in options.valued else 1
    return args[at:]
