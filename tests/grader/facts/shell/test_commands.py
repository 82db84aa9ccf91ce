"""A command, its surroundings, and the list it is collected in, bounded whatever a script says."""

import pytest

from grader.facts.shell import commands as module
from grader.facts.shell.commands import Command, Commands, Scope, Surroundings
from grader.facts.shell.words import Value, Word
from tests.grader.facts.shell.reading import run


def test_what_led_to_a_command():
    (first, second) = run("RUN sudo -E bash -c 'env A=1 a' && sh -c \"$(b)\" ")[:2]
    assert (first.through, [(name, word.text) for name, word in first.assignments]) == (
        ("sudo", "bash", "env"),
        [("A", "1")],
    )
    assert (second.name, second.consumer) == ("b", "sh")


def command(text, pipeline=1, position=0):
    return Command(
        tuple(Word(word, f"'{word}'") for word in text.split()), 1, "/", True, pipeline=pipeline, position=position
    )


def test_a_command_by_name_and_as_it_was_written():
    found = command("/usr/bin/pip install x")
    assert (found.name, [word.text for word in found.args]) == ("pip", ["install", "x"])
    assert str(found) == "'/usr/bin/pip' 'install' 'x'"


def test_variables_can_be_taken_back():
    scope = Scope({"A": "given", "B": "given"})
    scope.set("A", Value(("one",)))
    mark = scope.mark()
    scope.set("A", Value(("two",)))
    scope.set("C", Value((), known=False))
    assert [scope.get(name) for name in "ABCD"] == [Value(("two",)), Value(("given",)), Value((), False), None]
    scope.undo(mark)
    assert [scope.get(name) for name in "AC"] == [Value(("one",)), None]


def test_a_subshell_gives_back_what_it_was_given():
    outer = Surroundings(Scope({}), "/a", True)
    inner = outer.enter()
    inner.workdir = "/b"
    inner.variables.set("A", Value(("1",)))
    inner.leave()
    assert (outer.workdir, outer.variables.get("A")) == ("/a", None)


def test_what_follows_and_what_may_have_failed():
    collected = Commands(100)
    for text, pipeline in (("a", 1), ("b", 1), ("c", 2)):
        collected.add(command(text, pipeline))
    collected.end_pipeline(2, "&&")
    collected.rescue(1)
    assert [(each.following, each.rescued) for each in collected.all()] == [("", False), ("", True), ("&&", True)]
    collected.end_pipeline(1, ";")
    assert [each.following for each in collected.all()] == ["", "", "&&"], "only those that stand last"


def test_which_command_writes_into_another():
    collected = Commands(100)
    collected.add(command("a", 7, 0))
    assert collected.before(7, 1).name == "a"
    assert (collected.before(7, 2), collected.before(8, 1)) == (None, None)


@pytest.mark.parametrize(
    ("limit", "value", "cut"),
    [
        ("MAX_COMMANDS", 2, True),
        ("MAX_WORDS", 2, True),
        ("MAX_SCRIPT", 300, True),
        ("MAX_DEPTH", 0, True),
        ("MAX_DEPTH", 8, False),
    ],
)
def test_no_more_than_any_script_has(monkeypatch, limit, value, cut):
    monkeypatch.setattr(module, limit, value)
    collected = Commands(10)
    for _ in range(3):
        collected.allow("a script", 1)
        collected.add(command("a"))
        collected.spend([Word("a", "a")])
    _ = collected.exhausted
    assert collected.truncated is cut


def test_what_is_too_much_is_not_kept(monkeypatch):
    monkeypatch.setattr(module, "MAX_TEXT", 10)
    collected = Commands(0)
    assert collected.spend_text("short") == "short"
    assert collected.spend([Word("much too long", "$X")]) == [Word("", "$X", known=False)]
    assert collected.exhausted


def test_each_run_of_a_file_has_its_share():
    text = "x" * 1_000_000
    one, of_many = Commands(0, runs=1), Commands(0, runs=100)
    assert [len(collected.spend_text(text)) for collected in (one, of_many)] == [1_000_000, 0]
