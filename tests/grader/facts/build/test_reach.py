"""Which steps read a file, and which make something of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.facts.build.reach import is_other_work, names_all, readers, takes_list, uses
from grader.facts.context.build_context import BuildContext
from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve
from grader.facts.dockerfile.resolved import BuildPlan


def plan(body: str) -> BuildPlan:
    return resolve(parse(f"FROM alpine AS first\n{body}\n"))


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("COPY list.txt .\nRUN a", [2, 3]),
        ("RUN a\nCOPY . .\nRUN b", [3, 4]),
        ("COPY ./sub/ x/\nRUN a", []),
        ("COPY *.txt /x/", [2]),
        ("COPY l?st.* other /x/", [2]),
        ("COPY list.txt.bak .", []),
        ("ADD --chown=1 list.txt /", [2]),
        ("ARG F=list\nCOPY $F.txt .", [3]),
        ("RUN --mount=type=bind,source=list.txt,target=/l a\nRUN b", [2, 3]),
        ("RUN --mount=target=/src a", [2]),
        ("RUN --mount=type=cache,target=/src a", []),
        ("RUN --mount=type=bind,from=busybox,target=/src a", []),
        ("COPY list.txt .\nFROM first\nRUN a", [2, 4]),
        ("COPY list.txt .\nFROM alpine\nRUN a\nCOPY --from=first /x /x\nRUN b", [2, 5, 6]),
        ("COPY list.txt .\nFROM alpine\nRUN a\nRUN --mount=from=first,target=/x b\nRUN c", [2, 5, 6]),
        ("RUN a\nFROM alpine\nCOPY --from=first list.txt .", []),
        ("ONBUILD COPY list.txt .\nONBUILD RUN a\nFROM first\nRUN b", [2, 3, 5]),
        ("COPY list.txt .\nFROM alpine\nRUN a", []),
    ],
)
def test_readers(body: str, lines: list[int]) -> None:
    made = plan(body)
    found = readers(made, ["list.txt"])
    assert [step.line for step in made.steps() if id(step) in found] == lines


@pytest.mark.parametrize(
    ("source", "reads"),
    [(".", True), ("sub", True), ("sub/", True), ("/sub/deep", True), ("sub/deep/a.py", True), ("s*", True),
     ("*", True), ("sub/*", True), ("../sub", True), ("sub/deep/b.py", False), ("deep", False), ("*.py", False)],
)  # fmt: skip
def test_a_file_in_a_folder(source: str, reads: bool) -> None:
    made = plan(f"COPY {source} /x/")
    assert bool(readers(made, ["sub/deep/a.py"])) == reads


@pytest.fixture
def context(tmp_path: Path) -> BuildContext:
    for name, text in {
        "requirements.txt": "flask\n",
        "base.txt": "six\n",
        "all.txt": "-r requirements.txt\n",
        "make.sh": "pip install -r requirements.txt\n",
        "Dockerfile": "",
    }.items():
        (tmp_path / name).write_text(text)
    return BuildContext(tmp_path)


@pytest.mark.parametrize(
    ("command", "makes"),
    [
        ("pip install -r requirements.txt", True),
        ("uv pip install --system -r /src/requirements.txt", True),
        ("pip install -r all.txt", True),
        ("pip-compile -o made.txt && pip install -r made.txt", True),
        ("pip install $(cat requirements.txt)", True),
        ("xargs pip install < requirements.txt", True),
        ("pip install .", True),
        ("sh make.sh", True),
        ("pip-sync", True),
        ("uv pip sync requirements.txt", True),
        ("pip install -U pip", False),
        ("pip install flask==3.0.0", False),
        ("cat requirements.txt && pip install -U pip", False),
        ("pip install -r base.txt", False),
        ("pip install -c requirements.txt uv", False),
        ("pip install -r requirements.txt --dry-run && pip install -U pip", False),
        ("true", False),
    ],
)
def test_what_makes_something_of_a_list(context: BuildContext, command: str, makes: bool) -> None:
    (step,) = plan(f"RUN {command}").target.steps
    assert uses(step, (), context, ["requirements.txt"]) == makes


@pytest.mark.parametrize(
    ("line", "other"),
    [
        ("RUN pip install uv", True),
        ("RUN apt-get update && apt-get install -y git", True),
        ("RUN pip install -r base.txt", True),
        ("RUN sh -c 'adduser app'", True),
        ("COPY base.txt .", True),
        ("RUN sh make.sh", False),
        ("RUN apt-get install -y git && sh make.sh", False),
        ("RUN cat *.txt", False),
        ("RUN python -c $CODE", False),
    ],
)
def test_what_need_not_read_the_file(context: BuildContext, line: str, other: bool) -> None:
    (step,) = plan(line).target.steps
    assert is_other_work(step, (), context) == other


@pytest.mark.parametrize(
    ("body", "takes", "names"),
    [
        ("RUN pip install -r requirements.txt", True, False),
        ("RUN pip wheel -w /w -r all.txt", True, False),
        ("RUN pip install -r base.txt", False, False),
        ("RUN pip install flask==3.0.0 six", False, True),
        ("RUN python -mpip install flask", False, True),
        ("RUN cat requirements.txt && pip install flask", False, True),
        ("RUN pip install uv && pip install -r requirements.txt", True, False),
        ("RUN pip install -c requirements.txt flask", False, False),
        ("RUN pip install $(cat requirements.txt)", True, False),
        ("RUN xargs pip install < requirements.txt", True, False),
        ("RUN while read one; do pip install $one; done < requirements.txt", True, False),
        ("RUN pip install ./flask.whl", True, False),
        ("RUN pip install --no-index -f /w flask", False, False),
        ("RUN pip install --find-links=/w flask", False, False),
        ("ENV PIP_CONSTRAINT=requirements.txt\nRUN pip install flask", False, False),
        ("RUN PIP_REQUIREMENT=requirements.txt pip install flask", False, False),
        ("RUN npm ci", True, False),
        ("RUN npm install express@4", False, True),
        ("RUN pip install --dry-run flask", False, False),
        ("RUN make", False, False),
        ("COPY . .", False, False),
    ],
)
def test_what_a_step_installs(body: str, takes: bool, names: bool, context: BuildContext) -> None:
    step = next(iter(plan(body).stages[-1].steps[-1:]))
    assert takes_list(step, (), context, ["requirements.txt"]) is takes
    assert names_all(step) is names
