"""Things by the path they are about."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from grader.facts.pins.places import Places


def places() -> Places[str]:
    found: Places[str] = Places()
    found.add_folder("/", 0, "root")
    found.add_folder("/a", 1, "a and below")
    found.add_file("/a/b", 2, "b")
    found.add_folder("/a/b", 2, "b and below")
    found.add_file("/a/b", 4, "b again")
    found.add_file("/ab", 5, "another")
    return found


def test_what_is_about_a_path() -> None:
    found = places()
    assert [thing for _, thing in found.of("/a/b")] == ["root", "a and below", "b", "b and below", "b again"]
    assert [thing for _, thing in found.of("/a/b/c")] == ["root", "a and below", "b and below"]
    assert [thing for _, thing in found.of("/ab")] == ["root", "another"]
    assert [thing for _, thing in found.of("/")] == ["root"]
    assert list(Places[str]().of("/x")) == []


def test_what_came_before() -> None:
    found = places()
    assert [number for number, _ in found.before("/a/b", 5)] == [4, 2, 2, 1, 0]
    assert next(iter(found.before("/a/b", 3))) == (2, "b"), "the thing about this very path comes first"
    assert list(found.before("/a/b", 0)) == []


PATHS = ["/", "/a", "/a/b", "/a/b/c", "/b", "/ab"]


@given(st.lists(st.tuples(st.sampled_from(PATHS), st.booleans()), max_size=12), st.integers(0, 12))
@settings(derandomize=True, deadline=None, max_examples=100)
def test_as_if_all_were_looked_through(added: list[tuple[str, bool]], end: int) -> None:
    found: Places[int] = Places()
    for number, (path, is_folder) in enumerate(added):
        (found.add_folder if is_folder else found.add_file)(path, number, number)
    for path in PATHS:
        about = [
            number
            for number, (place, is_folder) in enumerate(added)
            if path == place or (is_folder and path.startswith(place.rstrip("/") + "/"))
        ]
        assert [number for number, _ in found.of(path)] == about
        assert [number for number, _ in found.before(path, end)] == [
            number for number in reversed(about) if number < end
        ]
