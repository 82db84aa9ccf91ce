"""What the words of an exercise mean: which steps, and which they only look like."""

from __future__ import annotations

import pytest

from grader.facts.build.step_patterns import check, means
from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve
from grader.facts.dockerfile.resolved import Step


def steps(text: str) -> tuple[Step, ...]:
    return resolve(parse(f"FROM alpine\nARG dir=src\n{text}\n")).target.image_steps()


CASES = [
    ("pip install", "RUN pip install flask", True),
    ("pip install", "RUN pip --quiet install -r r.txt", True),
    ("pip install", "RUN apt-get update && pip3.13 install flask", True),
    ("pip install", "RUN python3 -m pip install flask", True),
    ("pip install", "RUN uv pip install flask", True),
    ("pip install", "RUN pip-sync", True),
    ("pip install", "RUN uv pip sync requirements.txt", True),
    ("pip install", "RUN python -m piptools sync", True),
    ("pip install", "RUN python -mpip install x", True),
    ("pip install", "RUN python3.13 -Im pip install x", True),
    ("pip install", "RUN python -W ignore -m pip --quiet install x", True),
    ("pip install", "RUN python -c 'print()' -m pip install x", False),
    ("pip install", "RUN python tool.py -m pip install x", False),
    ("pip install", "RUN python -mpip install --dry-run x", False),
    ("pip install", "RUN pip-sync --dry-run", False),
    ("pip install", "RUN pip-compile", False),
    ("pip install", "RUN uv sync", False),
    ("pip install", "RUN /usr/bin/pip3 install flask", True),
    ("pip install", 'RUN ["pip", "install", "flask"]', True),
    ("pip install", "RUN sh -c 'pip install flask'", True),
    ("pip install", "RUN <<E\npip install flask\nE", True),
    ("pip install", "RUN tool=pip; $tool install flask", True),
    ("pip install", "RUN sudo -u app pip install flask", True),
    ("pip install", "RUN echo pip install flask", False),
    ("pip install", "RUN true # pip install", False),
    ("pip install", "RUN pip download flask && make install", False),
    ("pip install", "RUN pip install --dry-run flask", False),
    ("pip install --dry-run", "RUN pip install --dry-run flask", True),
    ("pip install", "RUN pip install --help", False),
    ("pip install", "CMD pip install flask", False),
    ("pip install", "COPY pip install", False),
    ("pip", "RUN pipx install x", False),
    ("python", "RUN python3.13 x.py", True),
    ("RUN", "RUN anything", True),
    ("RUN pip install", "RUN pip install flask", True),
    ("RUN pip install", "RUN make", False),
    ("RUN --mount=type=cache,target=/c pip", "RUN --mount=type=cache,target=/c pip install x", True),
    ("RUN --mount=type=cache,target=/c pip", "RUN pip install x", False),
    ("COPY . .", "COPY . .", True),
    ("COPY . .", "COPY ./ ./", True),
    ("COPY . .", "COPY requirements.txt .", False),
    ("COPY src", "COPY src /app/", True),
    ("COPY src", "COPY ./src/ /app/", True),
    ("COPY src", "COPY a src b /app/", True),
    ("COPY src", "COPY a src", False),
    ("COPY src", "COPY $dir /app/", True),
    ("COPY $dir", "COPY $dir /app/", True),
    ("COPY src", "ADD src /app/", False),
    ("COPY --from=build", "COPY --from=build /a /b", True),
    ("COPY --from=build /a", "COPY /a /b", False),
    ("ADD https://example.com/a//b", "ADD https://example.com/a//b /x", True),
    ("ADD https://example.com/a/b", "ADD https://example.com/a//b /x", False),
    ("WORKDIR /app", "WORKDIR /app/", True),
    ("WORKDIR /app", "WORKDIR /app/src", False),
    ("WORKDIR", "WORKDIR /x", True),
    ("npm ci | yarn install", "RUN yarn install", True),
    ("npm ci | yarn install", "RUN npm install", False),
    ("npm ci | COPY src", "COPY src .", True),
]


@pytest.mark.parametrize(("pattern", "text", "meant"), CASES)
def test_which_steps_are_meant(pattern: str, text: str, meant: bool) -> None:
    assert any(means(pattern, step) for step in steps(text)) is meant


def test_what_a_script_runs_is_the_runs_own() -> None:
    run = steps("RUN ./install.sh")[-1]
    script = steps("RUN pip install flask")
    assert not means("pip install", run)
    assert means("pip install", run, script)
    assert not means("pip install", steps("COPY a b")[-1], script), "only a RUN runs scripts"


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        ("  pip   install ", "pip install"),
        ("a|b", "a|b"),
        ("npm ci  |  yarn", "npm ci | yarn"),
        ("RUN", "RUN"),
        ("copy x", "copy x"),
    ],
)
def test_white_space_is_evened_out(pattern: str, kept: str) -> None:
    assert check(pattern) == kept


@pytest.mark.parametrize(
    ("pattern", "says"),
    [("", "expected words"), (" ", "expected words"), ("a | ", "expected words"), ("| a", "expected words"),
     ("ENV A", "ENV runs nothing"), ("FROM x", "FROM runs nothing"), ("pip | USER x", "USER runs nothing")],
)  # fmt: skip
def test_what_means_no_step(pattern: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        check(pattern)
