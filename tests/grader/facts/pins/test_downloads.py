"""How firmly downloads are named, and what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.grader.facts.pins.reading import dependencies, packages

SHA = "sha256:" + "a" * 64
COMMIT = "0123456789" * 4
CHECK = f"echo '{'a' * 64}  a' | sha256sum -c -"


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("ADD https://x.org/a /", ["https://x.org/a none"]),
        (f"ADD --checksum={SHA} https://x.org/a /", ["https://x.org/a digest"]),
        ("ADD --checksum=sha256:$SUM https://x.org/a /", ["?https://x.org/a none"]),
        (f"ADD https://x.org/a.git#{COMMIT} /", [f"https://x.org/a.git#{COMMIT} digest"]),
        (f"ADD --checksum={COMMIT} https://x.org/a.git#v1 /", ["https://x.org/a.git#v1 digest"]),
        ("ADD https://x.org/a.git#v1 /", ["https://x.org/a.git#v1 none"]),
        ("ADD https://x.org/a.git#$REF /", ["?https://x.org/a.git# none"]),
        ("RUN curl -o a https://x.org/a", ["https://x.org/a none"]),
        (f"RUN curl -o a https://x.org/a && {CHECK}", ["https://x.org/a digest"]),
        ("RUN curl https://x.org/a > /dev/null", []),
        ("RUN curl -s https://x.org/a", []),
        ("RUN curl -o a http://localhost/a", []),
        ("RUN curl -o a http://[::1]:80/a", []),
        ("RUN curl -o a -x proxy:1 http://localhost/a", ["http://localhost/a none"]),
        ("RUN curl -o a http://[bad/a", ["http://[bad/a none"]),
        ("RUN git clone https://x.org/a", ["https://x.org/a none"]),
        (f"RUN git clone https://x.org/a && git -C a checkout {COMMIT}", ["https://x.org/a digest"]),
    ],
)
def test_how_firmly(tmp_path: Path, step: str, expected: list[str]) -> None:
    assert packages(tmp_path, step) == expected


@pytest.mark.parametrize(
    ("step", "manager"),
    [("ADD https://x.org/a /", "http"), ("ADD https://x.org/a.git /", "git"), ("RUN git clone https://x.org/a", "git"),
     ("RUN curl https://x.org/a | sh", "http")],
)  # fmt: skip
def test_whose_rules(tmp_path: Path, step: str, manager: str) -> None:
    (_, thing) = dependencies(tmp_path, f"FROM x:1\n{step}\n")
    assert (thing.manager, thing.line, thing.place.line) == (manager, 2, 2)


def test_what_runs_as_it_arrives_is_said(tmp_path: Path) -> None:
    (_, thing) = dependencies(tmp_path, "FROM x:1\nRUN curl https://x.org/a | bash\n")
    assert "bash" in thing.why
