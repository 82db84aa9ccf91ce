"""The lab's JupyterLab: on 127.0.0.1, with a token, with our home page. It outlives the command that started it."""

from __future__ import annotations

import json
import os
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

from grader.lib import process
from layerwise.errors import InputError, LabError
from layerwise.stack import jupyter_config
from layerwise.stack.paths import ROOT, Home, work_dir
from layerwise.stack.run import last_line

ADDRESS = "127.0.0.1"
PORT = 8888
START_SECONDS = 90.0
"""How long a start may take; on a cold, slow disk it takes 20 s."""
STOP_SECONDS = 10.0


def start(
    *,
    home: Home,
    env: Mapping[str, str],
    port: int = PORT,
    report: Callable[[str], None] = lambda text: None,
    settings: jupyter_config.Traits | None = None,
) -> str:
    """Start JupyterLab, unless it runs already, and return its address with the token.

    `env` is the lab's environment (DOCKER_HOST, DOCKER_CONFIG, PATH) for kernels and terminals. A server that runs with
    the same engine and folders is kept, on whatever port it has; any other is replaced. `report` gets a line about what
    happens. `settings` are further traits of the server, by class. Raises LabError with the remedy.
    """
    about = {"root": str(ROOT), "work": str(work_dir()), "engine": env.get("DOCKER_HOST", "")}
    running = _running(home)
    if running is not None:
        used = running["port"]
        if running["about"] == about and _answers(used, jupyter_config.token(home)):
            if used != port:
                report(f"JupyterLab already runs on port {used}; to move it: ./lab down, then ./lab up --port {port}")
            try:
                jupyter_config.bring_lessons(home, report)
            except OSError as problem:
                report(f"the lessons in {work_dir()} could not be brought up to date: {problem.strerror}")
            return _url(home, used)
        why = "does not answer" if running["about"] == about else "runs with another engine or folder"
        report(f"JupyterLab {why}: starting it again")
        stop(home)
    _require_free(port)
    try:
        jupyter_config.prepare(home, ADDRESS, port, settings or {}, report)
        server = _spawn(home, jupyter_config.environment(home, env))
        try:
            _remember(home, server.pid, port, about)
        except BaseException:
            server.kill()
            server.wait()
            raise
    except OSError as problem:
        place, reason = home.jupyter, problem.strerror
        raise LabError(f"cannot start JupyterLab in {place}: {reason}; free some space or set LAYERWISE_HOME") from None
    report("waiting for JupyterLab to answer")
    try:
        _wait(home, server, port)
    except BaseException:
        stop(home)
        raise
    server.returncode = 0  # it outlives us: no warning that nobody waited for it
    return _url(home, port)


def status(home: Home) -> dict[str, Any] | None:
    """The server that runs, None if none does: its url (with the token), pid, port, answers (whether it answers within
    2 s) and log."""
    running = _running(home)
    if running is None:
        return None
    return {
        "url": _url(home, running["port"]),
        "pid": running["pid"],
        "port": running["port"],
        "answers": _answers(running["port"], jupyter_config.token(home)),
        "log": str(log_file(home)),
    }


def stop(home: Home) -> bool:
    """Stop the server that `start` started, with its kernels and terminals. Returns False if none runs.

    Nobody else's process is ever signalled: a pid is trusted only together with the time at which its process began.
    """
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
    shutil.rmtree(jupyter_config.temporary(home), ignore_errors=True)
    return running is not None


def log_file(home: Home) -> Path:
    """JupyterLab's log since its last start."""
    return home.jupyter / "jupyter.log"


def _record_file(home: Home) -> Path:
    return home.jupyter / "server.json"


def _remember(home: Home, pid: int, port: int, about: Mapping[str, str]) -> dict[str, Any]:
    record = {"pid": pid, "born": _born(pid), "port": port, "about": dict(about)}
    jupyter_config.write_private(_record_file(home), json.dumps(record))
    return record


def _running(home: Home) -> dict[str, Any] | None:
    """The record of the server, None if its process has ended."""
    try:
        record = json.loads(_record_file(home).read_text(encoding="utf-8"))
        if _is_alive(record) and record["port"] and isinstance(record["about"], dict):
            return dict(record)
    except PermissionError as problem:
        raise LabError(
            f"cannot read {_record_file(home)}: {problem.strerror}; run as the user who ran ./lab up"
        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return _adopted(home)


def _adopted(home: Home) -> dict[str, Any] | None:
    """A server that was started but not recorded (because of a kill in between), None if there is none.

    It notes its pid and port in our own runtime folder, and it is ours if it knows our token.
    """
    for file in (home.jupyter / "runtime").glob("jpserver-*.json"):
        try:
            note = json.loads(file.read_text(encoding="utf-8"))
            pid, port = int(note["pid"]), int(note["port"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if pid > 1 and _born(pid) and _answers(port, jupyter_config.token(home)):
            return _remember(home, pid, port, {})
    return None


def _is_alive(record: Mapping[str, Any]) -> bool:
    pid, born = int(record["pid"]), str(record["born"])
    return pid > 1 and born != "" and _born(pid) == born


def _born(pid: int) -> str:
    """When a process began, as the system says it (on Linux: clock ticks since boot); empty if it has ended."""
    with suppress(ChildProcessError):  # collect it, if it is our own child and has ended
        os.waitpid(pid, os.WNOHANG)
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] in "ZX" else fields[19]
    argv = ["ps", "-o", "lstart=", "-p", str(pid)]
    return process.run(argv, timeout=5).stdout.decode(errors="replace").strip()


def _wait_gone(record: Mapping[str, Any]) -> bool:
    deadline = time.monotonic() + STOP_SECONDS
    while _is_alive(record):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _require_free(port: int) -> None:
    if not 1 <= port <= 65535:
        raise InputError(f"port {port} cannot be used: choose one from 1024 to 65535 with --port")
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


def _spawn(home: Home, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    with log_file(home).open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "jupyterlab"],
            cwd=jupyter_config.folder(home),
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _wait(home: Home, server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(port, jupyter_config.token(home)):
        ended = server.poll()
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
        return last_line(log.read().decode("utf-8", "replace")) or "it said nothing"


# A proxy of the environment must not come between us and our own address.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _answers(port: int, token: str) -> bool:
    """Whether a Jupyter server that knows our token answers on that port, within two seconds."""
    request = urllib.request.Request(f"http://{ADDRESS}:{port}/api/status", headers={"Authorization": f"token {token}"})
    try:
        with _OPENER.open(request, timeout=2) as reply:
            return "kernels" in json.loads(reply.read(100_000))
    except (OSError, ValueError, urllib.error.URLError):
        return False


def _url(home: Home, port: int) -> str:
    return f"http://{ADDRESS}:{port}{jupyter_config.HOME_PAGE}?token={jupyter_config.token(home)}"
