"""JupyterLab of the lab: on 127.0.0.1, with a token, opened on the course; it outlives the command that started it.

Nothing of the person's own Jupyter is read or written: configuration, data, runtime files and workspaces lie under
LAYERWISE_HOME/jupyter. What it shows is a desk of two links, `course` and `work`, so that a reader sees no source code.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from layerwise.errors import LabError
from layerwise.stack.paths import ROOT, Home, work_dir

ADDRESS = "127.0.0.1"
PORT = 8888
FIRST_LESSON = "course/00-start-here.ipynb"
START_SECONDS = 90.0
"""How long a start may take; a cold one on a slow disk takes 20 s."""
STOP_SECONDS = 10.0

# Where Jupyter, IPython and nbgrader would look for things of the person's own.
_PERSONAL = ("JUPYTER_", "JUPYTERLAB_", "IPYTHON", "NBGRADER_")
# Installed with the lab's own packages, of no use to a learner.
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
    "@jupyterlab/lsp-extension",
)
_PREFERENCES: Mapping[str, Mapping[str, Any]] = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/apputils-extension:themes": {"adaptive-theme": True},
    # A file forgotten unsaved is graded as it was before; ten seconds make that rare.
    "@jupyterlab/docmanager-extension:plugin": {"autosaveInterval": 10},
}


def start(
    *,
    home: Home,
    env: Mapping[str, str],
    port: int = PORT,
    report: Callable[[str], None] = lambda text: None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """Start JupyterLab, unless it runs already, and return its address with the token.

    `env` is the lab's environment (DOCKER_HOST, DOCKER_CONFIG, PATH): kernels and terminals get it. A server that runs
    with the same engine and folders is kept, on whichever port it has; another is replaced. `report` gets a line on
    what happens. `settings` are further traits of the server, by class. Raises LabError with the remedy.
    """
    desk = {"root": str(ROOT), "work": str(work_dir()), "engine": env.get("DOCKER_HOST", "")}
    running = _running(home)
    if running is not None:
        if running["desk"] == desk and _answers(running["port"], _token(home)):
            if running["port"] != port:
                report(
                    f"JupyterLab already runs on port {running['port']}; to move it: ./lab down, then ./lab up --port {port}"
                )
            return _url(running["port"], _token(home))
        report("JupyterLab runs with another engine or folder: starting it anew")
        stop(home)
    _require_free(port)
    try:
        token = _prepare(home, port, settings or {})
        process = _spawn(home, {**_clean(env), **_own(home)})
        _remember(home, process.pid, port, desk)
    except OSError as problem:
        raise LabError(
            f"cannot start JupyterLab in {home.jupyter}: {problem.strerror}; free some space there or set LAYERWISE_HOME"
        ) from None
    report("waiting for JupyterLab to answer")
    try:
        _wait(home, process, port, token)
    except BaseException:
        stop(home)
        raise
    process.returncode = 0  # it outlives us: nobody need warn that it was not waited for
    return _url(port, token)


def status(home: Home) -> dict[str, Any] | None:
    """The server that runs: url (with its token), pid, port, answers (whether it does, within 2 s), log. None when none
    runs."""
    running = _running(home)
    if running is None:
        return None
    token = _token(home)
    return {
        "url": _url(running["port"], token),
        "pid": running["pid"],
        "port": running["port"],
        "answers": _answers(running["port"], token),
        "log": str(log_file(home)),
    }


def stop(home: Home) -> bool:
    """Stop the server that `start` started, with its kernels and terminals; False when none runs. Nobody else's process is
    ever signalled: the pid counts only together with the time at which its process began."""
    running = _running(home)
    if running is not None:
        for sent in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.kill(running["pid"], sent)
            if _wait_gone(running):
                break
        else:
            raise LabError(f"JupyterLab (pid {running['pid']}) does not stop; see {log_file(home)}")
    _record_file(home).unlink(missing_ok=True)
    return running is not None


def log_file(home: Home) -> Path:
    """What JupyterLab says, since its last start."""
    return home.jupyter / "jupyter.log"


def _record_file(home: Home) -> Path:
    return home.jupyter / "server.json"


def _remember(home: Home, pid: int, port: int, desk: Mapping[str, str]) -> dict[str, Any]:
    record = {"pid": pid, "born": _born(pid), "port": port, "desk": dict(desk)}
    _write_private(_record_file(home), json.dumps(record))
    return record


def _running(home: Home) -> dict[str, Any] | None:
    """The record of the server, if its process is still that process."""
    try:
        record = json.loads(_record_file(home).read_text(encoding="utf-8"))
        if _is_alive(record) and record["port"] and isinstance(record["desk"], dict):
            return dict(record)
    except PermissionError as problem:
        raise LabError(
            f"cannot read {_record_file(home)}: {problem.strerror}; run as the user who ran ./lab up"
        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return _adopted(home)


def _adopted(home: Home) -> dict[str, Any] | None:
    """A server that was started but not written down (a kill in between): it notes pid and port in our own runtime folder,
    and it is ours if it knows our token."""
    for file in (home.jupyter / "runtime").glob("jpserver-*.json"):
        try:
            note = json.loads(file.read_text(encoding="utf-8"))
            pid, port = int(note["pid"]), int(note["port"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if pid > 1 and _born(pid) and _answers(port, _token(home)):
            return _remember(home, pid, port, {})
    return None


def _is_alive(record: Mapping[str, Any]) -> bool:
    pid, born = int(record["pid"]), str(record["born"])
    return pid > 1 and born != "" and _born(pid) == born


def _born(pid: int) -> str:
    """When a process began, in the system's own words (clock ticks since boot on Linux); empty when it does not live."""
    with suppress(ChildProcessError):  # collect it, if it is our own child and has ended
        os.waitpid(pid, os.WNOHANG)
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] in "ZX" else fields[19]
    argv = ["ps", "-o", "lstart=", "-p", str(pid)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=5, check=False).stdout.strip()


def _wait_gone(record: Mapping[str, Any]) -> bool:
    deadline = time.monotonic() + STOP_SECONDS
    while _is_alive(record):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _require_free(port: int) -> None:
    if not 1 <= port <= 65535:
        raise LabError(f"{port} is no port: choose one from 1024 to 65535 with --port")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except PermissionError:
            raise LabError(f"port {port} needs root: choose one from 1024 to 65535 with --port") from None
        except OSError:
            raise LabError(
                f"port {port} is taken by another program: choose another, as in ./lab up --port {port + 1}"
            ) from None


def _token(home: Home) -> str:
    """The token, made at the first start and kept, so that a bookmark stays good."""
    file = home.jupyter / "token"
    with suppress(OSError, UnicodeDecodeError):
        kept = file.read_text(encoding="ascii").strip()
        if len(kept) >= 32:
            return kept
    made = secrets.token_hex(24)
    _write_private(file, made)
    return made


def _prepare(home: Home, port: int, settings: Mapping[str, Mapping[str, Any]]) -> str:
    """Lay out the desk and the configuration; the token."""
    home.jupyter.mkdir(parents=True, exist_ok=True)
    work_dir().mkdir(parents=True, exist_ok=True)
    desk = home.jupyter / "desk"
    desk.mkdir(exist_ok=True)
    _link(desk / "course", ROOT / "course")
    _link(desk / "work", work_dir())
    token = _token(home)
    server: dict[str, dict[str, Any]] = {
        "ServerApp": {
            "ip": ADDRESS,
            "port": port,
            "port_retries": 0,
            "open_browser": False,
            "allow_root": True,
            "root_dir": str(desk),
            "default_url": f"/lab/tree/{FIRST_LESSON}",
            "jpserver_extensions": dict.fromkeys(_UNUSED_SERVER_PARTS, False),
            # A login shell would set PATH anew and lose the lab's tools.
            "terminado_settings": {"shell_command": [shutil.which("bash") or "sh"]},
        },
        "IdentityProvider": {"token": token},
        "LabApp": {"news_url": None, "extension_manager": "readonly", "default_url": f"/lab/tree/{FIRST_LESSON}"},
    }
    for name, traits in settings.items():
        server.setdefault(name, {}).update(traits)
    config = home.jupyter / "config"
    (config / "labconfig").mkdir(parents=True, exist_ok=True)
    for name in ("jupyter_server_config.json", "jupyter_lab_config.json"):
        _write_private(config / name, json.dumps(server, indent=2))
    disabled = {"disabledExtensions": dict.fromkeys(_UNUSED_PAGE_PARTS, True)}
    _write_private(config / "labconfig" / "page_config.json", json.dumps(disabled, indent=2))
    _write_private(config / "labconfig" / "default_setting_overrides.json", json.dumps(_PREFERENCES, indent=2))
    return token


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and Path(os.readlink(link)) != target:
        link.unlink()
    if not link.is_symlink():
        link.symlink_to(target)


def _clean(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if not name.startswith(_PERSONAL)}


def _own(home: Home) -> dict[str, str]:
    """Every folder in which Jupyter and IPython keep things."""
    return {
        "JUPYTER_CONFIG_DIR": str(home.jupyter / "config"),
        "JUPYTER_DATA_DIR": str(home.jupyter / "data"),
        "JUPYTER_RUNTIME_DIR": str(home.jupyter / "runtime"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home.jupyter / "workspaces"),
        "JUPYTERLAB_SETTINGS_DIR": str(home.jupyter / "settings"),
        "IPYTHONDIR": str(home.jupyter / "ipython"),
    }


def _spawn(home: Home, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    with log_file(home).open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "jupyterlab"],
            cwd=home.jupyter / "desk",
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _wait(home: Home, process: subprocess.Popen[bytes], port: int, token: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(port, token):
        ended = process.poll()
        if ended is not None:
            raise LabError(
                f"JupyterLab ended while starting (status {ended}): {_last_words(home)}; see {log_file(home)}"
            )
        if time.monotonic() > deadline:
            raise LabError(f"JupyterLab did not answer within {START_SECONDS:.0f} s; see {log_file(home)}")
        time.sleep(0.1)


def _last_words(home: Home) -> str:
    """The last line of the log, cut to 300 characters."""
    with log_file(home).open("rb") as log:
        log.seek(max(0, log.seek(0, os.SEEK_END) - 8192))
        lines = [line.strip() for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"


# A proxy of the environment must not come between us and our own address.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _answers(port: int, token: str) -> bool:
    """Whether a Jupyter server that knows our token answers on that port within two seconds."""
    request = urllib.request.Request(f"http://{ADDRESS}:{port}/api/status", headers={"Authorization": f"token {token}"})
    try:
        with _OPENER.open(request, timeout=2) as reply:
            return "kernels" in json.loads(reply.read(100_000))
    except (OSError, ValueError, urllib.error.URLError):
        return False


def _url(port: int, token: str) -> str:
    return f"http://{ADDRESS}:{port}/lab/tree/{FIRST_LESSON}?token={token}"


def _write_private(file: Path, text: str) -> None:
    """Replace a file in one step; nobody else may read it."""
    half = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)
        half.replace(file)
    finally:
        half.unlink(missing_ok=True)
