"""All package managers: what their tables say must hang together, or an option would be taken for a package."""

import pytest

from grader.facts.packages.managers import GROUPS, MANAGERS

EACH = {id(manager): (program, manager) for program, manager in MANAGERS.items()}.values()
ECOSYSTEMS = {"pip", "npm", "apt", "apk", "dnf", "conda", "gem", "go", "cargo"}
OPERANDS = {"packages", "files", "first", "skip", "program", "none"}


@pytest.mark.parametrize(("program", "manager"), EACH, ids=[program for program, _ in EACH])
def test_a_table(program, manager):
    options = manager.options
    assert manager.ecosystem in ECOSYSTEMS
    for name in (*manager.files, *manager.packages, *manager.directory):
        assert name in options.valued, f"{name} names something, so it takes a value"
        assert options.long(name) == name or options.long(name) in options.valued
    for name in (*manager.packages, *manager.directory):
        assert options.long(name) == name, "looked up by its long name"
    for action in manager.actions.values():
        assert action.operands in OPERANDS
        assert action.reads in ("", "manifest", "lock")
        assert not action.reads or manager.manifest, "it reads a file that has a name"
        assert action.reads != "lock" or manager.lock


def test_two_words_are_a_subcommand_only_behind_a_group():
    for program, manager in MANAGERS.items():
        for name in manager.actions:
            first, _, second = name.partition(" ")
            assert not second or first in GROUPS, (program, name)


def test_programs_of_the_same_tool():
    assert MANAGERS["apt"] is MANAGERS["apt-get"]
    assert MANAGERS["yum"] is MANAGERS["dnf"]
    assert MANAGERS["micromamba"] is not MANAGERS["conda"], "its -f names a file"
