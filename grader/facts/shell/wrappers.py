"""Programs that run another program: remove the wrappers before a program, and find the script that a shell runs."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from itertools import pairwise

from grader.facts.shell.words import Word

SHELLS = frozenset(("sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "rbash"))
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


def frozenset_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


@dataclass(frozen=True)
class _Wrapper:
    """How to skip a wrapper: its options that take a value, and the number of its own operands."""

    valued: frozenset[str] = frozenset()
    operands: int = 0
    assignments: bool = False  # NAME=value may come before the program
    chdir: frozenset[str] = frozenset()  # the options that change the working directory


def _wrapper(valued: str = "", operands: int = 0, *, assignments: bool = False, chdir: str = "") -> _Wrapper:
    return _Wrapper(frozenset_of(f"{valued} {chdir}"), operands, assignments, frozenset_of(chdir))


_WRAPPERS: dict[str, _Wrapper] = {
    "builtin": _wrapper(),
    "busybox": _wrapper(),
    "catchsegv": _wrapper(),
    "chroot": _wrapper(operands=1),
    "chrt": _wrapper("-T -P -D", operands=1),
    "command": _wrapper(),
    "coproc": _wrapper(),
    "doas": _wrapper("-u -C"),
    "dumb-init": _wrapper("-r --rewrite"),
    "eatmydata": _wrapper(),
    "env": _wrapper("-u --unset -S --split-string", assignments=True, chdir="-C --chdir"),
    "exec": _wrapper("-a"),
    "fakeroot": _wrapper("-l -s -i -b --lib --faked --save-file"),
    "flock": _wrapper("-w --wait --timeout -E --conflict-exit-code", operands=1),
    "gosu": _wrapper(operands=1),
    "ionice": _wrapper("-c -n --class --classdata"),
    "linux32": _wrapper(),
    "linux64": _wrapper(),
    "ltrace": _wrapper("-e -o -p -u -s -n"),
    "nice": _wrapper("-n --adjustment"),
    "nohup": _wrapper(),
    "proxychains4": _wrapper("-f"),
    "retry": _wrapper("-t -d -m -x -n --times --delay --tries --sleep"),
    "runuser": _wrapper("-u --user -g --group -G --supp-group -s --shell -w"),
    "s6-setuidgid": _wrapper(operands=1),
    "setarch": _wrapper(operands=1),
    "setpriv": _wrapper("--reuid --regid --groups --inh-caps --ambient-caps --bounding-set --securebits --pdeathsig"),
    "setsid": _wrapper(),
    "setuidgid": _wrapper(operands=1),
    "stdbuf": _wrapper("-i -o -e --input --output --error"),
    "strace": _wrapper("-e -o -p -u -s -E -P"),
    "su-exec": _wrapper(operands=1),
    "sudo": _wrapper(
        "-u --user -g --group -h --host -p --prompt -C --close-from -r --role -t --type -T --command-timeout -U -R",
        assignments=True,
        chdir="-D --chdir",
    ),
    "time": _wrapper("-f --format -o --output"),
    "timeout": _wrapper("-s --signal -k --kill-after", operands=1),
    "tini": _wrapper("-p -e"),
    "unshare": _wrapper("--map-users --map-groups --propagation --setgroups -S -G"),
    "xvfb-run": _wrapper("-e -f -n -s -p -w --error-file --auth-file --server-num --server-args --xauth-protocol"),
}

_XARGS_VALUED = frozenset_of(
    "-a --arg-file -d --delimiter -E -I -L --max-lines -n --max-args -P --max-procs -s --max-chars"
)

# Package managers that also run a program: `conda run -n env PROGRAM`.
RUNNERS: dict[tuple[str, str], frozenset[str]] = {
    ("bundle", "exec"): frozenset_of("--gemfile"),
    ("conda", "run"): frozenset_of("-n --name -p --prefix --cwd"),
    ("mamba", "run"): frozenset_of("-n --name -p --prefix --cwd"),
    ("micromamba", "run"): frozenset_of("-n --name -p --prefix --cwd -r --root-prefix -e --env -a --attach"),
    ("pdm", "run"): frozenset_of("-p --project"),
    ("pipenv", "run"): frozenset(),
    ("poetry", "run"): frozenset_of("-C --directory -P --project"),
    ("uv", "run"): frozenset_of(
        "--with --with-requirements --with-editable --extra --group --no-group --only-group --package --directory -w"
        " --project --env-file --index --default-index -i --index-url -f --find-links -p --python"
    ),
}


@dataclass(frozen=True)
class Unwrapped:
    """A command without its wrappers."""

    argv: tuple[Word, ...]
    through: tuple[str, ...] = ()
    assignments: tuple[tuple[str, Word], ...] = ()
    chdir: Word | None = None
    from_input: bool = False  # xargs: more arguments come from standard input ...
    input_file: str = ""  # ... or from this file


@dataclass(frozen=True)
class Script:
    """The script that a shell runs. `word` is the script or its file; None if the shell reads standard input."""

    word: Word | None
    is_file: bool = False
    errexit: bool = False


def program(word: Word) -> str:
    return posixpath.basename(word.text)


def unwrap(argv: tuple[Word, ...]) -> Unwrapped:
    """Remove sudo, env, xargs and other wrappers. A wrapper that runs no program stays: it is the command itself."""
    result = Unwrapped(argv)
    for _ in range(20):
        if not result.argv:
            break
        name = program(result.argv[0])
        if name == "xargs":
            result = _xargs(result)
        elif name == "find":
            inner = _find(result.argv)
            if not inner:
                break
            result = _then(result, "find", inner)
        elif name in _WRAPPERS and not (name in ("runuser", "exec", "command") and _inert(name, result.argv)):
            following = _strip(name, result)
            if not following.argv:
                break  # `env`, `time`, `exec > log` run no program: the wrapper itself is the command
            result = following
        else:
            break
    return result


def _then(
    before: Unwrapped,
    name: str,
    argv: tuple[Word, ...],
    assignments: tuple[tuple[str, Word], ...] = (),
    chdir: Word | None = None,
) -> Unwrapped:
    return Unwrapped(
        argv,
        (*before.through, name),
        before.assignments + assignments,
        chdir or before.chdir,
        before.from_input,
        before.input_file,
    )


def _inert(name: str, argv: tuple[Word, ...]) -> bool:
    """Whether the wrapper has to stay: `command -v x` runs nothing, `runuser -c` is read as a shell's script."""
    options = {word.text for word in argv[1:]}
    return bool(options & {"-c", "--command", "-l", "-"}) if name == "runuser" else bool(options & {"-v", "-V"})


def _strip(name: str, before: Unwrapped) -> Unwrapped:
    wrapper = _WRAPPERS[name]
    rest, options = past_options(before.argv[1:], wrapper.valued)
    assignments: list[tuple[str, Word]] = []
    while rest and wrapper.assignments and (match := _ASSIGNMENT.fullmatch(rest[0].text)):
        assignments.append((match[1], Word(match[2], rest[0].raw, rest[0].known)))
        rest = rest[1:]
    chdir = next((value for option, value in options if option in wrapper.chdir and value), None)
    split = next((value for option, value in options if option in ("-S", "--split-string") and value), None)
    if name == "env" and split:
        rest = tuple(Word(text, split.raw, split.known, offset=split.offset) for text in split.text.split()) + rest
    return _then(before, name, rest[wrapper.operands :], tuple(assignments), chdir)


Options = list[tuple[str, Word | None]]


def past_options(args: tuple[Word, ...], valued: frozenset[str]) -> tuple[tuple[Word, ...], Options]:
    """Split `args` into what follows the options, and the options with their values."""
    options: Options = []
    at = 0
    while at < len(args):
        text = args[at].text
        if text == "--":
            return args[at + 1 :], options
        if not text.startswith("-") or text == "-" or not args[at].known:
            break
        name, equals, value = text.partition("=")
        at += 1
        if equals and text.startswith("--"):
            options.append((name, Word(value, args[at - 1].raw)))
        elif text in valued:
            options.append((text, args[at] if at < len(args) else None))
            at += 1
        elif not text.startswith("--") and text[:2] in valued:
            options.append((text[:2], Word(text[2:], args[at - 1].raw)))
        else:
            options.append((text, None))
    return args[at:], options


def _xargs(before: Unwrapped) -> Unwrapped:
    rest, options = past_options(before.argv[1:], _XARGS_VALUED)
    replaced = next((value.text for option, value in options if option == "-I" and value), "")
    files = [value.text for option, value in options if option in ("-a", "--arg-file") and value]
    if replaced:
        rest = tuple(Word("", word.raw, known=False) if replaced in word.text else word for word in rest)
    inner = _then(before, "xargs", rest)
    return Unwrapped(
        inner.argv, inner.through, inner.assignments, inner.chdir, not replaced and not files, files[0] if files else ""
    )


def _find(argv: tuple[Word, ...]) -> tuple[Word, ...]:
    for number, word in enumerate(argv):
        if word.text in ("-exec", "-execdir", "-ok"):
            inner = argv[number + 1 :]
            end = next((n for n, w in enumerate(inner) if w.text in (";", "+")), len(inner))
            return tuple(Word("", w.raw, known=False) if "{}" in w.text else w for w in inner[:end])
    return ()


def script_of(argv: tuple[Word, ...]) -> Script | None:
    """The script that a shell runs; None if `argv` starts no shell."""
    name = program(argv[0])
    if name in SHELLS:
        return _shell_script(argv[1:])
    if name == "eval" and len(argv) > 1:
        words = argv[1:]
        text = " ".join(word.text for word in words)
        return Script(Word(text, " ".join(w.raw for w in words), all(w.known for w in words), offset=words[0].offset))
    if name in (".", "source") and len(argv) > 1:
        return Script(argv[1], is_file=True)
    if name in ("su", "runuser", "script"):
        for option, value in pairwise(argv[1:]):
            if option.text in ("-c", "--command") or (option.text.startswith("-") and option.text.endswith("c")):
                return Script(value)
    return None


def _shell_script(args: tuple[Word, ...]) -> Script:
    takes_text = False
    errexit = False
    at = 0
    while at < len(args) and args[at].text[:1] in ("-", "+") and len(args[at].text) > 1:
        text = args[at].text
        at += 1
        if text == "--":
            break
        if text.startswith("--"):
            at += text in ("--rcfile", "--init-file")
            continue
        on = text[0] == "-"
        takes_text = takes_text or (on and "c" in text)
        errexit = (on and "e" in text) or errexit
        for _ in range(text.count("o") + text.count("O")):
            errexit = errexit or (on and at < len(args) and args[at].text == "errexit")
            at += 1
    operand = args[at] if at < len(args) else None
    return Script(operand, is_file=not takes_text and operand is not None, errexit=errexit)
