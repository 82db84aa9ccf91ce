"""How firmly packages of a distribution are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.facts.pins.system import exact
from tests.grader.facts.pins.reading import packages

ENVIRONMENT = """\
name: x
dependencies:
  - a=1.2.3
  - 'b'  # no
  - pip:
    - c==1.0
    - d
channels:
  - e
"""


@pytest.mark.parametrize(
    ("ecosystem", "text", "pinned"),
    [
        ("apt", "curl=8.14.1-2", True),
        ("apt", "curl=8.*", False),
        ("apt", "curl", False),
        ("apt", "curl/stable", False),
        ("apt", "curl (= 8.14.1-2)", True),
        ("apt", "curl (>= 8)", False),
        ("apk", "curl=8.14.1-r0", True),
        ("apk", "curl==8.14.1-r0", True),
        ("apk", "curl~=8.14", False),
        ("apk", "curl>8", False),
        ("apk", "curl=8.14.1-r0@edge", True),
        ("apk", "curl@edge", False),
        ("dnf", "curl-8.14.1-1.fc42", True),
        ("dnf", "curl-1:8.14.1-1.fc42.x86_64", True),
        ("dnf", "curl", False),
        ("dnf", "python3-pip", False),
        ("dnf", "nodejs-20", False),
        ("conda", "numpy=1.26.4", True),
        ("conda", "numpy==1.26.4", True),
        ("conda", "conda-forge::numpy=1.26.4=py313_0", True),
        ("conda", "numpy=1.26", False),
        ("conda", "numpy>=1.26.4", False),
        ("conda", "numpy", False),
    ],
)
def test_exactly_one_version(ecosystem: str, text: str, pinned: bool) -> None:
    assert exact(ecosystem, text) is pinned


@pytest.mark.parametrize(
    ("step", "files", "expected"),
    [
        ("RUN apt-get install -y a=1 b", {}, ["a=1 version", "b none"]),
        ("RUN apt-get install -y a- ./b.deb '!c'", {}, []),
        ("RUN apt-get install -y $PKG", {}, ["?$PKG none"]),
        ("RUN apt-get upgrade -y", {}, ["apt-get upgrade none"]),
        ("RUN apt-get install --simulate a", {}, []),
        ("RUN apt-get install -S 20250101T000000Z a", {}, ["a version"]),
        ("COPY l .\nRUN xargs -a l apt-get install", {"l": "a=1\nb # c\n"}, ["a=1 version", "b none"]),
        ("RUN xargs -a l apt-get install", {}, ["?/app/l none"]),
        ("RUN apk add a=1-r0 b", {}, ["a=1-r0 version", "b none"]),
        ("RUN conda update --all", {}, ["conda update none"]),
        ("COPY l .\nRUN conda install --file l", {"l": "@EXPLICIT\nhttps://x/a.conda#00\n"}, []),
        (
            "COPY e.yml .\nRUN conda env create -f e.yml",
            {"e.yml": ENVIRONMENT},
            ["a=1.2.3 version", "b none", "d (pip) none"],
        ),
    ],
)
def test_installs(tmp_path: Path, step: str, files: dict[str, str], expected: list[str]) -> None:
    assert packages(tmp_path, step, files) == expected
