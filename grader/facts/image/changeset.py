"""What a layer changes, once an engine has unpacked it.

An engine unpacks a layer entry by entry into a folder that holds nothing of the layers below, so an entry is what the
entries before it make of it: a folder that has no entry comes into being, a link leads to where it leads inside this
layer, and a hard link has the bytes that its target has at that moment. What is deleted is a file of a special kind
there, which a later entry of the same name replaces.

See the OCI image specification, "Image Layer Filesystem Changeset". Where it says nothing or engines do otherwise, this
is what they do: dockerd with containerd's image store or with overlay2. The tables of the tests were held against both.
"""

from __future__ import annotations

from collections.abc import Sequence

from grader.facts.image.tar import BadArchive, Member

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
IMPLIED = -1
"""In place of a member's number: a folder that is only there because something is in it."""
GONE = -2
"""In place of a member's number: the path is taken away from the layers below."""
MAX_LINKS = 40
"""Symbolic links that are followed on the way to one file."""
MAX_IMPLIED = 10_000_000
"""Characters of the paths of all folders without an entry. A few long names could otherwise take any memory."""


def is_mark(path: str) -> bool:
    """Whether an entry of that path takes something away and is no file itself."""
    return path.rpartition("/")[2].startswith(WHITEOUT)


class Changeset:
    """The changes of one layer. Paths have no leading slash."""

    def __init__(self, members: Sequence[Member]) -> None:
        """Raises BadArchive if no engine could unpack these members."""
        self._members = members
        self.entries: dict[str, int] = {}
        """What is there in the end, by path: the number of a member, IMPLIED or GONE."""
        self.opaque: set[str] = set()
        """The folders in which it takes away everything that the layers below have there."""
        self.shared: dict[int, int] = {}
        """For a hard link the member that has its content."""
        self.implied = 0
        """Characters of the paths of folders without an entry."""
        self._folders = {"": ""}  # folders as they are named, and where they are
        self._children: dict[str, set[str]] | None = None  # only kept once something is replaced
        for number, member in enumerate(members):
            if member.path:  # a layer's entry for the root is not used
                self._unpack(number, member)

    def is_folder(self, number: int) -> bool:
        """Whether a value of `entries` means a folder."""
        return number == IMPLIED or (number >= 0 and self._members[number].kind == "folder")

    def _unpack(self, number: int, member: Member) -> None:
        named, _, name = member.path.rpartition("/")
        folder = self._folders.get(named)
        if folder is None:
            folder = self._enter(named)
        if name.startswith(WHITEOUT):
            self._mark(folder, name)
            return
        path = member.path if folder == named else _join(folder, name)
        before = self.entries.get(path)
        if before is not None and not (member.kind == "folder" and self.is_folder(before)):
            self._remove(path, before)
        if member.kind == "hardlink":
            number = self._share(number, member)
        self._add(path, number)

    def _mark(self, folder: str, name: str) -> None:
        if name == OPAQUE:
            if folder:  # engines mark the folder of the layer itself, to no effect
                self.opaque.add(folder)
        elif not name.startswith(WHITEOUT + WHITEOUT):  # storage drivers use other marks of that form
            target = name.removeprefix(WHITEOUT)
            if target in ("", ".", ".."):
                raise BadArchive(f"{_join(folder, name)!r} deletes a file without a name, which no engine accepts")
            path = _join(folder, target)
            if path in self.entries:
                raise BadArchive(f"{path!r} is both added and deleted, which no engine accepts")
            self._add(path, GONE)

    def _share(self, number: int, member: Member) -> int:
        """Return what a hard link is: itself, or GONE if it is a link to what is taken away."""
        folder, _, name = member.link.rpartition("/")
        target = self.entries.get(_join(self._follow("", folder), name), IMPLIED)
        if self.is_folder(target):
            raise BadArchive(f"{member.path!r} is a hard link to {member.link!r}, and no file before it has that name")
        if target >= 0:
            self.shared[number] = self.shared.get(target, target)
        return number if target >= 0 else target

    def _enter(self, named: str) -> str:
        """Return where a folder is, with links followed; what is missing on the way is made."""
        parts, at = [], named
        while (folder := self._folders.get(at)) is None:
            at, _, part = at.rpartition("/")
            parts.append(part)
        while parts:
            part = parts.pop()
            at = _join(at, part)
            folder = self._follow(folder, part)
            self._make(folder)
            self._folders[at] = folder
        return folder

    def _follow(self, folder: str, path: str) -> str:
        """Return where a path leads from a folder. Raises BadArchive if it leads in a circle."""
        todo, hops = path.split("/")[::-1], 0
        while todo:
            part = todo.pop()
            if part in ("", "."):
                continue
            if part == "..":
                folder = folder.rpartition("/")[0]
                continue
            path = _join(folder, part)
            link = self._link(path)
            if link is None:
                folder = path
                continue
            hops += 1
            if hops > MAX_LINKS:
                raise BadArchive(f"{path!r} is a link in a circle, and the path of a file leads through it")
            folder = "" if link.startswith("/") else folder
            todo += link.split("/")[::-1]
        return folder

    def _link(self, path: str) -> str | None:
        """Return where the link at that path leads, and None if it is no link."""
        number = self.entries.get(path)
        if number is None or number < 0:
            return None
        member = self._members[self.shared.get(number, number)]
        return member.link if member.kind == "symlink" else None

    def _make(self, folder: str) -> None:
        """Make a folder, and those that it is in. Raises BadArchive if one of them is no folder."""
        missing = []
        while folder:
            number = self.entries.get(folder)
            if number is None:
                missing.append(folder)
            elif self.is_folder(number):
                break
            else:
                raise BadArchive(f"{folder!r} is not a folder, but the path of a file leads through it")
            folder = folder.rpartition("/")[0]
        for path in missing:
            self.implied += len(path)
            if self.implied > MAX_IMPLIED:
                raise BadArchive("too many folders have no entry in the archive")
            self._add(path, IMPLIED)

    def _add(self, path: str, number: int) -> None:
        self.entries[path] = number
        if self._children is not None:
            self._children.setdefault(path.rpartition("/")[0], set()).add(path)

    def _remove(self, path: str, number: int) -> None:
        """Remove what is replaced, with everything in it."""
        if self.is_folder(number) or self._link(path) is not None:
            self._folders = {"": ""}
        if not self.is_folder(number):
            del self.entries[path]
            return
        if self._children is None:
            self._children = {}
            for each in self.entries:
                self._children.setdefault(each.rpartition("/")[0], set()).add(each)
        todo = [path]
        while todo:
            at = todo.pop()
            self.entries.pop(at, None)
            todo += self._children.pop(at, ())


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
