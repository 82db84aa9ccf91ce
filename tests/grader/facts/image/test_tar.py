"""The tar reader: what the standard library writes, in every form and in any pieces, and what is no archive."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.facts.image.tar import MAX_HEADER, BadArchive, Member, Sink, TarReader, has_checksum, normal

Write = Callable[[tarfile.TarFile], None]


class Content:
    def __init__(self) -> None:
        self.data = b""
        self.closed = 0

    def write(self, data: memoryview) -> None:
        self.data += data

    def close(self) -> None:
        self.closed += 1


class Reading:
    """What came out of an archive."""

    def __init__(self, archive: bytes, piece: int = 1 << 20) -> None:
        self.members: list[Member] = []
        self.contents: list[Content] = []
        self.reader = TarReader(self._member)
        for at in range(0, len(archive), piece):
            self.reader.feed(archive[at : at + piece])
        self.reader.close()

    def _member(self, member: Member) -> Sink:
        self.members.append(member)
        self.contents.append(Content())
        return self.contents[-1]


def info(name: str, kind: bytes = tarfile.REGTYPE, **more: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type = kind
    for attribute, value in more.items():
        setattr(made, attribute, value)
    return made


def archive(
    *members: tarfile.TarInfo | tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT, **more: object
) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form, **more) as file:  # type: ignore[call-overload]
        for member in members:
            head, content = member if isinstance(member, tuple) else (member, b"")
            head.size = len(content)
            file.addfile(head, io.BytesIO(content))
    return buffer.getvalue()


FORMS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
LONG = "folder/" * 20 + "name" * 30
KINDS = [
    (tarfile.REGTYPE, "file"),
    (tarfile.AREGTYPE, "file"),
    (tarfile.LNKTYPE, "hardlink"),
    (tarfile.SYMTYPE, "symlink"),
    (tarfile.CHRTYPE, "device"),
    (tarfile.BLKTYPE, "device"),
    (tarfile.DIRTYPE, "folder"),
    (tarfile.FIFOTYPE, "pipe"),
]


@pytest.mark.parametrize(("kind", "word"), KINDS)
def test_kinds(kind: bytes, word: str) -> None:
    member = info("a/b", kind, mode=0o4751, uid=7, gid=8, linkname="/c/../d")
    link = {"hardlink": "d", "symlink": "/c/../d"}.get(word, "")
    assert Reading(archive(member)).members == [Member("a/b", word, 0, 0o4751, 7, 8, link)]


@pytest.mark.parametrize("form", FORMS[1:])
def test_names_longer_than_the_header(form: int) -> None:
    found = Reading(archive(info(LONG), info("x", tarfile.SYMTYPE, linkname=LONG), info("y"), form=form)).members
    assert [(member.path, member.link) for member in found] == [(LONG, ""), ("x", LONG), ("y", "")]


def test_a_name_in_two_parts() -> None:
    name = "p" * 90 + "/" + "n" * 60
    assert [member.path for member in Reading(archive(info(name), form=tarfile.USTAR_FORMAT)).members] == [name]


@pytest.mark.parametrize(("uid", "form"), [(5_000_000, tarfile.GNU_FORMAT), (5_000_000, tarfile.PAX_FORMAT)])
def test_numbers_larger_than_the_header(uid: int, form: int) -> None:
    assert Reading(archive(info("a", uid=uid, gid=uid + 1), form=form)).members[0][4:6] == (uid, uid + 1)


def test_records_for_all_members_are_not_used() -> None:
    """As Go reads it, and so every engine."""
    data = archive(info("a"), info("b", pax_headers={"uid": "3"}), info("c"), pax_headers={"uid": "9", "comment": "x"})
    assert [(member.path, member.uid) for member in Reading(data).members] == [("a", 0), ("b", 3), ("c", 0)]


def test_a_name_that_is_no_text() -> None:
    (member,) = Reading(archive(info("caf\udce9"), form=tarfile.GNU_FORMAT)).members
    assert member.path.encode("utf-8", "surrogateescape") == b"caf\xe9"


def test_a_folder_as_old_archives_have_it() -> None:
    # The standard library says that it is a folder; old programs say so with a slash alone.
    head = bytearray(archive(info("a/", tarfile.DIRTYPE), form=tarfile.USTAR_FORMAT)[:512])
    head[0:3] = b"a/\0"
    for kind, word in ((tarfile.AREGTYPE, "folder"), (tarfile.REGTYPE, "file")):
        head[156:157] = kind
        found = Reading(signed(head) + bytes(1024))
        assert [(member.path, member.kind) for member in found.members] == [("a", word)]


def test_content_and_its_end() -> None:
    found = Reading(archive((info("a"), b"x" * 700), (info("b"), b""), (info("c"), b"y" * 512)))
    assert [content.data for content in found.contents] == [b"x" * 700, b"", b"y" * 512]
    assert [content.closed for content in found.contents] == [1, 1, 1]
    assert found.reader.ended


def test_a_link_that_says_it_has_a_size_has_none() -> None:
    head = bytearray(archive(info("a", tarfile.LNKTYPE, linkname="b"), form=tarfile.USTAR_FORMAT)[:512])
    head[124:136] = b"00000000777\0"
    found = Reading(signed(head) + archive((info("b"), b"b")))
    assert [(member.path, member.size) for member in found.members] == [("a", 0), ("b", 1)]


@given(
    contents=st.lists(st.binary(max_size=1500), max_size=5),
    piece=st.integers(1, 1700),
    form=st.sampled_from(FORMS),
)
@settings(derandomize=True, deadline=None, max_examples=60)
def test_in_any_pieces(contents: list[bytes], piece: int, form: int) -> None:
    data = archive(*((info(f"f/{number}", mtime=1.5), content) for number, content in enumerate(contents)), form=form)
    found = Reading(data, piece)
    assert [content.data for content in found.contents] == contents
    assert [member.size for member in found.members] == list(map(len, contents))


def test_what_comes_after_the_end_is_no_part_of_it() -> None:
    assert [member.path for member in Reading(archive(info("a")) + archive(info("b"))).members] == ["a"]


@pytest.mark.parametrize("behind", [b"garbage", b"g" * 512, b"g" * 1300])
def test_nor_is_anything_else(behind: bytes) -> None:
    found = Reading(archive((info("a"), b"x")) + behind)
    assert [content.data for content in found.contents] == [b"x"]


def gnu(kind: bytes, name: bytes) -> bytes:
    """A header of GNU's with a long name."""
    return archive((info("././@LongLink", kind), name + b"\0"), form=tarfile.GNU_FORMAT)[:1024]


def records(**values: str) -> bytes:
    """A header with PAX records for the next member."""
    return archive(info("a", pax_headers=values))[:1024]


PLAIN = archive(info("a"))


@pytest.mark.parametrize(
    ("data", "path", "uid"),
    [
        pytest.param(gnu(b"L", b"long") + records(path="pax") + PLAIN, "long", 0, id="GNU's name before PAX's"),
        pytest.param(records(path="pax") + gnu(b"L", b"long") + PLAIN, "long", 0, id="also if it comes first"),
        pytest.param(records(path="one") + records(uid="7") + PLAIN, "a", 7, id="the last header before a member"),
        pytest.param(records(path="") + PLAIN, "a", 0, id="an empty name"),
    ],
)
def test_which_header_counts(data: bytes, path: str, uid: int) -> None:
    assert [(member.path, member.uid) for member in Reading(data).members] == [(path, uid)]


def test_a_missing_end_mark_is_forgiven() -> None:
    found = Reading(archive(info("a"))[:512])
    assert ([member.path for member in found.members], found.reader.ended) == (["a"], False)


def signed(head: bytearray) -> bytes:
    """The header with its checksum put right."""
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


def with_size(size: bytes) -> bytes:
    head = bytearray(archive(info("a"))[:512])
    head[124:136] = size
    return signed(head)


def pax(record: bytes) -> bytes:
    head = bytearray(archive(info("h", tarfile.XHDTYPE))[:512])
    head[124:136] = b"%011o\0" % len(record)
    return signed(head) + record.ljust(512, b"\0") + archive(info("a"))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b"FROM scratch\n" * 100, "not a tar archive", id="text"),
        pytest.param(b"\0" * 300 + b"x" + b"\0" * 211, "not a tar archive", id="zeros but for one"),
        pytest.param(with_size(b"\xff" * 12), "negative size", id="a negative size"),
        pytest.param(with_size(b"twelve bytes"), "a malformed number", id="a size of letters"),
        pytest.param(with_size(b"00000000005\0"), "middle of a member", id="cut in a content"),
        pytest.param(archive(info("a"))[:300], "middle of a member", id="cut in a header"),
        pytest.param(pax(b"99 path=x\n"), "does not have the length", id="a record longer than the header"),
        pytest.param(pax(b"3 path=x\n"), "does not have the length", id="a record shorter than its own beginning"),
        pytest.param(pax(b"x path=x\n"), "does not have the length", id="a record without a length"),
        pytest.param(pax(b"13 size=many\n"), "a malformed number", id="a record with a number that is none"),
        pytest.param(pax(b"11 size=-1\n"), "negative size", id="a record with a negative size"),
        pytest.param(archive(info("n" * (MAX_HEADER + 1))), "a header has", id="a name beyond all bounds"),
        pytest.param(archive(info("d/" * 2100 + "x")), "a name has 4201 bytes", id="a path that no system takes"),
        pytest.param(archive(info("d/" + "é" * 128)), "a name has 256 bytes", id="a name that no system takes"),
        pytest.param(archive(info("a"))[:512] + bytes(100), "middle of a member", id="half a block at the end"),
        pytest.param(archive(info("a", b"7")), "a member of a kind", id="a kind that engines do not know"),
        pytest.param(archive(info("a", b"V")), "a member of a kind", id="a label"),
        pytest.param(pax(b"12 path=x\0y\n"), "a zero byte in it", id="a zero in a name"),
        pytest.param(archive(info("a"))[:512] + bytes(512) + archive(info("b")), "a block of zeros", id="a lone block"),
        pytest.param(pax(b"13 uid=1_000\n"), "a malformed number", id="a number as only Python has it"),
    ],
)
def test_no_archive(data: bytes, says: str) -> None:
    with pytest.raises(BadArchive, match=says):
        Reading(data)


def test_checksum() -> None:
    head = bytearray(archive(info("a"))[:512])
    assert has_checksum(bytes(head))
    head[0] ^= 1
    assert not has_checksum(bytes(head))
    head[148:156] = b"no digit"
    assert not has_checksum(bytes(head))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/b", "a/b"),
        ("/a/b/", "a/b"),
        ("./a", "a"),
        ("a//b", "a/b"),
        ("a/./b", "a/b"),
        ("a/../b", "b"),
        ("../../a", "a"),
        ("/..", ""),
        ("", ""),
        (".", ""),
        ("/", ""),
        ("..a/b..", "..a/b.."),
        (".wh..wh..opq", ".wh..wh..opq"),
        ("a/.wh.b", "a/.wh.b"),
        ("a/...", "a/..."),
    ],
)
def test_normal(path: str, expected: str) -> None:
    assert normal(path) == expected
