"""Remember which known submissions were proved, so that what has not changed since then need not be graded again.

A proof is a fingerprint of everything that the verdicts depend on: the exercise's folder, this grader with its data,
the Python packages and tools that it uses, the engine, and the base images. It is written when an outcome is proved,
to the file FOLDER/EXERCISE/KIND/SUBMISSION, which has a line for each state in which the submission was proved, the
newest last.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from functools import cached_property
from importlib.metadata import distributions
from pathlib import Path

import grader
from grader.errors import GraderError
from grader.exercise import Exercise
from grader.facts.build.base import LAB
from grader.facts.engine.engine import Engine
from grader.facts.registry.repository import Repository
from grader.lib.fingerprint import fingerprint_of, fingerprint_of_folder
from grader.lib.tools import tool_versions
from grader.verify.trials import Trial

GRADER = Path(grader.__file__).parent
STATES = 10
"""The most states remembered for one submission, such as those of other branches or other engines."""


class Proofs:
    """The proofs in a folder, which need not exist yet. If the folder cannot be written, no proof is remembered."""

    def __init__(self, folder: Path, *, again: bool = False) -> None:
        """With `again`, earlier proofs are ignored."""
        self.folder = folder
        self._again = again

    def fingerprint(self, exercise: Exercise) -> str:
        """Return the fingerprint of this exercise as judged here and now; "" if it cannot be determined."""
        try:
            parts = [
                self._surroundings,
                fingerprint_of_folder(GRADER),
                fingerprint_of_folder(exercise.folder),
                *_bases(exercise),
            ]
        except (GraderError, OSError, ValueError):
            return ""
        return fingerprint_of(GRADER, (), parts)

    def has(self, trial: Trial, fingerprint: str) -> bool:
        """Whether the trial was proved with that fingerprint."""
        return not self._again and bool(fingerprint) and fingerprint in self._read(trial)

    def keep(self, trial: Trial, fingerprint: str) -> None:
        """Remember that the trial is proved, unless what it depends on has changed since that fingerprint was taken."""
        if fingerprint and self.fingerprint(trial.exercise) == fingerprint:
            others = [line for line in self._read(trial) if line != fingerprint]
            self._write(trial, [*others[1 - STATES :], fingerprint])

    def drop(self, trial: Trial, fingerprint: str) -> None:
        """Forget a proof that has been refuted."""
        found = self._read(trial)
        if fingerprint in found:
            self._write(trial, [line for line in found if line != fingerprint])

    def _read(self, trial: Trial) -> list[str]:
        try:
            return self._place(trial).read_text(encoding="ascii").splitlines()
        except (OSError, ValueError):
            return []

    def _write(self, trial: Trial, lines: Sequence[str]) -> None:
        place = self._place(trial)
        with suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")

    def _place(self, trial: Trial) -> Path:
        return self.folder / trial.exercise.label / trial.kind / trial.submission

    @cached_property
    def _surroundings(self) -> str:
        """The versions of the machine, Python and its packages, the engine, and the tools."""
        with closing(Engine.connect()) as engine:
            info = engine.info
            about = [engine.host, info.version, info.image_store, info.architecture, info.os, str(info.rootless)]
        packages = sorted(f"{found.name} {found.version}" for found in distributions())
        about += [platform.release(), platform.python_version(), *packages]
        return "\n".join([*about, *tool_versions()])


def _bases(exercise: Exercise) -> Iterator[str]:
    """The base images that the exercise names, with the digests that the lab's registry serves."""
    for image in exercise.images:
        name, _, tag = image.partition(":")
        manifest = Repository.parse(f"{LAB}{name}").manifest(tag)
        yield f"{image} {manifest.digest if manifest else ''}"
