"""What JupyterLab gets: a folder with two links, `course` and `work`, its own configuration, a token, an environment.

Nothing of the person's own Jupyter is read or written: configuration, data, runtime files and workspaces are under
LAYERWISE_HOME/jupyter. The source code is kept out of a reader's sight, and `course` is the reader's own copy.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from layerwise.stack import files, lessons
from layerwise.stack.paths import ROOT, Home, work_dir

HOME_PAGE = "/layerwise"
"""Where the server has the page that it opens with (layerwise/homepage)."""
_HOMEPAGE = "layerwise.homepage"
"""The extension of the server that serves it. Its folder `labextensions` has what it adds to JupyterLab."""
LESSONS = "lessons"
"""In the work folder: the learner's copy of the lessons, kept when the lab is purged."""

Traits = Mapping[str, Mapping[str, Any]]
"""Jupyter's form of configuration: class name -> trait -> value."""

# Variables that would lead Jupyter, IPython and nbgrader to the person's own files.
_PERSONAL = ("JUPYTER_", "JUPYTERLAB_", "IPYTHON", "NBGRADER_")
# Installed with the lab's own packages, but of no use to a learner.
_UNUSED_SERVER_PARTS = (
    "jupyter_lsp",
    "nbgrader.server_extensions.assignment_list",
    "nbgrader.server_extensions.course_list",
    "nbgrader.server_extensions.formgrader",
    "nbgrader.server_extensions.validate_assignment",
    "notebook",
    "notebook_shim",
)
_UNUSED_PAGE_PARTS = (
    "@jupyter-notebook/lab-extension",
    "@jupyter/nbgrader",
    "@jupyterlab/apputils-extension:announcements",
    "@jupyterlab/extensionmanager-extension",
    "@jupyterlab/fileeditor-extension:language-server",
    "@jupyterlab/lsp-extension",
    "@jupyterlab/notebook-extension:language-server",
)
_PREFERENCES: Traits = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/apputils-extension:themes": {"adaptive-theme": True},
    # A file forgotten unsaved is graded as it was before; ten seconds make that rare.
    "@jupyterlab/docmanager-extension:plugin": {"autosaveInterval": 10},
}


def prepare(home: Home, address: str, port: int, settings: Traits, report: Callable[[str], None]) -> None:
    """Write the folder, and the configuration of a server at address:port, with `settings` on top. `report` gets a line
    about what a person should know.

    Raises OSError if that cannot be written.
    """
    work_dir().mkdir(parents=True, exist_ok=True)
    folder(home).mkdir(parents=True, exist_ok=True)
    shutil.rmtree(temporary(home), ignore_errors=True)  # of a server that was killed
    temporary(home).mkdir(mode=0o700)
    bring_lessons(home, report)
    _link(folder(home) / "course", work_dir() / LESSONS)
    _link(folder(home) / "work", work_dir())
    config = home.jupyter / "config"
    (config / "labconfig").mkdir(parents=True, exist_ok=True)
    server = _server(home, address, port)
    for name, traits in settings.items():
        server.setdefault(name, {}).update(traits)
    for name in ("jupyter_server_config.json", "jupyter_lab_config.json"):
        write_private(config / name, json.dumps(server, indent=2))
    unused = {"disabledExtensions": dict.fromkeys(_UNUSED_PAGE_PARTS, True)}
    write_private(config / "labconfig" / "page_config.json", json.dumps(unused, indent=2))
    write_private(config / "labconfig" / "default_setting_overrides.json", json.dumps(_PREFERENCES, indent=2))


def bring_lessons(home: Home, report: Callable[[str], None]) -> None:
    """Bring the learner's copy of the lessons up to date with the course. `report` gets a line about each edited file
    that has a newer version beside it now. Raises OSError if it cannot be written."""
    for name in lessons.refresh(ROOT / "course", work_dir() / LESSONS):
        report(f"{work_dir().name}/{LESSONS}/{name} is new: you have edited the old one, so it was kept")
    lessons.trust(work_dir() / LESSONS, home.jupyter / "data")


def folder(home: Home) -> Path:
    """The folder that the file browser shows."""
    return home.jupyter / "desk"


def temporary(home: Home) -> Path:
    """Where kernels and terminals keep temporary files: a kernel that is stopped leaves its own behind, and so does
    buildx for a Dockerfile on standard input."""
    return home.jupyter / "tmp"


def token(home: Home) -> str:
    """The token that lets a browser in. It is made once and kept, so that a bookmark keeps working."""
    file = home.jupyter / "token"
    with suppress(FileNotFoundError, UnicodeDecodeError):
        kept = file.read_text(encoding="ascii").strip()
        if len(kept) >= 32:
            return kept
    made = secrets.token_hex(24)
    home.jupyter.mkdir(parents=True, exist_ok=True)
    write_private(file, made)
    return made


def environment(home: Home, env: Mapping[str, str]) -> dict[str, str]:
    """`env` for the server, its kernels and terminals, with their own files in the lab's folder."""
    kept = {name: value for name, value in env.items() if not name.startswith(_PERSONAL)}
    own = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "IPYTHONDIR": "ipython",
        "TMPDIR": temporary(home).name,
    }
    return kept | {name: str(home.jupyter / place) for name, place in own.items()}


def write_private(file: Path, text: str) -> None:
    """Replace a file, in one step. Nobody else may read it. Raises OSError."""
    files.replace(file, text, 0o600)


def _server(home: Home, address: str, port: int) -> dict[str, dict[str, Any]]:
    extensions = {**dict.fromkeys(_UNUSED_SERVER_PARTS, False), _HOMEPAGE: True}
    return {
        "ServerApp": {
            "ip": address,
            "port": port,
            "port_retries": 0,
            "open_browser": False,
            "allow_root": True,
            "root_dir": str(folder(home)),
            "default_url": HOME_PAGE,
            "jpserver_extensions": extensions,
            # A login shell would reset PATH and lose the lab's tools.
            "terminado_settings": {"shell_command": [shutil.which("bash") or "sh"]},
        },
        "IdentityProvider": {"token": token(home)},
        "LabApp": {
            "default_url": HOME_PAGE,
            "extra_labextensions_path": [str(Path(__file__).parents[1] / "homepage" / "labextensions")],
            "news_url": None,
            "extension_manager": "readonly",
        },
    }


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and Path(os.readlink(link)) != target:
        link.unlink()
    if not link.is_symlink():
        link.symlink_to(target)
