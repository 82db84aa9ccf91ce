"""`files`: one image with many oddities, and each item judged on it; near misses, cheats, odd but right answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from grader.checks.files import LIMIT, Params, judge
from grader.errors import ExerciseInvalid
from grader.exercise import load
from grader.facts import Facts
from grader.facts.engine.engine import Engine
from tests.grader.conftest import facts_of

DOCKERFILE = r"""
FROM {base}
RUN mkdir -p /app /data /deep/er/est && echo 'app:x:1234:4321::/:/bin/sh' >> /etc/passwd \
    && echo 'crew:x:4321:' >> /etc/group && printf 'debug = false\nport = 8080\n' > /app/app.toml \
    && chmod 640 /app/app.toml && chown app:crew /app/app.toml && chown 1234:0 /data && chmod 1777 /data \
    && ln -s app.toml /app/link && ln -s /app /elsewhere && ln -s ../../../../../../app/app.toml /deep/er/up \
    && ln -s nowhere /app/dangling && ln -s loop-b /app/loop-a && ln -s loop-a /app/loop-b \
    && ln -s link /app/chain && ln /app/app.toml /app/hard && echo secret > /app/.env && : > /app/empty \
    && cp /bin/busybox /app/tool && chmod 4755 /app/tool && mkfifo /app/pipe \
    && echo kept > /app/first && ln /app/first /app/kept && mkdir -p /app/folder.py /volume && echo in > /volume/file \
    && ln -s /etc/passwd /app/passwd && printf '\377\376 bytes port = 8080\n' > /app/bytes \
    && { dd if=/dev/zero bs=1024 count=70 2>/dev/null; echo 'port = 8080'; } > /app/late
VOLUME /volume
RUN rm /app/.env /app/first && chmod 600 /app/empty
COPY --chown=77:88 --chmod=0444 small /app/copied
RUN rm -rf /deep/er/est && mkdir /deep/er/est && echo new > /deep/er/est/file
"""

# item: (what it says, whether it is met, a word of the message)
ITEMS: dict[str, tuple[dict[str, Any], bool, str]] = {
    "there": ({"path": "/app/app.toml"}, True, ""),
    "there, written oddly": ({"path": "//app/./app.toml"}, True, ""),
    "a folder": ({"path": "/app/"}, True, ""),
    "the root": ({"path": "/"}, True, ""),
    "not there": ({"path": "/app/nothing"}, False, "/app/nothing is not in the image"),
    "other capital letters": ({"path": "/app/App.toml"}, False, "not in the image"),
    "below a file": ({"path": "/app/app.toml/x"}, False, "not in the image"),
    "deleted later": ({"path": "/app/.env", "exists": False}, True, ""),
    "deleted later, wanted": ({"path": "/app/.env"}, False, "not in the image"),
    "must not be there, and is": (
        {"path": "/app/empty", "exists": False}, False, "/app/empty is in the image and should not be"),
    "must not be there, and is by a link": (
        {"path": "/elsewhere/link", "exists": False}, False, "(which is /app/app.toml) is in the image and"),
    "folder made anew": ({"path": "/deep/er/est/file", "contains": "^new$"}, True, ""),
    "through a link": ({"path": "/app/link", "mode": "0640", "owner": "app:crew"}, True, ""),
    "through a folder that is a link": ({"path": "/elsewhere/app.toml", "contains": "8080"}, True, ""),
    "a link out of the root stays inside": ({"path": "/deep/er/up", "contains": "^debug = false$"}, True, ""),
    "an absolute link is the image's, not ours": ({"path": "/app/passwd", "contains": "^app:x:1234:"}, True, ""),
    "a link to a link": ({"path": "/app/chain", "contains": "port"}, True, ""),
    "a link that leads nowhere": ({"path": "/app/dangling"}, False, "a link to nowhere, which leads nowhere"),
    "a link that leads nowhere is nothing": ({"path": "/app/dangling", "exists": False}, True, ""),
    "links in a circle": ({"path": "/app/loop-a"}, False, "leads nowhere"),
    "a hard link": ({"path": "/app/hard", "mode": "640", "owner": "1234:4321", "contains": "8080"}, True, ""),
    "a hard link whose first name went": ({"path": "/app/kept", "contains": "^kept$"}, True, ""),
    "a folder of that name": ({"path": "/app/folder.py", "contains": "x"}, False, ""),
    "what a volume covers": ({"path": "/volume/file", "contains": "^in$"}, True, ""),
    "mode": ({"path": "/app/app.toml", "mode": "640"}, True, ""),
    "another mode": ({"path": "/app/app.toml", "mode": "0644"}, False, "has mode 0640"),
    "mode changed later": ({"path": "/app/empty", "mode": "600"}, True, ""),
    "mode with a sticky bit": ({"path": "/data", "mode": "1777"}, True, ""),
    "mode without its sticky bit": ({"path": "/data", "mode": "777"}, False, "has mode 1777"),
    "mode with set-uid": ({"path": "/app/tool", "mode": "0755"}, False, "has mode 4755"),
    "owner by name": ({"path": "/app/app.toml", "owner": "app"}, True, ""),
    "owner by number": ({"path": "/app/app.toml", "owner": "1234"}, True, ""),
    "owner and group mixed": ({"path": "/app/app.toml", "owner": "1234:crew"}, True, ""),
    "group alone": ({"path": "/app/app.toml", "owner": ":crew"}, True, ""),
    "owner right, group not": ({"path": "/data", "owner": "app:crew"}, False, "belongs to gid 0"),
    "owner nobody has": ({"path": "/app/copied", "owner": "77:88", "mode": "0444"}, True, ""),
    "owner is root": ({"path": "/app", "owner": "app"}, False, "belongs to uid 0"),
    "owner unknown": ({"path": "/app", "owner": "nosuch"}, False, "/etc/passwd has no user with that name"),
    "group unknown": ({"path": "/app", "owner": "root:nosuch"}, False, "/etc/group has no group with that name"),
    "contains": ({"path": "/app/app.toml", "contains": "^port = 80[0-9]{2}$"}, True, ""),
    "contains across lines": ({"path": "/app/app.toml", "contains": r"false\nport"}, True, ""),
    "contains not": ({"path": "/app/app.toml", "contains": "^debug = true$"}, False, "does not contain the expected"),
    "contains in an empty file": ({"path": "/app/empty", "contains": "."}, False, "does not contain"),
    "contains in bytes that are no text": ({"path": "/app/bytes", "contains": "port = 8080$"}, True, ""),
    "contains too late": ({"path": "/app/late", "contains": "8080"}, False, "in its first 66 kB"),
    "contains in a folder": ({"path": "/app", "contains": "x"}, False, "is a folder, not a file"),
    "contains in a pipe": ({"path": "/app/pipe", "contains": "x"}, False, "is a pipe, not a file"),
    "two things of which one is wrong": (
        {"path": "/app/app.toml", "mode": "0640", "owner": "root"}, False, "belongs to uid 1234"),
}  # fmt: skip


@pytest.fixture(scope="module")
def facts(engine: Engine, base: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facts]:
    folder: Path = tmp_path_factory.mktemp("files")
    (folder / "Dockerfile").write_text(DOCKERFILE.replace("{base}", base))
    (folder / "small").write_text("x")
    with facts_of(folder, engine) as facts:
        yield facts


@pytest.mark.engine
@pytest.mark.parametrize(("item", "met", "says"), ITEMS.values(), ids=[name.replace(" ", "-") for name in ITEMS])
def test_items(item: dict[str, Any], met: bool, says: str, facts: Facts) -> None:
    found = judge(facts, Params(files=[item]))
    assert found.fraction == float(met), found
    assert says in found.message


@pytest.mark.engine
def test_each_item_its_share(facts: Facts) -> None:
    found = judge(facts, Params(files=[item for item, _, _ in ITEMS.values()]))
    assert found.fraction == pytest.approx(sum(met for _, met, _ in ITEMS.values()) / len(ITEMS))
    assert found.message.count(";") == 4
    wrong = [place.path for place in found.where]
    assert {"/app/nothing", "/data"} <= set(wrong)
    assert next(place.layer for place in found.where if place.path == "/app/empty") == 3


@pytest.mark.engine
def test_the_exercises_own_sentence_comes_first(facts: Facts) -> None:
    found = judge(facts, Params(files=[{"path": "/app/nothing"}, {"path": "/app/app.toml"}], failure="It is lost."))
    assert found.message == "It is lost. /app/nothing is not in the image."
    assert "lost" not in judge(facts, Params(files=[{"path": "/app/app.toml"}], failure="It is lost.")).message


@pytest.mark.engine
def test_a_symbolic_link_put_where_passwd_was(engine: Engine, base: str, tmp_path: Path) -> None:
    """Whose file it is is told by the image's own table, wherever that lies, and never by this machine's."""
    (tmp_path / "Dockerfile").write_text(
        f"FROM {base}\nRUN echo app:x:55:55:: > /users && ln -sf ../../users /etc/passwd && chown 55 /tmp\n"
    )
    with facts_of(tmp_path, engine) as facts:
        assert judge(facts, Params(files=[{"path": "/tmp", "owner": "app"}])).fraction == 1.0
        assert judge(facts, Params(files=[{"path": "/etc", "owner": "root"}])).fraction == 0.0


def test_the_part_of_a_file_that_is_searched_is_small() -> None:
    assert LIMIT <= 1 << 16


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ({}, "path"),
        ({"path": "app"}, "absolute"),
        ({"path": "/app/../etc"}, "without"),
        ({"path": "/a", "mode": "9"}, "octal"),
        ({"path": "/a", "mode": 0o644}, "mode"),
        ({"path": "/a", "mode": "rwxr-xr-x"}, "octal"),
        ({"path": "/a", "owner": ""}, "USER:GROUP"),
        ({"path": "/a", "owner": "a:"}, "USER:GROUP"),
        ({"path": "/a", "owner": "a b"}, "USER:GROUP"),
        ({"path": "/a", "contains": "("}, "regular expression"),
        ({"path": "/a", "exists": "no"}, "exists"),
        ({"path": "/a", "exists": False, "mode": "644"}, "with exists = false there can be no mode"),
        ({"path": "/a", "exist": False}, "exist"),
    ],
)
def test_items_that_make_no_sense(item: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Params(files=[item])


def test_no_items() -> None:
    with pytest.raises(ValidationError):
        Params(files=[])


def test_a_misspelt_key_of_an_item_is_refused_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "exercise.toml").write_text(
        'title = "t"\nlesson = "l"\nlevel = "core"\nminutes = 1\n[[check]]\nkind = "files"\ntitle = "t"\npoints = 1\n'
        'files = [{path = "/a"}, {path = "/b", contain = "x"}]\n'
    )
    with pytest.raises(ExerciseInvalid, match=r"unknown key 'files.1.contain'; did you mean 'contains'\?"):
        load(tmp_path)
