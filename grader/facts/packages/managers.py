"""All package managers, by the name of their program.

The tables come from each tool's own reference. An option that is not in them is read as a flag without a value.
"""

from __future__ import annotations

from grader.facts.packages.code import BUNDLE, CARGO, GEM, GO
from grader.facts.packages.manager import Manager
from grader.facts.packages.node import BUN, BUNX, COREPACK, NPM, NPX, PNPM, PNPX, YARN
from grader.facts.packages.python import (
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
from grader.facts.packages.system import APK, APT, DNF
from grader.facts.shell.wrappers import frozenset_of

# By program name. installs.py matches versioned names, such as those of python.
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
