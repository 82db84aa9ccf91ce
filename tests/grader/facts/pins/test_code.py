"""How firmly packages of Ruby, Go and Rust are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.grader.facts.pins.reading import packages

COMMIT = "0123456789" * 4
ALL = "COPY . .\nRUN "
GEMFILE = {"Gemfile": "source 'x'\ngem 'a', '1.2'\ngem 'b', '~> 1'\ngem 'c', path: './c'\ngem('d')\n"}
GO = {"go.mod": "module x\nrequire github.com/a/b v1.0.0\n", "go.sum": "github.com/a/b v1.0.0 h1:x\n"}
CARGO = {"Cargo.toml": '[dependencies]\na = "1"\n'}


@pytest.mark.parametrize(
    ("step", "files", "expected"),
    [
        ("RUN gem install a:1.2 b", {}, ["a 1.2 version", "b none"]),
        ("RUN gem install a -v 1.2.3", {}, ["a 1.2.3 version"]),
        ("RUN gem install a -v '~> 1.2'", {}, ["a none"]),
        ("RUN gem install --local a", {}, []),
        ("RUN gem update", {}, ["gem update none"]),
        (ALL + "bundle install", GEMFILE | {"Gemfile.lock": "GEM\n  specs:\n"}, ["bundle install version"]),
        (ALL + "bundle install", GEMFILE | {"Gemfile.lock": "nothing"}, ["a 1.2 version", "b none", "d none"]),
        (
            ALL + "bundle install",
            {"Gemfile": f"gem 'a', git: 'x', ref: '{COMMIT}'\ngem 'b', github: 'x/y'\n"},
            ["a digest", "b none"],
        ),
        (ALL + "bundle update", GEMFILE, ["bundle update none"]),
        ("RUN bundle install", {}, ["?bundle install none"]),
        ("RUN go install a.b/c@v1.2.3", {}, ["a.b/c@v1.2.3 version"]),
        ("RUN go install a.b/c@1.2.3 d.e/f@latest g.h/i", {}, ["a.b/c@1.2.3 none", "d.e/f@latest none", "g.h/i none"]),
        (f"RUN go install a.b/c@{COMMIT}", {}, [f"a.b/c@{COMMIT} digest"]),
        (ALL + "go build", GO, ["go build digest"]),
        (ALL + "go build", {"go.mod": GO["go.mod"]}, ["go build version"]),
        (ALL + "go build", {"go.mod": "module x\n"}, []),
        (ALL + "go mod tidy", GO, ["go mod tidy none"]),
        ("RUN go build", {}, []),
        ("RUN go mod init x && go build", {}, []),
        ("ENV GOPROXY=off\n" + ALL + "go build", GO, []),
        (ALL + "go build -mod=vendor", GO, []),
        ("RUN cargo install a@1.2.3", {}, ["a 1.2.3 version"]),
        ("RUN cargo install a --version 1.2", {}, ["a 1.2 none"]),
        ("RUN cargo add a@1.2.3 b@=1.2.3", {}, ["a 1.2.3 none", "b =1.2.3 version"]),
        (f"RUN cargo install --git https://x/y --rev {COMMIT}", {}, ["https://x/y digest"]),
        (ALL + "cargo build --locked", CARGO | {"Cargo.lock": "x"}, ["cargo build digest"]),
        (ALL + "cargo build", CARGO | {"Cargo.lock": "x"}, ["cargo build none"]),
        (
            ALL + "cargo build",
            {"Cargo.toml": '[dependencies]\na = "=1.2.3"\nb = { path = "b" }\n'},
            ["cargo build version"],
        ),
        (ALL + "cargo build", {"Cargo.toml": "[workspace]\n"}, ["cargo build none"]),
        (ALL + "cargo build", {"Cargo.toml": "[package]\n"}, []),
        (ALL + "cargo build --offline", CARGO, []),
        ("RUN cargo build", {}, ["?cargo build none"]),
    ],
)
def test_installs(tmp_path: Path, step: str, files: dict[str, str], expected: list[str]) -> None:
    assert packages(tmp_path, step, files) == expected
