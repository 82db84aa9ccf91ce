"""The package managers of Ruby, Go and Rust."""

import pytest

from tests.grader.facts.packages.reading import of_script

CASES = [
    ("gem install rails -v 7.1 --no-document", "gem install: rails"),
    ("gem install rails:7.1", "gem install: rails:7.1"),
    ("bundle install --jobs 4", "bundle install: <manifest Gemfile> <lock Gemfile.lock>"),
    ("bundle", "bundle install: <manifest Gemfile> <lock Gemfile.lock>"),
    ("bundle exec rake", None),
    ("bundle config set x y", None),
    ("go install a.b/c@v1.2.3", "go install: a.b/c@v1.2.3"),
    ("go install ./cmd/...", "go install: ~./cmd/... <manifest go.mod> <lock go.sum>"),
    ("go get -u a.b/c", "go get: a.b/c"),
    ("go run a.b/c@latest x y", "go run: a.b/c@latest"),
    ("go mod download", "go mod download: <manifest go.mod> <lock go.sum>"),
    ("go build -ldflags '-s -w' -o /x ./cmd", "go build: <manifest go.mod> <lock go.sum>"),
    ("go version", None),
    ("cargo install --locked ripgrep --version 14.1", "cargo install: ripgrep"),
    ("cargo install ripgrep@14.1", "cargo install: ripgrep@14.1"),
    ("cargo install --git https://x/y --rev abc", "cargo install: https://x/y"),
    ("cargo +nightly install a", "cargo install: a"),
    ("cargo install --path .", "cargo install: <manifest Cargo.toml> <lock Cargo.lock>"),
    ("cargo build --release --locked", "cargo build: <manifest Cargo.toml> <lock Cargo.lock>"),
    ("cargo fmt", None),
]


@pytest.mark.parametrize(("script", "expected"), CASES, ids=[script for script, _ in CASES])
def test_installs(script, expected):
    assert of_script(script) == ([expected] if expected else [])
