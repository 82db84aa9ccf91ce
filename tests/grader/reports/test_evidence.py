"""The evidence of a check in words: places, single values, and tables."""

from __future__ import annotations

from typing import Any

import pytest

from grader.reports import evidence
from grader.verdict import Place


@pytest.mark.parametrize(
    ("place", "where"),
    [
        (Place(file="Dockerfile", line=7), "Dockerfile:7"),
        (Place(file="Dockerfile"), "Dockerfile"),
        (Place(file="Dockerfile", line=0), "Dockerfile"),
        (Place(step="2/3", layer=0), "step 2/3, layer 0"),
        (Place(layer=4, path="/root/.cache", bytes=9_120_004), "layer 4, /root/.cache, 9.1 MB"),
        (Place(text="just words"), ""),
    ],
)
def test_places(place: Place, where: str) -> None:
    assert evidence.spot(place.to_dict()) == evidence.Spot(where, place.text or "")


@pytest.mark.parametrize(
    ("place", "where"),
    [
        ("… and 100 more", "… and 100 more"),
        ({"line": 7}, ""),
        ({"file": "Dockerfile", "line": "7"}, "Dockerfile"),
        ({"file": "Dockerfile", "line": 10**9}, "Dockerfile"),
        ({"file": "a\nb\x1b[31m"}, "a b"),
        ({"layer": "x", "bytes": "many", "path": "/p"}, "/p"),
        ({"bytes": float("nan")}, "0 bytes"),
        (["Dockerfile"], "['Dockerfile']"),
        (None, "None"),
    ],
)
def test_a_place_of_another_form(place: Any, where: str) -> None:
    assert evidence.spot(place) == evidence.Spot(where, "")


@pytest.mark.parametrize("found", [[{"path": "/x"}], ({"path": "/x"},)])
def test_the_places_of_evidence(found: Any) -> None:
    assert evidence.places({"where": found}) == found


@pytest.mark.parametrize("found", [None, "Dockerfile", {"file": "Dockerfile"}, 3])
def test_what_is_no_list_holds_no_places(found: Any) -> None:
    assert evidence.places({"where": found}) == evidence.places({}) == ()


def test_details_become_single_values_and_tables() -> None:
    facts, tables = evidence.details(
        {
            "expected": "left out here",
            "edited": ["app.py", "lib.py"],
            "image_size": {"bytes": 61_000_000, "layers": 7},
            "speedup": 12.5,
            "complete": True,
            "nothing": [],
            "seconds_rebuild": 39.4,
            "stdout": "line 1\n  line 2\n" + "more\n" * 50,
            "steps": [
                {"text": "COPY . .", "state": "reused", "seconds": 0.25},
                {"text": "RUN make", "state": "ran", "exit_code": 2},
            ],
        }
    )
    assert dict(facts) == {
        "edited": "app.py, lib.py",
        "image size": "bytes 61 MB, layers 7",
        "speedup": "12.5",
        "complete": "yes",
        "rebuild": "39 s",
        "stdout": "line 1\n  line 2" + "\nmore" * 14 + "\n… and 36 more lines",
    }
    [table] = tables
    assert (table.title, table.head) == ("steps", ("text", "state", "time", "exit code"))
    assert table.rows == (("COPY . .", "○ reused", "250 ms", ""), ("RUN make", "● ran", "", "2"))


def test_a_long_table_says_how_much_is_left_out() -> None:
    _, [table] = evidence.details({"files": [{"path": f"/{number}"} for number in range(100)]})
    assert (len(table.rows), table.left_out) == (evidence.ROWS, 100 - evidence.ROWS)


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("seconds", 0.25, ("time", "250 ms")),
        ("seconds_rebuild", 39.4, ("rebuild", "39 s")),
        ("seconds", True, ("time", "yes")),
        ("bytes", 61_000_000, ("bytes", "61 MB")),
        ("size", 1000, ("size", "1.0 kB")),
        ("sizes", 1000, ("sizes", "1000")),
        ("complete", False, ("complete", "no")),
        ("state", "reused", ("state", "reused")),
        ("state", ["reused", "ran", "unknown"], ("state", "○ reused, ● ran, unknown")),
        ("states", ["reused"], ("states", "reused")),
        ("many", list(range(30)), ("many", ", ".join(map(str, range(24))) + ", …")),
        ("nested", {"a": {"b": True}}, ("nested", "a b yes")),
        ("a_key\n", "x\x1b[31m", ("a key", "x")),
        ("zero", 0, ("zero", "0")),
    ],
)
def test_a_single_value(key: str, value: Any, shown: tuple[str, str]) -> None:
    assert evidence.details({key: value}) == ((shown,), ())


@pytest.mark.parametrize("value", [None, "", [], {}, ()])
def test_what_says_nothing_is_left_out(value: Any) -> None:
    assert evidence.details({"a": value, "expected": "x", "found": "x", "where": [{"path": "x"}]}) == ((), ())


def test_only_so_many_keys_rows_and_columns() -> None:
    row = {f"c{number}": number for number in range(evidence.COLUMNS + 1)}
    facts, tables = evidence.details({f"k{number}": 1 for number in range(100)} | {"rows": [row]})
    assert (len(facts), tables) == (evidence.ROWS, ())
    _, [table] = evidence.details({"rows": [row, "no row", {"c0": 9}]})
    assert table.head == ("c0", "c1", "c2", "c3", "c4", "c5")
    assert table.rows == (("0", "1", "2", "3", "4", "5"), ("9", "", "", "", "", ""))
    assert table.left_out == 1
