"""The views of images as a notebook sees them, without one: pictures, searches, bounds, hostile names."""

from __future__ import annotations

import html
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

import layerwise as lw
from layerwise.errors import LabError
from layerwise.views import anatomy as anatomies
from layerwise.views import listing
from layerwise.views.diff import Diff, differences, settings
from layerwise.views.layers import Layers
from layerwise.views.sizes import Sizes

from .archives import anatomy, image

HOSTILE = ["<img src=x onerror=alert(1)>", "a\x1b[31mred", "line\nbreak", "right\u202eleft", "'\"&"]


def search(view: Layers | Diff, text: object) -> str:
    """What a search in the live part shows, all lists together."""
    view._hear(None, {"do": "search", "text": text}, [])
    assert view.widget.fault == ""
    return "".join(view.widget.lists.values())


def paths(shown: str) -> list[str]:
    return re.findall(r'<td title="([^"]*)">', shown)


def test_a_picture_says_all_in_words_too() -> None:
    view = Layers(anatomy({"a": b"1" * 100}, {"b": b"22"}, {".wh.b": b""}, base=1))
    picture = view.html()
    for word in (
        "test:1",
        "base:1",
        "comes with the base image",
        "RUN 3",
        "own: 1 removed",
        "2 bytes</span> of it waste",
    ):
        assert word in picture, word
    assert "hidden by layer 3, and still shipped" in picture
    assert "out of sight, but still in a layer below" in picture
    assert picture.count("data-list=") == 3
    assert "1 base" in view.text()


TOKEN = "ghp_" + "A8dK2mQ9xZ4vN7bT1cR5yW3eU6iO0pLsJhGf"


def test_a_secret_has_a_lock_wherever_it_shows() -> None:
    files = {"big": b"1" * 100_000} | {f"{number}": b"12345678" for number in range(20)} | {"key": TOKEN.encode()}
    taken = anatomy({"a": TOKEN.encode()}, files, {".wh.key": b""}, base=1, config={"Env": [f"X={TOKEN}"]})
    picture = Layers(taken).html()
    assert picture.count('aria-label="secret"') == 3, "the config, the layer, the file; what the base holds is its own"
    assert "holds a secret: GitHub token" in picture
    assert re.search(r"GitHub token in the config \(<code>Env</code>\)", picture)
    assert paths(Layers(taken).first_rows(1))[0] == "/key", "what matters comes first"
    assert TOKEN not in picture


def test_what_is_too_big_to_search_is_not_called_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anatomies, "MAX_SEARCHED", 1000)
    assert "Not searched for secrets" in Layers(anatomy({"a": b"1"})).html()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_spelt_out(name: str) -> None:
    before, after = anatomy({"a": b"1"}), anatomy({name: b"1"}, history=[(f"RUN {name}", True)])
    after = anatomies.Anatomy(name, after.image, name, 0)
    for view in (Layers(after), Diff(before, after)):
        for shown in (view.html(), search(view, name[:2])):
            assert name not in shown
            assert "<img" not in shown
            assert "onerror=alert(1)&gt;" in shown or "onerror" not in shown
            assert not any(char in shown for char in "\x1b\n\u202e")
        assert "\x1b" not in view.text() + view.html()
    sizes = Sizes([after])
    assert name not in sizes._repr_html_()
    assert "\x1b" not in repr(sizes)


def test_a_name_that_is_no_text_can_be_sent_to_a_browser() -> None:
    view = Layers(anatomy({"caf\udce9": b"1"}))
    view.html().encode()
    assert r"/caf\xe9" in search(view, "caf")


def test_a_name_of_a_thousand_letters_is_cut_in_the_middle() -> None:
    shown = search(Layers(anatomy({"d/" * 600 + "end": b"1"})), "end")
    assert "… " in shown
    assert len(shown) < 3000


@pytest.mark.long
def test_a_hundred_thousand_files_stay_in_the_kernel() -> None:
    view = Layers(anatomy({f"d/{number:06}": b"" for number in range(100_000)} | {"d/big": b"1" * 100}))
    assert len(view.html()) < 10_000
    assert paths(view.first_rows(0))[0] == "/d/big", "the biggest comes first"
    assert "and 99,993 more" in view.html()
    shown = search(view, "0999")
    assert view.widget.said == "120 entries in 1 layer."
    assert len(paths(shown)) == 100
    view._hear(None, {"do": "more", "list": 0}, [])
    assert len(paths(view.widget.lists["0"])) == 120
    assert search(view, "") == view.first_rows(0)
    view._hear(None, {"do": "more", "list": 0}, [])
    assert len(paths(view.widget.lists["0"])) == listing.MOST
    assert "search for the rest" in view.widget.lists["0"]


def test_many_layers_share_the_room() -> None:
    view = Layers(anatomy(*({f"{layer}/{number}": b"" for number in range(30)} for layer in range(100))))
    assert len(paths(view.html())) <= listing.FIRST_OF_ALL
    search(view, "/1")
    assert len(paths("".join(view.widget.lists.values()))) <= listing.MOST


def test_a_search_takes_capitals_and_slashes_as_they_come() -> None:
    view = Layers(anatomy({"etc/Passwd": b"1"}, {".wh.etc": b"", "x": b"1"}))
    assert paths(search(view, "/ETC/pass")) == ["/etc/Passwd"]
    assert view.widget.hits == {"0": 1, "1": 0}
    search(view, "nothing like it")
    assert view.widget.said == "No path contains that."
    search(view, "")
    assert view.widget.hits == {}


@pytest.mark.parametrize("message", [{"do": "more", "list": "0"}, {"do": "more", "list": 99}, {"do": "search"}])
def test_a_message_that_makes_no_sense_changes_nothing(message: dict[str, object]) -> None:
    view = Layers(anatomy({"a": b"1"}))
    view._hear(None, message, [])
    assert view.widget.fault == ""
    assert view.widget.hits == {}


# Two images


def test_what_differs_between_two_images() -> None:
    shared = {"same": b"1", "mode": b"1", "gone": b"1", "d/x": b"1"}
    before = image(shared, {"size": b"1", "content": b"one", "again": b"aaa"})
    after = image(shared, {"size": b"22", "content": b"two", "again": b"aaa", ".wh.gone": b"", "new": b"1"})
    assert [(change.what, change.path, change.note) for change in differences(before, after)] == [
        ("changed", "content", "same size, other content"),
        ("changed", "size", "was 1 byte"),
        ("removed", "gone", ""),
        ("added", "new", ""),
    ]
    assert differences(after, after) == []


def test_settings_are_compared_one_by_one() -> None:
    before = {"config": {"Env": ["A=1", "B=2"], "Cmd": ["sh"], "Labels": {"x": "1"}, "Hostname": "one"}}
    after = {"config": {"Env": ["A=1", "B=3"], "Cmd": ["sh"], "User": "app", "Hostname": "two"}}
    assert settings(before, after) == {"Env B": ("2", "3"), "Label x": ("1", ""), "User": ("", "app")}
    assert settings({}, {"config": None}) == {}


def test_a_comparison_shows_what_is_shared() -> None:
    view = Diff(anatomy({"a": b"1"}, {"b": b"1"}), anatomy({"a": b"1"}, {"c": b"1"}, config={"User": "<b>"}))
    assert "1 layer shared; 1 only in the first, 1 only in the second." in view.html()
    assert "&lt;b&gt;" in view.html()
    assert paths(search(view, "c")) == ["/c"]
    assert view.text().splitlines()[1:] == ["1 path added", "0 paths changed", "1 path removed", "User:  -> <b>"]


# On an engine


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, base: str) -> Iterator[str]:
    """An image of four layers, one of which hides what another brought."""
    folder = tmp_path_factory.mktemp("context")
    (folder / "Dockerfile").write_text(
        f"FROM {base}\nENV A=1\nRUN echo secret > /key && touch '/<b>'\nWORKDIR /app\nRUN rm /key\n"
    )
    name = f"layerwise-test:{uuid4().hex}"
    docker("build", "--quiet", f"--tag={name}", str(folder))
    yield name
    docker("image", "rm", "--force", name)


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.engine
def test_a_built_image(built: str, base: str) -> None:
    view = lw.layers(built)
    assert view.anatomy.base == base
    assert view.anatomy.base_layers == 1
    assert [part.instruction.split()[0] for part in view.anatomy.slices[1:]] == ["RUN", "WORKDIR", "RUN"]
    assert [step.layer for step in view.anatomy.steps if step.instruction == "ENV A=1"] == [None]
    files = [change for change in view.anatomy.slices[1].changes if change.kind == "file"]
    assert [(change.path, change.hidden) for change in files] == [("key", 3), ("<b>", None)]
    assert [change.path for change in view.anatomy.slices[2].changes] == ["app"]

    compared = lw.diff(base, built)
    assert {"app", "<b>"} <= {change.path for change in compared.files["added"]}
    assert compared.settings["Env A"] == ("", "1")

    _, stored, sent = lw.sizes(built).rows[0]
    assert stored[0] > sent[0] > 0
    assert stored[1] > sent[1] > 0
    assert html.escape(built) in lw.sizes(built)._repr_html_()


@pytest.mark.engine
def test_an_image_that_is_gone_after_it_was_shown(built: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {built}\nRUN echo {uuid4().hex} > /other\n")
    name = f"layerwise-test:{uuid4().hex}"
    docker("build", "--quiet", f"--tag={name}", str(tmp_path))
    view = lw.layers(name)
    docker("image", "rm", "--force", name)
    view._hear(None, {"do": "search", "text": "other"}, [])
    assert view.widget.said == "1 entry in 1 layer.", "what was measured stays"


@pytest.mark.engine
@pytest.mark.parametrize("view", [lw.layers, lw.sizes, lambda name: lw.diff(name, name)])
def test_an_unknown_image_is_one_line(view: object) -> None:
    with pytest.raises(LabError, match=r"the engine has no image 'layerwise-test:none'.*docker pull") as fault:
        view("layerwise-test:none")  # type: ignore[operator]
    assert fault.value._render_traceback_() == [str(fault.value)]  # type: ignore[attr-defined]
