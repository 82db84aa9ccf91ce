"""Edits that a step takes out again, told apart from a compiler that makes the same of an edited source."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from grader.facts.build.build_log import BuildLog, Vertex
from grader.facts.build.edits import Edit
from grader.facts.build.filters import _came_as_it_was, borders, has_twin
from grader.facts.build.steps import match
from grader.facts.context.build_context import BuildContext
from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve

SOURCE = b"import os\n\na = 1\nb = 2\nprint(a)\n"
EDIT = Edit("src/app.py", SOURCE, b"import os\n\na = 1\n_X = 5\nb = 2\nprint(a)\n", "statement")
PAGE = Edit("page.html", b"<p>\na\n</p>\n", b"<p>\na\n</p>\n<!-- x -->\n", "comment")
NOTED = Edit("a.toml", b"# mine\na = 1\n", b"# mine\na = 1\n# x\n", "comment")
JSON = Edit("a.json", b'{\n"a": 1,\n"b": 2\n}\n', b'{\n"x": "y",\n"a": 1,\n"b": 2\n}\n', "key")
SHORT = Edit("pkg/__init__.py", b"from .a import b\n", b"from .a import b\n_X = 1\n", "statement")
LONE = Edit("app.py", b'print("hi")\n', b'print("hi")\n_X = 1\n', "statement")


@pytest.mark.parametrize(
    ("edit", "files", "lost"),
    [
        # taken out, or put back
        (EDIT, {"taken/app.py": SOURCE}, True),
        (EDIT, {"taken/deep/app.py": SOURCE}, True),
        (EDIT, {"taken/other.py": SOURCE}, True),
        (EDIT, {"taken/app.py": SOURCE.replace(b"\n", b" \r\n")}, True),
        (EDIT, {"taken/app.py": b"# new\n" + SOURCE}, True),
        (LONE, {"taken/app.py": LONE.before}, True),
        (NOTED, {"taken/a.toml": NOTED.before}, True),
        (JSON, {"taken/a.json": JSON.before}, True),
        # it came through
        (EDIT, {"taken/app.py": EDIT.after}, False),
        (EDIT, {"taken/app.py": SOURCE, "taken/copy.py": EDIT.after}, False),
        (EDIT, {"taken/app.py": b"a = 1\n_X = 5\nb = 2\nprint(a)\nimport os\n"}, False),
        # something else was made of it
        (EDIT, {}, False),
        (EDIT, {"taken/app.pyc": b"\\0compiled"}, False),
        (EDIT, {"taken/app.py": b"import os;a=1;b=2;print(a)"}, False),
        (EDIT, {"taken/requirements.txt": b"six\n"}, False),
        (PAGE, {"taken/page.html": PAGE.before}, False),
        (NOTED, {"taken/a.toml": b"a = 1\n"}, False),
        (JSON, {"taken/a.json": b'{"a": 1}'}, False),
        # another file of that name
        (EDIT, {"taken/app.py": b"import sys\nc = 1\nd = 2\n"}, False),
        (SHORT, {"taken/site-packages/x/__init__.py": SHORT.before}, False),
        (SHORT, {"taken/pkg/__init__.py": SHORT.before}, True),
    ],
)
def test_what_came(edit: Edit, files: Mapping[str, bytes], lost: bool, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    assert _came_as_it_was(tmp_path / "a.tar", edit) == lost


@pytest.mark.parametrize(
    ("other", "twin"),
    [
        ({"src/copy.py": SOURCE}, True),
        ({"old/app.py": SOURCE + b"c = 3\n"}, True),
        ({"old/app.py": b"c = 3\n"}, False),
        ({"old/other.py": SOURCE + b"c = 3\n"}, False),
        ({}, False),
    ],
)
def test_twins(other: Mapping[str, bytes], twin: bool, tmp_path: Path) -> None:
    for name, content in {"src/app.py": SOURCE, **other}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert has_twin(BuildContext(tmp_path), EDIT, {"src/app.py"}) == twin


FILE = """\
FROM alpine AS clean
COPY . /src
RUN sed
FROM alpine
COPY --from=clean /src/ /more ./
RUN --mount=type=bind,from=clean,source=/src,target=/x make
COPY . .
"""


@pytest.mark.parametrize(
    ("sed", "copy", "made", "found"),
    [
        (True, True, True, []),
        (True, False, True, [(5, 0, ("/src/", "/more"))]),
        (True, False, False, [(5, 0, ("/src/", "/more")), (6, 0, ("/src",))]),
        (False, False, False, []),
    ],
)
def test_borders(sed: bool, copy: bool, made: bool, found: list[tuple[int, int, tuple[str, ...]]]) -> None:
    def vertex(digest: str, name: str, *inputs: str, ran: bool = True) -> Vertex:
        return Vertex(digest, name, inputs, 1.0, 2.0, 1.0, not ran)

    log = BuildLog(
        True,
        1.0,
        (
            vertex("context", "[internal] load build context"),
            vertex("f", "[clean 1/3] FROM docker.io/library/alpine:latest"),
            vertex("c", "[clean 2/3] COPY . /src", "f", "context"),
            vertex("s", "[clean 3/3] RUN sed", "c", ran=sed),
            vertex("t", "[stage-1 2/4] COPY --from=clean /src/ /more ./", "f", "s", ran=copy),
            vertex(
                "m",
                "[stage-1 3/4] RUN --mount=type=bind,from=clean,source=/src,target=/x make",
                "t",
                "s",
                ran=made,
            ),
            vertex("e", "[stage-1 4/4] COPY . .", "m", "context", ran=False),
        ),
    )
    plan = resolve(parse(FILE))
    borderline = borders(plan, match(log, plan), log)
    assert [(one.step.step.line, one.stage, one.sources) for one in borderline] == found
