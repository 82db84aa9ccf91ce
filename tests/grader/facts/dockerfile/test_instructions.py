"""How each instruction reads its arguments and flags, and what BuildKit refuses whatever surrounds it."""

import pytest

from grader.facts.dockerfile.instructions import InstructionError, read_instruction, validate
from grader.facts.dockerfile.lines import LogicalLine
from grader.facts.dockerfile.parser import parse


def only(text):
    """The instruction after FROM."""
    return parse(f"FROM a\n{text}").stages[0].instructions[0]


def test_flags_may_repeat():
    run = only("RUN --mount=type=cache,target=/a --mount=type=bind --network=none b")
    assert run.flag_values("mount") == ("type=cache,target=/a", "type=bind")
    assert (run.flag("network"), run.flag("security")) == ("none", None)
    assert only("COPY --link a b").flag("link") == ""


def test_forms():
    assert (only('CMD ["a", "b c"]').json, only('CMD ["a", "b c"]').args) == (True, ("a", "b c"))
    assert (only('CMD [a, "b c"]').json, only('CMD [a, "b c"]').args) == (False, ('[a, "b c"]',))
    assert only('HEALTHCHECK --retries=3 CMD ["a"]').args == ("CMD", "a")
    assert only('ENV a=b "c d"=e').pairs == (("a", "b"), ('"c d"', "e"))
    assert only("LABEL a b c").pairs == (("a", "b c"),)


def test_onbuild_carries_its_instruction():
    onbuild = only("ONBUILD RUN --mount=type=cache,target=/a b \\\n  && c <<EOF\nd\nEOF\n")
    trigger = onbuild.trigger
    assert (onbuild.name, trigger.name, trigger.args) == ("ONBUILD", "RUN", ("b   && c <<EOF",))
    assert trigger.flag("mount") == "type=cache,target=/a"
    assert trigger.heredocs[0].text == "d\n"
    assert (trigger.line, trigger.end_line, trigger.line_at(trigger.original.index("c <<"))) == (2, 5, 3)


def read(text):
    return read_instruction(text, "\\", LogicalLine(text, 1, 1, ((0, 1),)))


ARGUMENTS = [
    ("RUN a  b", ("a  b",)),
    ('run ["a", "b"]', ("a", "b")),
    ("COPY a  b c", ("a", "b", "c")),
    ('COPY ["a b", "c"]', ("a b", "c")),
    ("ARG a b=c 'd e'", ("a", "b=c", "'d e'")),
    ("EXPOSE 80  81/udp", ("80", "81/udp")),
    ("USER a b", ("a b",)),
    ("HEALTHCHECK CMD a b", ("CMD", "a b")),
    ("HEALTHCHECK none", ("none",)),
    ("ONBUILD ENV a=b", ("ENV", "a", "b")),
    ("VOLUME /a /b", ("/a", "/b")),
    ("CMD", ()),
    ("NOPE a b", ()),
]


@pytest.mark.parametrize(("text", "args"), ARGUMENTS)
def test_arguments(text, args):
    assert read(text).args == args


SOUND = [
    "FROM a AS b.c-d_e",
    "FROM --platform=x a",
    "RUN --mount=type=cache,target=/a --mount=target=/b --network=none --security=sandbox a",
    "COPY --link --chmod=755 --exclude=a --exclude=b a b",
    "COPY --link=TRUE a b",
    "ADD --keep-git-dir=false --checksum=x a b",
    "ARG --nope a",
    "STOPSIGNAL --nope TERM",
    "HEALTHCHECK --nope NONE",
    "HEALTHCHECK --interval=1m --timeout=1ms --retries=+3 CMD a",
    "ONBUILD RUN a",
    "CMD",
    "ENTRYPOINT",
]
UNSOUND = [
    ("FROM a AS", "either one or three"),
    ("FROM a IN b", "either one or three"),
    ("FROM a AS 1b", "invalid name"),
    ("FROM --platform a", "missing a value on flag: --platform"),
    ("RUN --mont=x a", "did you mean --mount"),
    ("RUN --network=here a", "one of default, none, host"),
    ("RUN --mount=from=$X,target=/a a", "doesn't support variable expansion"),
    ("COPY a", "at least two arguments"),
    ("COPY --from=a --from=b c d", "duplicate flag"),
    ("COPY --link=maybe a b", "expecting boolean"),
    ("COPY --link= a b", "missing a value"),
    ("COPY a <<EOF", "heredoc as a destination"),
    ("ENV =b", "can not be blank"),
    ("ARG =b", "can not be blank"),
    ("LABEL", "at least one argument"),
    ("USER", "exactly one argument"),
    ("USER --x a", "unknown flag"),
    ("SHELL sh", "JSON form"),
    ('VOLUME [" "]', "empty string"),
    ("ONBUILD FROM a", "isn't allowed"),
    ("HEALTHCHECK RUN a", "try CMD"),
    ("HEALTHCHECK CMD", "Missing command"),
    ("HEALTHCHECK NONE a", "takes no arguments"),
    ("HEALTHCHECK --interval=5 CMD a", "invalid duration"),
    ("HEALTHCHECK --timeout=1us CMD a", "less than 1ms"),
    ("HEALTHCHECK --retries=-1 CMD a", "from 0 to 2147483647"),
    ("HEALTHCHECK --retries=9999999999 CMD a", "from 0 to 2147483647"),
    ("RUNN a", "did you mean RUN"),
]


@pytest.mark.parametrize("text", SOUND)
def test_sound(text):
    validate(read(text))


@pytest.mark.parametrize(("text", "says"), UNSOUND)
def test_unsound(text, says):
    with pytest.raises(InstructionError, match=says):
        validate(read(text))
