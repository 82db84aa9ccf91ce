"""How firmly JavaScript packages are named, by their arguments, package.json and lock files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from grader.facts.pins.model import Tier
from grader.facts.pins.node import specification
from tests.grader.facts.pins.reading import packages

COMMIT = "0123456789" * 4


@pytest.mark.parametrize(
    ("text", "tier"),
    [
        ("a", Tier.NONE),
        ("a@1.2.3", Tier.VERSION),
        ("@s/a@1.2.3", Tier.VERSION),
        ("@s/a", Tier.NONE),
        ("a@^1.2.3", Tier.NONE),
        ("a@1.2", Tier.NONE),
        ("a@latest", Tier.NONE),
        ("a@=1.2.3", Tier.VERSION),
        ("a@1.2.3-rc.1+b", Tier.VERSION),
        ("yarn@4.0.0+sha256.abc", Tier.VERSION),
        ("npm:b@1.2.3", Tier.VERSION),
        ("a@npm:b@^1", Tier.NONE),
        (f"x/y#{COMMIT}", Tier.DIGEST),
        ("x/y#v1", Tier.NONE),
        ("x/y", Tier.NONE),
        (f"a@git+https://x/y.git#{COMMIT}", Tier.DIGEST),
        ("https://x/a.tgz", Tier.NONE),
        (f"https://x/a.git#{COMMIT}", Tier.DIGEST),
        ("github:x/y", Tier.NONE),
    ],
)
def test_arguments(text: str, tier: Tier) -> None:
    found, why = specification(text)
    assert found is tier
    assert bool(why) is (tier is Tier.NONE)


def manifest(**sections: dict[str, str]) -> str:
    return json.dumps(sections, indent=1)


OPEN = {"package.json": manifest(dependencies={"a": "^1.0.0"}, devDependencies={"b": "^2.0.0"})}
EXACT = {"package.json": manifest(dependencies={"a": "1.0.0", "c": "file:./c"})}
LOCK = {"package-lock.json": json.dumps({"lockfileVersion": 3, "packages": {"node_modules/a": {}}})}
ALL = "COPY . .\nRUN "


@pytest.mark.parametrize(
    ("step", "files", "expected"),
    [
        (ALL + "npm ci", OPEN | LOCK, ["npm ci digest"]),
        (ALL + "npm ci", OPEN, ["?npm ci none"]),
        (ALL + "npm ci", OPEN | {"package-lock.json": "{}"}, ["npm ci none"]),
        (ALL + "npm install", OPEN | LOCK, ["a@^1.0.0 none", "b@^2.0.0 none"]),
        (ALL + "npm install --omit=dev", OPEN, ["a@^1.0.0 none"]),
        ("ENV NODE_ENV=production\n" + ALL + "npm install", OPEN, ["a@^1.0.0 none"]),
        (ALL + "npm install", EXACT, ["a@1.0.0 version"]),
        pytest.param(
            ALL + "npm ci && npm install",
            OPEN | LOCK,
            ["npm ci digest", "npm install digest"],
            id="the lock was proved to fit before",
        ),
        ("RUN npm install", {}, ["?npm install none"]),
        (ALL + "npm install", {"package.json": "[]"}, ["?npm install none"]),
        (ALL + "npm update", OPEN | LOCK, ["npm update none"]),
        ("RUN npm install -g a@1.0.0 b", {}, ["a@1.0.0 version", "b none"]),
        (ALL + "yarn --frozen-lockfile", OPEN | {"yarn.lock": "# yarn lockfile v1\n"}, ["yarn install digest"]),
        (ALL + "yarn", OPEN | {"yarn.lock": "# yarn lockfile v1\n"}, ["a@^1.0.0 none", "b@^2.0.0 none"]),
        ("ENV CI=1\n" + ALL + "pnpm i", OPEN | {"pnpm-lock.yaml": "lockfileVersion: '9'\n"}, ["pnpm install digest"]),
        (ALL + "npx a", OPEN | LOCK, []),
        (ALL + "npx other", OPEN | LOCK, ["other none"]),
        ("RUN npx --no-install a", {}, []),
        ("RUN npx a@1.0.0", {}, ["a@1.0.0 version"]),
    ],
)
def test_installs(tmp_path: Path, step: str, files: dict[str, str], expected: list[str]) -> None:
    assert packages(tmp_path, step, files) == expected
