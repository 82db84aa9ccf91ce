"""What a learner hands in: a folder with a Dockerfile and its context, copied to a private build directory.

The copy is made first, so that nothing changes while the grader looks. Its base name is unique: BuildKit takes a file
for unchanged if its name, size and modification time agree and the context directory has the same base name, and would
put one learner's file into another learner's image (moby/buildkit#4817, #4950).
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from grader import canary
from grader.canary import Canary, Plant
from grader.errors import GraderError, SubmissionUnusable
from grader.lib.copytree import Limits, copy_tree
from grader.lib.scratch import private_folder, remove_tree, sweep
from grader.lib.text import clean
from grader.settings import BuildSettings


class Submission:
    """A private copy of a learner's folder. `open` makes it, and it is removed when the `with` block ends."""

    def __init__(
        self,
        folder: Path,
        settings: BuildSettings,
        origin: Path,
        canaries: Sequence[Canary] = (),
        salt: str = "",
        cache_mounts: str = "",
    ) -> None:
        self.folder = folder
        """The private copy. No other copy has the same base name."""
        self.settings = settings
        self.canaries = tuple(canaries)
        """What was planted: files are in the context, arguments in `settings`, and the builder has the secrets."""
        self.salt = salt
        """If not empty, it keeps this build from sharing a RUN with another grading's build, finished or running. The
        other one printed its output elsewhere and saw another canary, for BuildKit's cache key does not include what is
        in a mount."""
        self.cache_mounts = cache_mounts
        """The name of the set of cache mounts that its builds use; "" is the set that all builds share."""
        self.origin = origin
        """The learner's own folder. It is named in messages and never read."""

    @classmethod
    @contextmanager
    def open(
        cls,
        folder: Path,
        settings: BuildSettings,
        limits: Limits | None = None,
        *,
        plants: Sequence[Plant] = (),
        no_shared_cache: bool = False,
        cache_mounts: str = "",
    ) -> Iterator[Submission]:
        """Copy `folder` to a private place for as long as the block lasts, with a canary for each of `plants`.

        With `no_shared_cache`, or if there are canaries, a build reuses no RUN but those of this grading's own builds.
        With `cache_mounts`, its builds use the set of cache mounts of that name, and not the one that others can fill.

        Raises SubmissionUnusable if the folder is missing, empty, without a Dockerfile or above the limits, or if it
        holds what must be refused: links that leave the folder, devices, sockets and pipes.
        """
        sweep()
        with private_folder() as private:
            copy = private / _unique("submission")
            try:
                count = copy_tree(folder, copy, limits or Limits())
            except OSError as problem:
                raise GraderError(f"cannot copy the submission to {private.parent}: {problem.strerror}") from None
            if not count:
                raise SubmissionUnusable(f"{folder} is empty: put a {settings.dockerfile} there")
            canaries = canary.planted(plants)
            args = {found.plant.name: found.content for found in canaries if found.plant.arg}
            planted = settings.model_copy(update={"args": {**settings.args, **args}}) if args else settings
            salt = secrets.token_hex(8) if no_shared_cache or canaries else ""
            submission = cls(copy, planted, folder, canaries, salt, cache_mounts)
            submission._require_dockerfile()
            submission._plant_files()
            yield submission

    def copy(self) -> Submission:
        """Another private copy, to be edited. Close it when done, or use it in a `with` block."""
        target = self.folder.parent / _unique("edited")
        copy_tree(self.folder, target, Limits())
        return Submission(target, self.settings, self.origin, self.canaries, self.salt, self.cache_mounts)

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
        """The context directory in the private copy, by a path whose base name is unique."""
        inner = self.folder / self.settings.context
        if inner == self.folder:
            return self.folder
        # BuildKit's cache key includes the base name, and every learner's may be "app": a link makes it unique.
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
                    f"the exercise puts a file at {found.plant.file}, but it cannot be written in {self.origin}: "
                    f"{problem.strerror}"
                ) from None

    def _require_dockerfile(self) -> None:
        name = self.settings.dockerfile
        if not self.dockerfile.is_file():
            near = sorted(path.name for path in self.folder.iterdir() if path.name.lower() == name.lower())
            found = f"found {clean(near[0], 100)}: capital letters matter" if near else "found none"
            if self.dockerfile.is_dir():
                found = f"found {name}, which is a folder"
            raise SubmissionUnusable(f"expected a {name} in {self.origin}, {found}")
        if not (self.folder / self.settings.context).is_dir():
            raise SubmissionUnusable(f"expected the folder {self.settings.context} in {self.origin}, found none")


def _unique(word: str) -> str:
    return f"{word}-{secrets.token_hex(8)}"
