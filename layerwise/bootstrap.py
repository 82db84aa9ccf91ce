"""Make .venv from the hash-checked lock. Called by ./lab with any Python >= 3.11, before anything is installed.

Uses only the standard library. A run that is killed leaves .venv/.installing behind, and the next one starts over (pip
keeps what it has downloaded). The stamps that ./lab compares are written last.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
MARK = VENV / ".installing"
LOCKS = {
    ".installed": "requirements.lock",
    ".installed-classroom": "requirements-classroom.lock",
    ".installed-dev": "requirements-dev.lock",
}
"""The stamp in .venv that says which lock was installed."""
REST = VENV / ".rest"
CORE = (
    *("annotated-types", "certifi", "charset-normalizer", "click", "docker", "idna", "pydantic", "pydantic-core"),
    *("requests", "rich", "setuptools", "typing-extensions", "typing-inspection", "urllib3"),
)
"""The packages without which `lab up` cannot begin."""
AT_ONCE = 2
"""Programs of pip that install at the same time, each a part of the packages: one alone uses one core."""
PIP_SECONDS = 1800
WAIT_SECONDS = 900


class Failed(Exception):
    """The installation failed. The text is one line for the user."""


def main() -> int:
    """Install what the stamps ask for. Returns the exit status: 0, or 3 with one line on standard error."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--stamp", required=True)
    parser.add_argument("--classroom-stamp", required=True)
    parser.add_argument("--dev-stamp", required=True)
    parser.add_argument("--added", required=True)
    parser.add_argument("--core", action="store_true", help="only CORE; REST says how to install the rest")
    wanted = parser.parse_args()
    try:
        with Lock(ROOT):
            if wanted.core:
                install_core(wanted.stamp, wanted.added)
            else:
                install(wanted.stamp, wanted.classroom_stamp, wanted.dev_stamp, wanted.added)
    except Failed as problem:
        print(f"lab: {problem}", file=sys.stderr)
        return 3
    except OSError as problem:
        where = problem.filename or ROOT
        print(
            f"lab: cannot make {VENV}: {problem.strerror or problem} ({where}); free some space or move the checkout",
            file=sys.stderr,
        )
        return 3
    except KeyboardInterrupt:
        print("\nlab: stopped; the same command continues", file=sys.stderr)
        return 130
    return 0


def install(stamp: str, classroom_stamp: str, dev_stamp: str, added: str) -> None:
    """Bring .venv up to date with the lock files whose stamp is not empty.

    Nothing is done if another process did so while we waited for the lock.
    """
    _clear()
    stamps = dict(zip((VENV / name for name in LOCKS), (stamp, classroom_stamp, dev_stamp), strict=True))
    missing = [file for file, text in stamps.items() if text and _read(file) != text]
    if (VENV / "bin" / "python").exists() and not missing:
        return
    started = time.monotonic()
    pip = _begin(added)
    _packages(pip, _blocks(ROOT / LOCKS[file.name] for file in missing))
    if VENV / ".installed" in missing:
        _checkout(pip)
        REST.unlink(missing_ok=True)
    for file in missing:
        file.write_text(stamps[file] + "\n", encoding="utf-8")
    MARK.unlink()
    _say(f"Python packages are ready ({time.monotonic() - started:.0f} s)")


def install_core(stamp: str, added: str) -> None:
    """Install what `lab up` itself needs. It installs the rest while it does other things, as REST says."""
    _clear()
    if _read(VENV / ".installed") == stamp or _read(REST) == _rest(stamp):
        return
    pip = _begin(added)
    wanted = _blocks([ROOT / LOCKS[".installed"]])
    _packages(pip, {name: block for name, block in wanted.items() if name in CORE})
    _checkout(pip)
    REST.write_text(_rest(stamp), encoding="utf-8")
    MARK.unlink()


def _rest(stamp: str) -> str:
    """The command that installs everything, as a JSON list."""
    program = [sys.executable, "-I", str(Path(__file__).resolve())]
    return json.dumps([*program, "--stamp", stamp, "--classroom-stamp", "", "--dev-stamp", "", "--added", ""])


def _clear() -> None:
    """Remove a .venv that is unfinished, or was moved here with the checkout: then its programs name a Python that does
    not exist."""
    said = _read(VENV / ".installed")
    if MARK.exists() or (said and not said.startswith(f"{ROOT} ")):
        shutil.rmtree(VENV)


def _begin(added: str) -> list[str]:
    """Have a .venv, marked as unfinished, and return the command `pip install` of it."""
    python = VENV / "bin" / "python"
    VENV.mkdir(exist_ok=True)
    MARK.touch()
    if added:
        with (VENV / ".apt").open("a", encoding="utf-8") as record:
            record.write(added + "\n")
    if not _works(python):
        _say("making a Python environment in .venv (about 5 s)")
        _run([sys.executable, "-I", "-m", "venv", str(VENV)], 300)
    return [
        str(python),
        "-I",
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "install",
        "--progress-bar=off",
        "--no-compile",  # saves a few seconds: Python compiles a module when it is first imported, and few of them are
    ]


def _checkout(pip: list[str]) -> None:
    _run([*pip, "--no-deps", "--no-build-isolation", "--no-index", "--editable", str(ROOT)], 300)


class Lock:
    """A lock on a folder that one process holds at a time. The kernel releases it when that process ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> None:
        import fcntl

        self.handle = os.open(self.folder, os.O_RDONLY)
        deadline = time.monotonic() + WAIT_SECONDS
        told = False
        while True:
            try:
                fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Failed(
                        "another lab command has been installing packages for 15 minutes; end it and try again"
                    ) from None
                if not told:
                    _say("another lab command is installing the Python packages; waiting for it")
                    told = True
                time.sleep(0.2)

    def __exit__(self, *_problem: object) -> None:
        os.close(self.handle)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _works(python: Path) -> bool:
    """Whether the environment's Python runs, is new enough, and has pip."""
    test = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([str(python), "-I", "-c", test], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _blocks(locks: Iterable[Path]) -> dict[str, str]:
    """The packages that these lock files list: name -> its lines."""
    found = {}
    for lock in locks:
        for block in re.findall(r"^\S+==.*(?:\n[ \t].*)*", lock.read_text(encoding="utf-8"), re.MULTILINE):
            found[block.partition("==")[0]] = block
    return found


def _packages(pip: list[str], wanted: dict[str, str]) -> None:
    """Install these packages."""
    counter = Counter("Python packages (about half a minute)", len(wanted))
    parts = [list(wanted.values())[part::AT_ONCE] for part in range(min(AT_ONCE, len(wanted)))]
    running: list[subprocess.Popen[str]] = []

    def install(part: list[str]) -> None:
        file = VENV / f".wanted-{parts.index(part)}.txt"
        file.write_text("\n".join(part) + "\n", encoding="utf-8")
        try:
            argv = [*pip, "--require-hashes", "--no-deps", "--requirement", str(file)]
            _run(argv, PIP_SECONDS, counter.line, running)
        finally:
            file.unlink()

    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            futures = [pool.submit(install, part) for part in parts]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                for process in running:
                    process.kill()
                raise
    finally:
        counter.end()


class Counter:
    """Shows how far pip has come, from its output: in one line of a terminal, or in a new line every five seconds."""

    def __init__(self, title: str, total: int) -> None:
        self.title = title
        self.total = total
        self.seen = 0
        self.what = "asking the index"
        self.started = time.monotonic()
        self.shown = -5.0
        _say(title)

    def line(self, text: str) -> None:
        """Take in one line of pip's output."""
        if text.startswith(("Collecting ", "Requirement already")):
            self.seen += 1
            self.what = f"{min(self.seen, self.total)} of about {self.total} found"
        elif text.startswith("Installing collected"):
            self.what = "installing them (this is the second half)"
        elapsed = time.monotonic() - self.started
        if sys.stderr.isatty():
            print(f"\r\033[K     {self.what}, {elapsed:.0f} s", end="", file=sys.stderr, flush=True)
        elif elapsed - self.shown >= 5:
            self.shown = elapsed
            _say(f"     {self.what}, {elapsed:.0f} s")

    def end(self) -> None:
        """Clear the line on the terminal."""
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _run(
    command: list[str],
    seconds: float,
    on_line: Callable[[str], None] = lambda line: None,
    running: list[subprocess.Popen[str]] | None = None,
) -> None:
    """Run a command to its end. Raises Failed with the most telling line of its output. The process is appended to
    `running`, for somebody who wants to end it."""
    elsewhere = ("PYTHON", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")
    env = {name: value for name, value in os.environ.items() if not name.startswith(elsewhere)}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**env, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if running is not None:
        running.append(process)
    timer = threading.Timer(seconds, process.kill)
    timer.daemon = True
    timer.start()
    tail: deque[str] = deque(maxlen=60)
    try:
        assert process.stdout
        for line in process.stdout:
            tail.append(line.strip()[:300])
            on_line(line)
        status = process.wait()
    finally:
        timer.cancel()
        if process.poll() is None:
            process.kill()
            process.wait()
    if status:
        raise Failed(_reason(list(tail), status))


def _reason(lines: list[str], status: int) -> str:
    text = "\n".join(lines)
    if "No space left" in text:
        return f"the disk of {ROOT} is full; free 1 GB and run this again"
    if re.search(
        r"NewConnectionError|ConnectTimeout|Name or service|Temporary failure in name|No route|ProxyError", text
    ):
        return "the Python package index cannot be reached; check the network (or set https_proxy) and run this again"
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "the package index's certificate is not trusted; set PIP_CERT to your organisation's certificate bundle"
    errors = [line for line in lines if line.startswith(("ERROR:", "error:"))]
    last = (errors or lines or [f"it ended with status {status}"])[0 if errors else -1]
    return f"cannot install the Python packages: {last.removeprefix('ERROR: ')}; run this again, or remove .venv first"


def _say(text: str) -> None:
    print(f"lab: {text}" if not text.startswith(" ") else f"lab:{text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
