"""Who USER is, by the image's own tables."""

from __future__ import annotations

import pytest

from grader.facts.image.users import UnknownUser, User, id_of, is_number, resolve

PASSWD = (
    b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:100::/:\n7:x:0:0::/:\nlist:x:38\nbad:x:no:no::/:\n\n  app:x:5:5::/:\n"
)
GROUP = b"root:x:0:\nstaff:x:50:\n9:x:0:\n"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("", (0, 0, "root", True)),
        ("root", (0, 0, "root", True)),
        ("0", (0, 0, "root", True)),
        ("00", (0, 0, "root", True)),
        ("+0", (0, 0, "root", True)),
        ("-0", (0, 0, "root", True)),
        (":50", (0, 50, "root", True)),
        ("app", (1000, 100, "app", True)),
        ("1000", (1000, 100, "app", True)),
        ("app:staff", (1000, 50, "app", True)),
        ("app:", (1000, 100, "app", True)),
        ("app:7", (1000, 7, "app", True)),
        pytest.param("1234", (1234, 0, "", False), id="a number that nobody has, in root's group"),
        pytest.param("7", (7, 0, "", False), id="a number is no name, even if a user bears it"),
        pytest.param("1000:9", (1000, 9, "app", True), id="nor is it a group's name"),
        pytest.param("list", (38, 0, "list", True), id="a line that ends early"),
        pytest.param("bad", (0, 0, "bad", True), id="what is no number is 0: root"),
        ("2147483647", (2147483647, 0, "", False)),
    ],
)
def test_who_it_is(spec: str, expected: tuple[int, int, str, bool]) -> None:
    assert resolve(spec, PASSWD, GROUP) == User(spec, *expected)


@pytest.mark.parametrize(
    "spec", ["nobody", " app", "App", "app:none", "2147483648", "-1", "app:-1", "app:2147483648", "0x0"]
)
def test_no_container_starts(spec: str) -> None:
    with pytest.raises(UnknownUser, match="no container starts"):
        resolve(spec, PASSWD, GROUP)


def test_without_tables() -> None:
    assert resolve("0", None, None) == User("0", 0, 0, "", False)
    assert resolve("5:6", None, None) == User("5:6", 5, 6, "", False)
    with pytest.raises(UnknownUser, match="no user 'root'"):
        resolve("root", None, None)


def test_the_first_of_two_lines_counts() -> None:
    assert resolve("a", b"a:x:0:0\na:x:7:7\n", None).uid == 0
    assert resolve("a", b"\xff:x:0:0\na:x:7:7\n", None).uid == 7, "a line in another encoding harms nobody"


@pytest.mark.parametrize(("name", "number"), [("app", 1000), ("bad", 0), ("none", None), ("7", 0), ("1000", None)])
def test_id_of(name: str, number: int | None) -> None:
    assert id_of(name, PASSWD) == number
    assert id_of(name, None) is None


@pytest.mark.parametrize(
    ("text", "answer"), [("12", True), ("-1", True), ("+1", True), ("", False), ("1a", False), ("١", False)]
)
def test_what_counts_as_a_number(text: str, answer: bool) -> None:
    assert is_number(text) is answer
