"""What a learner hands in: a folder with a Dockerfile and its context, copied to a private build directory.

The copy is made before anything is looked at, so that nothing changes under the grader's hands, and it has a base name
of its own: BuildKit takes a file for unchanged when name, size and modification time agree and the context directory
has the same base name, and would put one learner's file into another learner's image (moby/buildkit#4817, #4950).
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from grader import canary, owner
from grader.canary import Canary, Plant
from grader.errors import GraderError, SubmissionUnusable
from grader.exercise import BuildSettings
from grader.tree import Limits, copy_tree
from grader.verdict import clean

PREFIX = "layerwise-grade-"
"""What every temporary folder of a grading begins with."""


class Submission:
    """A private copy of a learner's folder. `open` makes one; it is removed when the `with` block ends."""

    def __init__(
        self, folder: Path, settings: BuildSettings, origin: Path, canaries: Sequence[Canary] = (), salt: str = ""
    ) -> None:
        self.folder = folder
        """The private copy. Its base name is used by no other copy."""
        self.settings = settings
        self.canaries = tuple(canaries)
        """What was planted in it: files lie in its context, arguments stand in `settings`, the builder has secrets."""
        self.salt = salt
        """Where not empty: no RUN of another grading's build, done or still going on, may stand in for one of this. It
        would have printed elsewhere, and hold another canary: what a mount holds is no part of BuildKit's key."""
        self.origin = origin
        """The learner's own folder: for messages, never to be read."""

    @classmethod
    @contextmanager
    def open(
        cls,
        folder: Path,
        settings: BuildSettings,
        limits: Limits | None = None,
        *,
        plants: Sequence[Plant] = (),
        anew: bool = False,
    ) -> Iterator[Submission]:
        """Copy `folder` to a private place for as long as the block lasts, with canaries where `plants` says. With
        `anew`, or where there are canaries, its builds take no RUN from the cache but their own.

        Raises SubmissionUnusable where it is missing, empty, without a Dockerfile, above the limits, or holds what must
        be refused: links that leave the folder, devices, sockets and pipes.
        """
        sweep()
        with private_folder() as private:
            copy = private / _unique("submission")
            try:
                count = copy_tree(folder, copy, limits or Limits())
            except OSError as problem:
                raise GraderError(f"the submission cannot be copied to {private.parent}: {problem.strerror}") from None
            if not count:
                raise SubmissionUnusable(f"{folder} is empty: put a {settings.dockerfile} there")
            canaries = canary.planted(plants)
            args = {found.plant.name: found.content for found in canaries if found.plant.arg}
            planted = settings.model_copy(update={"args": {**settings.args, **args}}) if args else settings
            salt = secrets.token_hex(8) if anew or canaries else ""
            submission = cls(copy, planted, folder, canaries, salt)
            submission._require_dockerfile()
            submission._plant_files()
            yield submission

    def copy(self) -> Submission:
        """Another private copy, to be edited. Close it (or use it in a `with` block) when done."""
        target = self.folder.parent / _unique("edited")
        copy_tree(self.folder, target, Limits())
        return Submission(target, self.settings, self.origin, self.canaries, self.salt)

    def close(self) -> None:
        """Remove this copy."""
        remove_tree(self.folder)

    def __enter__(self) -> Submission:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    @property
    def dockerfile(self) -> Path:
        """The Dockerfile in the private copy."""
        return self.folder / self.settings.dockerfile

    @property
    def context(self) -> Path:
        """The context directory in the private copy, under a base name that is used by no other."""
        inner = self.folder / self.settings.context
        if inner == self.folder:
            return self.folder
        # The base name is part of BuildKit's key, and "app" would be every learner's: a link gives it another.
        link = self.folder.parent / f"context-of-{self.folder.name}"
        with suppress(FileExistsError):
            link.symlink_to(inner, target_is_directory=True)
        return link

    def _plant_files(self) -> None:
        for found in self.canaries:
            if found.plant.file is None:
                continue
            root = self.folder / self.settings.context
            target = root / found.plant.file
            try:
                for parent in reversed(target.relative_to(root).parents):
                    if (root / parent).is_symlink() or not (root / parent).is_dir():
                        (root / parent).mkdir()
                mode = 0o644
                if os.path.lexists(target):
                    mode = stat.S_IMODE(os.lstat(target).st_mode) if not target.is_symlink() else mode
                    target.unlink()
                target.write_text(found.content, encoding="utf-8")
                target.chmod(mode)
            except OSError as problem:
                raise SubmissionUnusable(
                    f"the exercise puts a file at {found.plant.file}, and it cannot be put into {self.origin}: "
                    f"{problem.strerror}"
                ) from None

    def _require_dockerfile(self) -> None:
        name = self.settings.dockerfile
        if not self.dockerfile.is_file():
            near = sorted(path.name for path in self.folder.iterdir() if path.name.lower() == name.lower())
            found = f"found {clean(near[0], 100)}, whose letters differ" if near else "there is none"
            if self.dockerfile.is_dir():
                found = f"found {name}, which is a folder"
            raise SubmissionUnusable(f"expected a {name} in {self.origin}: {found}")
        if not (self.folder / self.settings.context).is_dir():
            raise SubmissionUnusable(f"expected the folder {self.settings.context} in {self.origin}: there is none")


def sweep() -> None:
    """Remove the temporary folders of gradings whose process has ended."""
    root = Path(tempfile.gettempdir())
    for path in root.glob(f"{PREFIX}*"):
        if owner.is_stale(path.name.removeprefix(PREFIX)):
            with suppress(OSError):
                if path.lstat().st_uid == os.getuid() and stat.S_ISDIR(path.lstat().st_mode):
                    remove_tree(path)


def remove_tree(folder: Path) -> None:
    """Remove a private folder, also where the learner's modes forbid it. Says nothing where it is gone already."""

    def unlock(_function: object, path: str, _info: object) -> None:
        # Modes are kept in the copy, and nothing can be removed from a folder without write permission.
        for part in (os.path.dirname(path), path):
            with suppress(OSError):
                if stat.S_ISDIR(os.lstat(part).st_mode):
                    os.chmod(part, 0o700)
        with suppress(OSError):
            os.unlink(path)

    for _ in range(3):
        shutil.rmtree(folder, onerror=unlock)
        if not folder.exists():
            return


@contextmanager
def private_folder() -> Iterator[Path]:
    """A temporary folder of this grading, for as long as the block lasts."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{owner.mark()}-"))
    except OSError as problem:
        raise GraderError(f"no temporary folder can be made in {tempfile.gettempdir()}: {problem.strerror}") from None
    try:
        yield folder
    finally:
        remove_tree(folder)


def _unique(word: str) -> str:
    return f"{word}-{secrets.token_hex(8)}"
