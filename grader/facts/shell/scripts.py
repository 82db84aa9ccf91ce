"""Reading a shell script for the commands it may run, without running it.

Everything that might run is taken to run: both branches of an `if`, every `case`, the body of a loop once (its variable
standing for all its values). Followed: && || ; | & ( ) { }, substitutions, `cd`, assignments, here-documents, wrappers
such as sudo, env and xargs, and scripts given to another shell with -c, on standard input or through eval.
Not followed: the arguments of functions, aliases, files run as scripts, programs in other languages.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace

from grader.facts.dockerfile.evaluate import normalised_path
from grader.facts.shell.commands import MAX_NESTING, Command, Commands, LineOf, Surroundings
from grader.facts.shell.redirects import expanded_whole, here_document, redirected_files
from grader.facts.shell.shell_state import inside_script, take_effect
from grader.facts.shell.standard_input import input_words, piped_text
from grader.facts.shell.tokens import Part, Token, tokenize
from grader.facts.shell.words import MAX_TEXT, Value, Word, expand_word
from grader.facts.shell.wrappers import RUNNERS, Unwrapped, past_options, script_of, unwrap

MAX_VALUES = 200  # that a loop variable stands for

_BLOCKS = {"if": "fi", "while": "done", "until": "done", "for": "done", "select": "done", "case": "esac"}
"""What begins a branch or a loop, and what ends it."""
_SKIPPED = frozenset(("if", "then", "elif", "else", "fi", "while", "until", "do", "done", "{", "}", "!", "esac"))
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?=)(.*)", re.DOTALL)


def read_script(commands: Commands, text: str, line_of: LineOf, around: Surroundings, depth: int = 0) -> None:
    """Add the commands of a shell script to `commands`; `around` is changed as the script changes it."""
    if commands.allow(text, depth):
        _Script(commands, text, line_of, around, depth).run()


def read_argv(commands: Commands, argv: tuple[Word, ...], line_of: LineOf, around: Surroundings) -> None:
    """Add what a program started without a shell runs."""
    _Script(commands, "", line_of, around, 0).run_program(argv)


@dataclass(frozen=True)
class _Block:
    """A compound command that has begun, and how things stood outside of it."""

    closer: str
    outside: tuple[int, ...]  # the branch
    base: tuple[int, ...]  # the branch it stands in itself
    list_begins: int
    alternative: int
    negated: bool


class _Script:
    def __init__(self, commands: Commands, text: str, line_of: LineOf, around: Surroundings, depth: int) -> None:
        self._commands = commands
        self._tokens = tokenize(text)
        commands.truncated = commands.truncated or self._tokens[-1].offset < len(text)
        self._at = 0
        self._line_of = line_of
        self._around = around
        self._depth = depth
        self._words: list[Token] = []
        self._redirects: list[Token] = []
        self._pipeline = commands.next_pipeline()
        self._position = 0
        self._open: list[Surroundings | None] = []  # a subshell's surroundings, or None for a `case`
        self._in_pattern = False
        self._blocks: list[_Block] = []
        self._negated = False
        self._list_begins = len(commands)  # the commands joined by && and ||
        self._alternative = 0  # the branch behind a ||
        self._function = False  # the next { begins one's body
        self._closed = False  # the last command ended a group or an inner script: what follows that follows it

    def run(self) -> None:
        while True:
            token = self._tokens[self._at]
            self._at += 1
            if self._commands.exhausted:
                return
            if self._in_pattern and token.kind != "end":
                self._pattern(token)
            elif token.kind == "word":
                self._word(token)
            elif token.kind == "redirect":
                self._redirects.append(token)
            else:
                self._operator(token)
                if token.kind == "end":
                    return

    def run_program(self, argv: tuple[Word, ...]) -> None:
        self._run(argv, (), [], True)

    def _pattern(self, token: Token) -> None:
        if token.text == ")" and token.kind == "operator":
            self._in_pattern = False
            self._next_branch()
        elif token.plain == "esac":
            self._in_pattern = False
            self._open.pop()
            self._block("esac")

    def _word(self, token: Token) -> None:
        if self._words:
            self._words.append(token)
            return
        self._block(token.plain)
        if token.plain in ("for", "select"):
            self._loop()
        elif token.plain == "case":
            self._at += self._tokens[self._at].kind == "word"
            while self._tokens[self._at].kind == "newline":
                self._at += 1
            self._at += self._tokens[self._at].plain == "in"
            self._open.append(None)
            self._in_pattern = True
        elif token.plain == "function":
            self._at += self._tokens[self._at].kind == "word"
            self._function = True
        elif token.plain == "[[":
            self._words.append(token)
            while self._tokens[self._at].kind not in ("end", "newline") and self._words[-1].plain != "]]":
                self._words.append(self._tokens[self._at])
                self._at += 1
        elif token.plain in _SKIPPED:
            if token.plain == "esac" and self._open and self._open[-1] is None:
                self._open.pop()
        elif [t.text for t in self._tokens[self._at : self._at + 2]] == ["(", ")"]:
            self._at += 2  # NAME () { ... }: the body is read where it stands
            self._function = True
        else:
            self._words.append(token)

    def _block(self, word: str) -> None:
        """Follow where branches, loops and functions begin and end."""
        if word in _BLOCKS or word == "{":
            self._enter(_BLOCKS.get(word, "}"), branches=word != "{" or self._function)
            self._function = self._function and word != "{"
        elif word in ("then", "elif", "else", "do"):
            self._next_branch()
        elif self._blocks and word == self._blocks[-1].closer:
            self._leave()
        elif word == "!":
            self._negated = True

    def _enter(self, closer: str, *, branches: bool) -> None:
        if len(self._blocks) == MAX_NESTING:
            self._commands.give_up()
        around, base = self._around, self._branch()
        self._blocks.append(_Block(closer, around.branch, base, self._list_begins, self._alternative, self._negated))
        around.branch = (*base, self._commands.next_branch()) if branches else base
        self._list_begins, self._alternative, self._negated = len(self._commands), 0, False

    def _next_branch(self) -> None:
        """The other side of an `if`, the next arm of a `case`, the body of a loop."""
        if self._blocks:
            self._around.branch = (*self._blocks[-1].base, self._commands.next_branch())

    def _leave(self) -> None:
        block = self._blocks.pop()
        self._around.branch = block.outside
        self._closed = block.closer in ("}", ")")
        self._list_begins, self._alternative, self._negated = block.list_begins, block.alternative, block.negated

    def _branch(self) -> tuple[int, ...]:
        branch = self._around.branch
        if self._alternative:
            branch = (*branch, self._alternative)
        return (*branch, self._commands.next_branch()) if self._negated else branch

    def _loop(self) -> None:
        """for NAME in WORDS: the name stands for all the words."""
        name = self._tokens[self._at].text
        self._at += self._tokens[self._at].kind == "word"
        values: list[Word] = []
        if self._tokens[self._at].plain == "in":
            self._at += 1
            while self._tokens[self._at].kind == "word":
                token = self._tokens[self._at]
                self._substitutions(token, "")
                values += self._expanded(token)
                self._at += 1
        known = bool(values) and all(word.known for word in values)
        self._around.variables.set(name, Value(tuple(word.text for word in values[:MAX_VALUES]), known))

    def _expanded(self, token: Token) -> list[Word]:
        return self._commands.spend(expand_word(token, self._around.variables, braces=self._around.bash))

    def _operator(self, token: Token) -> None:
        text = token.text
        piped = text in ("|", "|&")
        self._finish(alone=not piped and self._position == 0)
        if piped:
            self._position += 1
            return
        if text == "(":
            self._enter(")", branches=self._function)
            self._function = False
        self._end_pipeline(text)
        if text == "(":
            self._open.append(self._around)
            if self._commands.allow("", self._depth):
                self._around = self._around.enter()
        elif text == ")" and self._open and (outer := self._open[-1]) is not None:
            self._open.pop()
            if self._around is not outer:
                self._around.leave()
            self._around = outer
            if self._blocks:
                self._leave()
        elif text in (";;", ";&", ";;&") and self._open and self._open[-1] is None:
            self._in_pattern = True

    def _end_pipeline(self, operator: str) -> None:
        self._commands.end_pipeline(self._pipeline, operator)
        if self._closed:
            self._commands.end_group(operator)
        self._pipeline = self._commands.next_pipeline()
        self._position = 0
        self._negated = False
        if operator == "||":
            self._commands.rescue(self._list_begins)
            self._alternative = self._commands.next_branch()
        elif operator != "&&":
            self._alternative = 0
            self._list_begins = len(self._commands)

    def _finish(self, *, alone: bool) -> None:
        words, redirects = self._words, self._redirects
        self._words, self._redirects = [], []
        if not words and not redirects:
            return
        assignments: list[tuple[str, Word]] = []
        for word in words:
            assignment = self._assignment(word)
            if assignment is None:
                break
            assignments.append(assignment)
        words = words[len(assignments) :]
        consumer = words[0].plain if words else ""
        argv: list[Word] = []
        for token in words:
            if self._commands.exhausted:
                break
            if token.kind == "word":
                self._substitutions(token, posixpath.basename(consumer) if argv else "")
                argv += self._expanded(token)
            else:
                argv.append(Word(token.text, token.text))  # an operator inside [[ ]]
        for token in redirects:
            if token.following:
                self._substitutions(token.following, posixpath.basename(consumer))
        if argv:
            self._run(tuple(argv), tuple(assignments), redirects, alone)
        elif alone:
            self._set(assignments)

    def _assignment(self, token: Token) -> tuple[str, Word] | None:
        first = token.parts[0] if token.kind == "word" and token.parts else None
        match = _ASSIGNMENT.fullmatch(first.text) if first and first.kind == "text" and not first.quoted else None
        if not match:
            return None
        self._substitutions(token, "")
        value = replace(token, parts=(Part("text", match[3]), *token.parts[1:]))
        word = expanded_whole(value, self._around, self._commands) or Word("", token.text)
        if match[2] == "+=":
            earlier = self._around.variables.get(match[1])
            text = (earlier.texts[0] if earlier and earlier.texts else "") + word.text
            known = word.known and earlier is not None and earlier.known
            (word,) = self._commands.spend([replace(word, text=text[:MAX_TEXT], known=known)])
        return match[1], word

    def _set(self, assignments: list[tuple[str, Word]]) -> None:
        for name, word in assignments:
            self._around.variables.set(name, Value((word.text,), word.known))

    def _substitutions(self, token: Token, consumer: str) -> None:
        """Read the scripts inside $(...), `...`, <(...), also those in ${name:-$(...)}."""
        for part in token.parts:
            if part.kind == "command":
                self._read_inner(part.text, part.offset, consumer)
            elif part.kind != "text" and ("$(" in part.operator or "`" in part.operator):
                for inner in tokenize(part.operator):
                    for piece in inner.parts:
                        if piece.kind == "command":
                            self._read_inner(piece.text, token.offset, consumer)

    def _read_inner(self, text: str, offset: int, consumer: str) -> None:
        around = self._around.enter()
        around.branch = self._branch()
        around.consumer = consumer or around.consumer
        read_script(self._commands, text, lambda at: self._line_of(offset + at), around, self._depth + 1)
        around.leave()

    def _run(
        self,
        argv: tuple[Word, ...],
        assignments: tuple[tuple[str, Word], ...],
        redirects: list[Token],
        alone: bool,
    ) -> None:
        """One command with all its words known as far as they can be."""
        inner = unwrap(argv)
        files = redirected_files(redirects, self._around, self._commands)
        stdin, document = here_document(redirects, self._around, self._commands)
        if inner.from_input or inner.input_file:
            words = input_words(inner, files, stdin if document else None, self._writer)
            inner = replace(inner, argv=(*inner.argv, *words))
        if not inner.argv:
            return
        command = self._command(argv[0].offset, inner, assignments, files, stdin)
        if self._runs_script(command, document):
            return
        self._closed = False
        self._commands.add(command)
        if alone:
            take_effect(command, self._around)
        self._run_runner(command)

    def _command(
        self,
        offset: int,
        inner: Unwrapped,
        assignments: tuple[tuple[str, Word], ...],
        files: tuple[tuple[str, Word], ...],
        stdin: str,
    ) -> Command:
        around = self._around
        command = Command(
            argv=inner.argv,
            line=self._line_of(max(0, offset)),
            workdir=around.workdir,
            workdir_known=around.workdir_known,
            assignments=assignments + inner.assignments,
            redirects=files,
            stdin=stdin,
            through=(*around.through, *inner.through),
            pipeline=self._pipeline,
            position=self._position,
            errexit=around.errexit,
            branch=self._branch(),
            consumer=around.consumer,
        )
        if not inner.chdir:
            return command
        workdir = normalised_path(around.workdir, inner.chdir.text)
        known = inner.chdir.known and (around.workdir_known or inner.chdir.text.startswith("/"))
        return replace(command, workdir=workdir, workdir_known=known)

    def _runs_script(self, command: Command, document: Token | None) -> bool:
        """Whether the command is a shell whose script was read in its place."""
        script = script_of(command.argv)
        if not script or script.is_file:
            return False
        text, line_of = "", self._line_of
        if script.word:
            offset = script.word.offset
            start = offset + script.word.raw.startswith(("'", '"'))
            text = script.word.text
            line_of = (lambda at: self._line_of(start + at)) if offset >= 0 else (lambda at: command.line)
        else:
            text = command.stdin
            body = document.body_offset if document else 0
            if document and document.body:
                line_of = lambda at: self._line_of(body + at)  # noqa: E731
            else:
                text = text or piped_text(self._writer)
                line_of = lambda at: command.line  # noqa: E731
        if not text:
            return False
        before = len(self._commands)
        around = inside_script(self._around, command, script)
        read_script(self._commands, text, line_of, around, self._depth + 1)
        around.leave()
        self._closed = len(self._commands) > before
        # What could not be told of the script stays in sight as the shell itself.
        return len(self._commands) > before and (script.word is None or script.word.known)

    @property
    def _writer(self) -> Command | None:
        """The command in front of the pipe that this one reads."""
        return self._commands.before(self._pipeline, self._position)

    def _run_runner(self, command: Command) -> None:
        """`conda run`, `poetry run` and the like: the program they run, besides themselves."""
        if len(command.argv) < 3 or (command.name, command.argv[1].text) not in RUNNERS:
            return
        rest, _ = past_options(command.argv[2:], RUNNERS[command.name, command.argv[1].text])
        if rest and self._depth < 3:
            self._depth += 1
            through = self._around.through
            self._around.through = (*command.through, command.name)
            self._run(rest, command.assignments, [], False)
            self._around.through = through
            self._depth -= 1
