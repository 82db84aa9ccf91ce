"""The description of a package manager."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from grader.facts.packages.options import OptionTable


@dataclass(frozen=True)
class Action:
    """A subcommand that takes packages from outside.

    `operands` tells what its operands are: "packages", "files" (requirement files), "first" (a package, then its
    arguments), "skip" (something else, then packages), "program" (a program to run, with its arguments) or "none".
    `reads` tells what the tool reads in its working directory if no package is named: nothing, the "manifest", or
    the "lock" file too.
    """

    name: str
    operands: str = "packages"
    reads: str = ""


@dataclass(frozen=True)
class Manager:
    """A package manager."""

    name: str
    ecosystem: str  # pip, npm, apt, apk, dnf, conda, gem, go or cargo: the rules that its packages follow
    options: OptionTable
    actions: Mapping[str, Action]  # by subcommand; "" is the tool without a subcommand
    manifest: str = ""
    lock: str = ""
    files: Mapping[str, str] = field(default_factory=dict)  # options that name a file -> what the file is
    packages: frozenset[str] = frozenset()  # options whose value is a package
    directory: frozenset[str] = frozenset()  # options that change the working directory


def actions(*entries: tuple[str, Action]) -> dict[str, Action]:
    return {name: action for names, action in entries for name in names.split()}
