"""Follow the state of a shell: what cd, export, unset, read and set change, and what an inner shell begins with."""

from __future__ import annotations

from grader.facts.dockerfile.evaluate import normalised_path
from grader.facts.shell.commands import Command, Surroundings
from grader.facts.shell.words import Value, Word
from grader.facts.shell.wrappers import Script, program

_DECLARING = frozenset(("export", "declare", "local", "readonly", "typeset"))


def take_effect(command: Command, around: Surroundings) -> None:
    """What a command changes for those that follow in the same shell."""
    if command.through != around.through:
        return
    if command.name in ("cd", "pushd"):
        _change_directory(around, [word for word in command.args if word.text not in ("-P", "-L", "-e", "--")])
    elif command.name == "popd":
        around.workdir_known = False
    elif command.name in _DECLARING:
        for word in command.args:
            name, equals, value = word.text.partition("=")
            if equals:
                around.variables.set(name, Value((value,), word.known))
    elif command.name == "unset":
        for word in command.args:
            around.variables.set(word.text, Value(("",)))
    elif command.name == "read":
        for word in command.args:
            around.variables.set(word.text, Value((), known=False))
    elif command.name == "set":
        _set_options(around, command.args)


def _change_directory(around: Surroundings, operands: list[Word]) -> None:
    target = operands[0] if operands else Word("", "", known=False)
    if not target.known or target.text.startswith(("-", "~")):
        around.workdir_known = False
        return
    around.workdir_known = around.workdir_known or target.text.startswith("/")
    around.workdir = normalised_path(around.workdir, target.text)


def _set_options(around: Surroundings, args: tuple[Word, ...]) -> None:
    for number, word in enumerate(args):
        on = word.text.startswith("-")
        if (on or word.text.startswith("+")) and "e" in word.text[1:]:
            around.errexit = on
        if word.text == "errexit" and number and args[number - 1].text.endswith("o"):
            around.errexit = args[number - 1].text.startswith("-")


def inside_script(outer: Surroundings, command: Command, script: Script) -> Surroundings:
    """Return what a script that is given to a shell begins with."""
    around = outer.enter()
    around.through = (*command.through, program(command.argv[0]))
    around.workdir, around.workdir_known = command.workdir, command.workdir_known
    around.errexit = script.errexit
    around.branch = command.branch
    around.bash = program(command.argv[0]) in ("bash", "zsh") or (around.bash and command.name == "eval")
    for name, word in command.assignments:
        around.variables.set(name, Value((word.text,), word.known))
    return around
