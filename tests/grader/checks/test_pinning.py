"""`pinning`: near misses, cheats, and odd but right answers; most stand in cases/pinning/.

A name after `?` there cannot be shown to be pinned.
"""

from __future__ import annotations

import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from grader.checks.pinning import Params, judge
from grader.errors import RegistryUnavailable
from grader.facts import Facts
from grader.facts.pins.pip import MAX_REQUIREMENTS
from grader.facts.registry.documents import MANIFESTS
from grader.settings import BuildSettings
from grader.submission import Submission
from grader.verdict import Status, Verdict

CASES = Path(__file__).with_name("cases") / "pinning"
SHA = "sha256:" + "a" * 64
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CHECK = f"echo '{'a' * 64}  a' | sha256sum -c -"
DEBIAN = "FROM debian:trixie-slim\n"


def verdict(tmp_path: Path, dockerfile: str, files: dict[str, str], settings: BuildSettings, **params: Any) -> Verdict:
    folder = tmp_path / "handed-in"
    for name, content in {"Dockerfile": dockerfile, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    with Submission.open(folder, settings) as submission, Facts(submission) as facts:
        return judge(facts, Params(**params))


def unpinned(found: Verdict) -> list[str]:
    """Names of what is not pinned, with `?` before what cannot be shown to be."""
    things = [thing for thing in found.details["things"] if not thing["pinned"]]
    return [("?" if thing["why"].startswith("cannot be shown") else "") + thing["name"] for thing in things]


def cases() -> Iterator[Any]:
    for file in sorted(CASES.glob("*.toml")):
        for case in tomllib.loads(file.read_text())["case"]:
            params = {"bases": case["bases"]} if file.stem == "images" else {"packages": [file.stem]}
            case_id = f"{file.stem}: {case['name']}"
            yield pytest.param(case["dockerfile"], case.get("files", {}), params, case["unpinned"], id=case_id)


@pytest.mark.parametrize(("dockerfile", "files", "params", "expected"), list(cases()))
def test_cases(
    tmp_path: Path, dockerfile: str, files: dict[str, str], params: dict[str, Any], expected: list[str]
) -> None:
    found = verdict(tmp_path, dockerfile, files, BuildSettings(), **params)
    assert unpinned(found) == expected
    assert (found.status is Status.PASSED) == (not expected)


DOWNLOADS: dict[str, tuple[str, int]] = {
    "ADD of an address": ("ADD https://x.org/a.tgz /", 1),
    "ADD with a checksum": (f"ADD --checksum={SHA} https://x.org/a.tgz /", 0),
    "ADD of a repository": ("ADD https://github.com/x/y.git#main /y", 1),
    "ADD of a commit": (f"ADD https://github.com/x/y.git#{COMMIT} /y", 0),
    "ADD of a file": ("ADD a.tgz /", 0),
    "curl into a shell": ("RUN curl -fsSL https://x.org/install.sh | sh", 1),
    "curl into a file": ("RUN curl -fsSLo /a https://x.org/a", 1),
    "curl, then its checksum": (f"RUN curl -fsSLo a https://x.org/a && echo '{'a' * 64}  a' | sha256sum -c -", 0),
    "curl, then a checksum no one heeds": (
        f"RUN curl -fsSLo a https://x.org/a && echo '{'a' * 64}  a' | sha256sum -c - || true", 1),
    "curl of this machine": ("RUN curl -fo /a http://localhost:8080/", 0),
    "wget": ("RUN wget https://x.org/a", 1),
    "git clone of a branch": ("RUN git clone -b v1 https://github.com/x/y", 1),
    "git clone, then a commit": (f"RUN git clone https://github.com/x/y && cd y && git checkout {COMMIT}", 0),
    "git clone, a commit, then a branch": (
        f"RUN git clone https://github.com/x/y && cd y && git checkout {COMMIT} && git checkout main", 1),
    "git clone, a commit, its submodules": (f"RUN git clone https://github.com/x/y && cd y && git checkout {COMMIT} && "
                                            "git submodule update --init --recursive", 0),
    "git clone, a commit, newer submodules": (f"RUN git clone https://github.com/x/y && cd y && git checkout {COMMIT} "
                                              "&& git submodule update --init --remote", 1),
    "git fetch of a branch": ("RUN git init y && cd y && git fetch https://x.org/y main && git checkout FETCH_HEAD", 1),
    "git fetch of a commit": (
        f"RUN git init y && cd y && git fetch https://x.org/y {COMMIT} && git checkout FETCH_HEAD", 0),
    # The checksum comes from where the file comes from, or is made from it
    "a list that is fetched too": ("RUN curl -fO https://x.org/a && curl -fO https://x.org/a.sha256 && "
                                   "sha256sum -c a.sha256", 2),
    "a part of a list that is fetched": ("RUN curl -fO https://x.org/a && curl -fO https://x.org/SHA256SUMS && "
                                         "grep a SHA256SUMS | sha256sum -c -", 2),
    "a list made of what arrived": (
        "RUN curl -fO https://x.org/a && sha256sum a > a.sha256 && sha256sum -c a.sha256", 1),
    "a list made of what arrived, by another name": (
        "RUN curl -fO https://x.org/a && ln -s list a.sha256 && sha256sum a > list && sha256sum -c a.sha256", 1),
    "a list of the context, by another name": (
        "RUN curl -fO https://x.org/a && ln -s /sums/a.sha256 . && sha256sum -c a.sha256", 0),
    # A failed check that ends nothing
    "a check in a branch": (f"RUN curl -fo a https://x.org/a && if false; then {CHECK}; fi", 1),
    "a check turned round": (f"RUN curl -fo a https://x.org/a && ! {CHECK}", 1),
    "a check in a function nobody calls": (f"RUN c() {{ {CHECK}; }}; curl -fo a https://x.org/a", 1),
    "a check in a list that may fail": (f"RUN curl -fo a https://x.org/a && {CHECK} && chmod 755 a || true", 1),
    "a check in a group that may fail": (f"RUN curl -fo a https://x.org/a; ({CHECK}); sh a", 1),
    "a check in a shell that may fail": (f'RUN curl -fo a https://x.org/a; sh -c "{CHECK}"; sh a', 1),
    # What is asked, and whom
    "an option that looks like another": ("RUN curl -o /a -H '--head' https://x.org/a", 1),
    "another machine under this one's name": ("RUN curl -o /a --connect-to ::x.org:443 http://localhost/", 1),
    "addresses from a file": ("RUN curl -K /c && wget -i /c", 2),
    # Odd but right
    "a check in each branch": ("RUN set -eux; case $(uname -m) in x86_64) curl -fo a https://x.org/a; "
                               f"{CHECK} ;; *) exit 1 ;; esac", 0),
    "a fetch in a branch, the check behind": (
        f"RUN set -e; if [ ! -f a ]; then curl -fo a https://x.org/a; fi; {CHECK}; sh a", 0),
    "a list that is signed": ("RUN gpg --import k && curl -fO https://x.org/a && curl -fO https://x.org/SHA256SUMS && "
                              "curl -fO https://x.org/SHA256SUMS.asc && gpg --verify SHA256SUMS.asc SHA256SUMS && "
                              "grep a SHA256SUMS | sha256sum -c -", 0),
    "a list written beforehand": (
        f"RUN wget -qO a https://x.org/a && echo '{'a' * 64} *a' > s && sha256sum --check --strict s", 0),
    "a check in braces": (f"RUN curl -fo a https://x.org/a && {{ {CHECK}; }} && sh a", 0),
    "a check that says why it ends": (
        f"RUN curl -fo a https://x.org/a; {CHECK} || {{ echo 'not what it was'; exit 1; }}", 0),
}  # fmt: skip


@pytest.mark.parametrize(("line", "count"), DOWNLOADS.values(), ids=DOWNLOADS)
def test_downloads(tmp_path: Path, line: str, count: int) -> None:
    found = verdict(tmp_path, DEBIAN + line + "\n", {"a.tgz": "x"}, BuildSettings(), downloads=True)
    assert len(unpinned(found)) == count


@pytest.mark.parametrize(
    ("name", "line", "install"),
    [("r.txt", "a{}==1\n", "-r r.txt"), ("setup.cfg", "    a{}==1\n", ".")],
)
def test_a_list_is_read_to_a_bound_and_the_rest_cannot_be_shown(
    tmp_path: Path, name: str, line: str, install: str
) -> None:
    head = "[options]\ninstall_requires =\n" if name == "setup.cfg" else ""
    files = {name: head + "".join(line.format(number) for number in range(MAX_REQUIREMENTS + 1))}
    found = verdict(
        tmp_path, f"FROM python:3.13\nCOPY . .\nRUN pip install {install}\n", files, BuildSettings(), packages=["pip"]
    )
    assert unpinned(found) == [f"?{name}"]


def test_each_thing_costs_its_share_and_groups_count_alike(tmp_path: Path) -> None:
    files = {"requirements.txt": "a==1.0\nb==1.0\nc==1.0\nd\n"}
    text = "FROM python:latest\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
    assert verdict(tmp_path, text, files, BuildSettings(), packages=["pip"]).fraction == 0.75
    assert verdict(tmp_path, text, files, BuildSettings(), bases="tag", packages=["pip"]).fraction == 0.375
    assert (
        verdict(tmp_path, text, files, BuildSettings(), bases="tag", packages=["pip"], downloads=True).fraction == 0.375
    )


def test_the_evidence_names_file_and_line(tmp_path: Path) -> None:
    files = {"requirements.txt": "# first\na==1.0\nb\n"}
    text = "FROM python:3.13\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
    found = verdict(tmp_path, text, files, BuildSettings(), packages=["pip"])
    assert found.status is Status.PARTIAL
    assert [(place.file, place.line, place.text) for place in found.where] == [("requirements.txt", 3, "b")]


def test_the_exercises_target_and_arguments_count(tmp_path: Path) -> None:
    text = "ARG B=python:3.13\nFROM $B AS one\nFROM python AS two\n"
    assert verdict(tmp_path, text, {}, BuildSettings(target="one"), bases="tag").fraction == 1.0
    settings = BuildSettings(target="one", args={"B": "python"})
    assert verdict(tmp_path, text, {}, settings, bases="tag").fraction == 0.0


def test_nothing_from_outside_is_pinned(tmp_path: Path) -> None:
    found = verdict(tmp_path, "FROM scratch\nCOPY a /\n", {"a": "x"}, BuildSettings(), bases="digest", downloads=True)
    assert found.status is Status.PASSED


@pytest.mark.parametrize("params", [{}, {"bases": "exact"}, {"packages": ["nuget"]}, {"packages": []}, {"pins": 1}])
def test_parameters_that_make_no_sense(params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Params(**params)


def digest_of(repository: str, tag: str) -> str:
    request = urllib.request.Request(f"http://localhost:5000/v2/{repository}/manifests/{tag}", method="HEAD")
    request.add_header("Accept", ", ".join(MANIFESTS))
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.headers["Docker-Content-Digest"])


@pytest.mark.lab
def test_a_digest_must_be_there(tmp_path: Path) -> None:
    digest = digest_of("base/busybox", "musl")
    cases = {
        f"FROM localhost:5000/base/busybox@{digest}": 1.0,
        f"FROM localhost:5000/base/busybox:no-such-tag@{digest}": 1.0,
        f"FROM localhost:5000/base/busybox:musl@{SHA}": 0.0,
        f"FROM localhost:5000/base/no-such-image@{digest}": 0.0,
        f"FROM scratch\nCOPY --from=localhost:5000/base/busybox@{digest} /bin /bin": 1.0,
    }
    for number, (text, fraction) in enumerate(cases.items()):
        found = verdict(tmp_path / str(number), text + "\n", {}, BuildSettings(), bases="digest")
        assert found.fraction == fraction, text


def test_a_registry_that_does_not_answer_gives_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(RegistryUnavailable, match="does not answer"):
        verdict(tmp_path, f"FROM localhost:1/x@{SHA}\n", {}, BuildSettings(), bases="digest")
