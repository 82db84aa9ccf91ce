"""JavaScript's package managers: npm, yarn, pnpm, bun and corepack."""

import pytest

from tests.grader.facts.packages.reading import of_script

NODE = "<manifest package.json> <lock package-lock.json>"
CASES = [
    ("npm ci", f"npm ci: {NODE}"),
    ("npm ci --omit=dev", f"npm ci: {NODE}"),
    ("npm clean-install", f"npm ci: {NODE}"),
    ("npm install", f"npm install: {NODE}"),
    ("npm i -g a@1.2.3 b", "npm install: a@1.2.3 b"),
    ("npm i @s/a@^1 b@latest", "npm install: @s/a@^1 b@latest"),
    ("npm add a", "npm install: a"),
    ("npm --prefix dir i a", "npm install: a"),
    ("npm install --registry https://x a", "npm install: a"),
    ("npm install ./dir x.tgz", f"npm install: ~./dir ~x.tgz {NODE}"),
    ("npm run build", None),
    ("npm --version", None),
    ("npx -y cowsay@1 hi -p x", "npx exec: cowsay@1"),
    ("npx -p @a/b@1 c d", "npx exec: @a/b@1"),
    ("npm exec --package=a -- b", "npm exec: a"),
    ("npx", None),
    ("yarn", "yarn install: <manifest package.json> <lock yarn.lock>"),
    ("yarn --frozen-lockfile", "yarn install: <manifest package.json> <lock yarn.lock>"),
    ("yarn install --immutable", "yarn install: <manifest package.json> <lock yarn.lock>"),
    ("yarn add a@1 --dev", "yarn add: a@1"),
    ("yarn global add a", "yarn global add: a"),
    ("yarn workspace x add a", "yarn add: a"),
    ("yarn dlx a b", "yarn exec: a"),
    ("yarn build", None),
    ("yarn --version", None),
    ("pnpm i --frozen-lockfile", "pnpm install: <manifest package.json> <lock pnpm-lock.yaml>"),
    ("pnpm -C sub add a", "pnpm add: a"),
    ("pnpm dlx a b", "pnpm exec: a"),
    ("pnpm fetch", "pnpm fetch: <manifest package.json> <lock pnpm-lock.yaml>"),
    ("bun install", "bun install: <manifest package.json> <lock bun.lock>"),
    ("bun add a", "bun add: a"),
    ("bunx a b", "bun exec: a"),
    ("corepack prepare yarn@4 --activate", "corepack prepare: yarn@4"),
]


@pytest.mark.parametrize(("script", "expected"), CASES, ids=[script for script, _ in CASES])
def test_installs(script, expected):
    assert of_script(script) == ([expected] if expected else [])
