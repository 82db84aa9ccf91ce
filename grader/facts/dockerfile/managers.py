"""All package managers by the name of their program.

The tables come from each tool's own reference. An option that is missing there is taken for a flag without a value.
"""

from __future__ import annotations

from grader.facts.dockerfile.manager import Manager
from grader.facts.dockerfile.managers_code import BUNDLE, CARGO, GEM, GO
from grader.facts.dockerfile.managers_node import BUN, BUNX, COREPACK, NPM, NPX, PNPM, PNPX, YARN
from grader.facts.dockerfile.managers_python import (
    CONDA,
    CONDA_FILE,
    EASY_INSTALL,
    PDM,
    PIP,
    PIPENV,
    PIPX,
    POETRY,
    UV,
    UVX,
)
from grader.facts.dockerfile.managers_system import APK, APT, DNF
from grader.facts.dockerfile.wrappers import frozenset_of

# By program name; python's and other versioned names are matched in installs.py.
MANAGERS: dict[str, Manager] = {
    "apk": APK,
    "apt": APT,
    "apt-get": APT,
    "aptitude": APT,
    "bun": BUN,
    "bunx": BUNX,
    "bundle": BUNDLE,
    "bundler": BUNDLE,
    "cargo": CARGO,
    "conda": CONDA,
    "corepack": COREPACK,
    "dnf": DNF,
    "dnf5": DNF,
    "easy_install": EASY_INSTALL,
    "gem": GEM,
    "go": GO,
    "mamba": CONDA,
    "microdnf": DNF,
    "micromamba": CONDA_FILE,
    "npm": NPM,
    "npx": NPX,
    "pdm": PDM,
    "pip": PIP,
    "pipenv": PIPENV,
    "pipx": PIPX,
    "pnpm": PNPM,
    "pnpx": PNPX,
    "poetry": POETRY,
    "tdnf": DNF,
    "uv": UV,
    "uvx": UVX,
    "yarn": YARN,
    "yarnpkg": YARN,
    "yum": DNF,
}
GROUPS = frozenset_of("env group module tool python self global set workspaces mod chef pip workspace")
