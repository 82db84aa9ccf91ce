"""What one learner handed in for one exercise: its fingerprint, and a private copy of it to grade.

A hand-in is a folder, a zip archive, or loose files. All of it is untrusted: names, sizes, links, and the archive.
"""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

from grader.errors import GraderError, SubmissionUnusable
from grader.exercise import Exercise
from grader.lib.cancel import check_cancelled
from grader.lib.copytree import Limits, copy_tree
from grader.lib.scratch import private_folder, remove_tree
from grader.lib.text import clean
from grader.lib.units import format_size

NOT_HANDED_IN = frozenset(
    (".git", ".ipynb_checkpoints", "__MACOSX", ".DS_Store", "timestamp.txt", "submission_secret.txt")
)
"""At the top of a hand-in: what git, Jupyter, macOS and nbgrader put there. It is not graded, and changes no score."""
ARCHIVE = ".zip"
LIMITS = Limits(entries=20_000, bytes=1_000_000_000)
"""How large a hand-in may be, unpacked."""
_DEEPEST = 3
"""How many folders deep the Dockerfile is looked for: `alice.zip` holds `work/05-drop-root/Dockerfile`."""
_CHUNK = 1 << 20
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class HandIn:
    """What `learner` handed in for the exercise of that name. Learners' names are untrusted text.

    `path` is a folder or an archive. If the learner uploaded single files, `files` has them by name, and `path` is the
    folder in which they are. `when` is the time of handing in, if the layout tells.
    """

    learner: str
    exercise: str
    path: Path
    files: Mapping[str, Path] = field(default_factory=dict)
    when: datetime | None = None
    marked_late: bool = False
    """Whether the LMS itself marks it as late."""
    lost_modes: bool = False
    """Whether it came through nbgrader, which takes the permission to execute from every file that it passes on."""

    @property
    def archive(self) -> Path | None:
        """The archive, if it is one."""
        if self.files or self.path.suffix.lower() != ARCHIVE or self.path.is_dir():
            return None
        return self.path

    def fingerprint(self, *, of_learner: bool = False) -> str:
        """Return the SHA-256, in hex, of everything that was handed in: names, contents, modes and link targets.

        An archive counts as its bytes. With `of_learner` the name of the learner counts too: for an exercise that looks
        at the learner's own repository. Raises SubmissionUnusable if something cannot be read.
        """
        digest = hashlib.sha256(f"{self.learner}\0".encode(errors="surrogateescape") if of_learner else b"")
        try:
            if archive := self.archive:
                _add_file(digest, archive)
            elif self.files:
                for name, path in sorted(self.files.items()):
                    digest.update(f"file\0{name}\0".encode(errors="surrogateescape"))
                    _add_file(digest, path)
            else:
                _add_folder(digest, self.path, self._left_out)
        except OSError as problem:
            raise SubmissionUnusable(f"{self.path} cannot be read: {problem.strerror}") from None
        return digest.hexdigest()

    @property
    def _left_out(self) -> frozenset[str]:
        # The notebook that nbgrader hands out beside the files; an instructor grades its answers by hand.
        return NOT_HANDED_IN | {f"{self.exercise}.ipynb"}

    @contextmanager
    def laid_out(self, exercise: Exercise) -> Iterator[Path]:
        """A private copy for as long as the block lasts: the folder that holds the Dockerfile, or would.

        Raises SubmissionUnusable if there is nothing in it, or if it must be refused.
        """
        with private_folder() as private:
            top = private / "handed-in"
            if archive := self.archive:
                _unpack(archive, top)
            elif self.files:
                _gather(self.files, top)
            else:
                copy_tree(self.path, top, LIMITS)
            root = self._root(top, exercise)
            if not any(root.iterdir()):
                raise SubmissionUnusable("the folder is empty")
            if self.lost_modes:
                _make_executable(root, exercise)
            yield root

    def _root(self, top: Path, exercise: Exercise) -> Path:
        """The folder to grade in what was handed in: the one with the Dockerfile, or, if none has one, all of it.

        Raises SubmissionUnusable if several have one, and none of them has the exercise's name.
        """
        self._strip(top)
        found = _with_dockerfile(top, exercise)
        if not found and (archive := _only_archive(top)):
            # A folder for each learner, as an LMS makes it, with the archive that the learner uploaded.
            _unpack(archive, top / "unpacked")
            found = _with_dockerfile(top / "unpacked", exercise)
        named = [folder for folder in found if folder.name == exercise.name]
        chosen = next((some[0] for some in (found, named) if len(some) == 1), None)
        if top in found or not found:
            return top
        if chosen is None:
            places = ", ".join(clean(str(folder.relative_to(top)), 60) for folder in found[:4])
            raise SubmissionUnusable(f"several folders have a {exercise.build.dockerfile} ({places}): hand in one")
        self._strip(chosen)
        return chosen

    def _strip(self, folder: Path) -> None:
        for name in self._left_out:
            if os.path.lexists(folder / name):
                remove_tree(folder / name) if (folder / name).is_dir() else (folder / name).unlink()


def _with_dockerfile(top: Path, exercise: Exercise) -> list[Path]:
    """The folders that have the Dockerfile, a few levels deep; of one inside another, only the outer one."""
    found, level = [], [top]
    for _ in range(_DEEPEST + 1):
        here = [folder for folder in level if os.path.lexists(folder / exercise.build.dockerfile)]
        found += here
        inside = [path for folder in level if folder not in here for path in sorted(folder.iterdir())]
        level = [path for path in inside if path.is_dir() and not path.is_symlink() and path.name not in NOT_HANDED_IN]
    return found


def _only_archive(top: Path) -> Path | None:
    """The only archive at the top of a folder, or None."""
    found = [path for path in top.iterdir() if path.suffix.lower() == ARCHIVE and path.is_file()]
    return found[0] if len(found) == 1 and not found[0].is_symlink() else None


def _make_executable(folder: Path, exercise: Exercise) -> None:
    """Make those files executable that are in the starter, or that begin as scripts do."""
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_file():
            continue
        starter = exercise.starter / path.relative_to(folder)
        with path.open("rb") as file:
            is_script = file.read(2) == b"#!"
        if is_script or (starter.is_file() and starter.stat().st_mode & 0o111):
            path.chmod(path.stat().st_mode | 0o111)


def _gather(files: Mapping[str, Path], top: Path) -> None:
    """Copy loose files into the new folder."""
    top.mkdir(mode=0o700)
    left = LIMITS.bytes
    for name, path in files.items():
        _require_plain(name)
        try:
            with open(os.open(path, _FILE), "rb") as source, (top / name).open("xb") as target:
                if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
                    raise SubmissionUnusable(f"{clean(name, 100)!r} is not a file")
                left = _copy(source, target, left)
        except OSError as problem:
            raise SubmissionUnusable(f"{clean(name, 100)!r} cannot be read: {problem.strerror}") from None


def _unpack(archive: Path, top: Path) -> None:
    """Unpack a zip archive into the new folder, which may then hold links: `copy_tree` refuses those that leave it.

    Sizes are counted while unpacking, whatever the archive says. Raises SubmissionUnusable.
    """
    try:
        with open(os.open(archive, _FILE), "rb") as file, zipfile.ZipFile(file) as packed:
            top.mkdir(mode=0o700)
            entries = packed.infolist()
            if len(entries) > LIMITS.entries:
                raise SubmissionUnusable(f"the archive holds more than {LIMITS.entries:,} files")
            left = LIMITS.bytes
            for entry in entries:
                check_cancelled()
                left = _unpack_entry(packed, entry, top, left)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as problem:
        # RuntimeError: it is encrypted. NotImplementedError: a compression that is not known here.
        raise SubmissionUnusable(f"the archive cannot be unpacked: {clean(str(problem), 200)}") from None
    except FileExistsError as problem:
        raise SubmissionUnusable(
            f"the archive holds two entries of one name: {clean(_inner(problem, top), 200)!r}"
        ) from None
    except NotADirectoryError as problem:
        raise SubmissionUnusable(
            f"the archive holds a file and a folder of one name: {clean(_inner(problem, top), 200)!r}"
        ) from None
    except OSError as problem:
        if problem.filename is not None and str(problem.filename).startswith(str(archive)):
            raise SubmissionUnusable(f"the archive cannot be read: {problem.strerror}") from None
        raise GraderError(f"cannot unpack an archive in {top.parent}: {problem.strerror}") from None


def _inner(problem: OSError, top: Path) -> str:
    return str(problem.filename or "").removeprefix(f"{top}/")


def _unpack_entry(packed: zipfile.ZipFile, entry: zipfile.ZipInfo, top: Path, left: int) -> int:
    """Unpack one entry. Returns how many bytes may still be unpacked."""
    path = PurePosixPath(entry.filename)
    _require_plain(*path.parts)
    if not path.parts or path.is_absolute() or len(path.parts) > LIMITS.depth:
        raise SubmissionUnusable(f"the archive holds an entry with the path {clean(entry.filename, 200)!r}")
    mode = entry.external_attr >> 16
    if stat.S_ISLNK(mode):
        raise SubmissionUnusable(f"the archive holds a link, {clean(entry.filename, 200)!r}: hand in files")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise SubmissionUnusable(f"the archive holds {clean(entry.filename, 200)!r}, which is no file")
    target = top.joinpath(*path.parts)
    if entry.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return left
    target.parent.mkdir(parents=True, exist_ok=True)
    with packed.open(entry) as source, target.open("xb") as written:
        left = _copy(source, written, left)
    # Archives made on Windows have no modes.
    target.chmod(stat.S_IMODE(mode) & 0o777 | 0o600 if mode else 0o644)
    return left


def _require_plain(*names: str) -> None:
    for name in names:
        if name in ("", ".", "..") or "/" in name or "\\" in name or "\0" in name:
            raise SubmissionUnusable(f"a name leaves the folder: {clean(name, 100)!r}")
        if len(os.fsencode(name)) > 255:
            raise SubmissionUnusable(f"a name is too long: {clean(name, 60)!r}")


def _copy(source: object, target: object, left: int) -> int:
    while chunk := source.read(_CHUNK):  # type: ignore[attr-defined]
        check_cancelled()
        left -= len(chunk)
        if left < 0:
            raise SubmissionUnusable(f"it is larger than {format_size(LIMITS.bytes)} when unpacked")
        target.write(chunk)  # type: ignore[attr-defined]
    return left


def _add_folder(digest: hashlib._Hash, top: Path, left_out: frozenset[str]) -> None:
    """Add everything in a folder, in order. Above the limits names and sizes are enough: it is refused anyway."""
    entries, size = 0, 0
    todo: list[tuple[str, str]] = [(str(top), "")]
    while todo:
        folder, prefix = todo.pop()
        with _opened(folder) as descriptor, os.scandir(descriptor) as found:
            names = sorted(entry.name for entry in found if prefix or entry.name not in left_out)
            for name in names:
                check_cancelled()
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                entries += 1
                digest.update(f"{prefix}{name}\0{status.st_mode:o}\0".encode(errors="surrogateescape"))
                if stat.S_ISLNK(status.st_mode):
                    digest.update(os.fsencode(os.readlink(name, dir_fd=descriptor)))
                elif stat.S_ISDIR(status.st_mode):
                    if prefix.count("/") < LIMITS.depth and entries <= LIMITS.entries:
                        todo.append((f"{folder}/{name}", f"{prefix}{name}/"))
                elif stat.S_ISREG(status.st_mode):
                    size += status.st_size
                    digest.update(f"{status.st_size}\0".encode())
                    if size <= LIMITS.bytes and entries <= LIMITS.entries:
                        _add_file(digest, name, descriptor)


@contextmanager
def _opened(folder: str) -> Iterator[int]:
    descriptor = os.open(folder, _DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _add_file(digest: hashlib._Hash, path: Path | str, folder: int | None = None) -> None:
    """Add the content's own digest, so that no content can look like the names and contents that follow it."""
    with open(os.open(path, _FILE, dir_fd=folder), "rb") as file:
        is_file = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        inner = hashlib.file_digest(file, "sha256") if is_file else hashlib.sha256()
    digest.update(inner.digest())
