"""The published originals: whether their registry can be reached, and how one of them comes onto the engine."""

from __future__ import annotations

import json
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path

from layerwise.errors import LabError
from layerwise.stack import recipe
from layerwise.stack.certificates import Trust
from layerwise.stack.run import CommandFailed, run

PROBE_SECONDS = 3.0
PULL_TIMEOUT = 20 * 60.0
SHORT = 60.0

HOSTS = {"docker.io": "registry-1.docker.io"}
"""Where a registry's interface is, where that is not its name."""

BUNDLE = "etc/ssl/certs/ca-certificates.crt"
SETTINGS = {
    "library/python:": ("etc/pip.conf", f"[global]\ncert = /{BUNDLE}\n"),
    "library/node:": ("usr/local/etc/npmrc", f"cafile=/{BUNDLE}\n"),
}
"""What beside the bundle makes an image's tools use it: part of the reference -> file and its content."""

_probes: dict[str, bool] = {}
_probing = threading.Lock()


def reachable(registry: str) -> bool:
    """Whether the registry answers from here within 3 seconds. Asked once per run and registry."""
    with _probing:
        if registry not in _probes:
            _probes[registry] = _probe(HOSTS.get(registry, registry))
        return _probes[registry]


def _probe(host: str) -> bool:
    """Ask from a thread of its own: looking a name up has no deadline of its own and may hang for half a minute."""
    answered = threading.Event()

    def ask() -> None:
        try:
            with urllib.request.urlopen(f"https://{host}/v2/", timeout=PROBE_SECONDS):
                answered.set()
        except urllib.error.HTTPError as refusal:
            if refusal.code in (401, 429):  # it wants a login, or asks for patience: it is a registry
                answered.set()
            refusal.close()
        except (OSError, HTTPException):
            pass

    thread = threading.Thread(target=ask, name=f"probe {host}", daemon=True)
    thread.start()
    thread.join(PROBE_SECONDS)
    return answered.is_set()


def labels(reference: str, env: Mapping[str, str]) -> dict[str, str] | None:
    """The labels of an image on the engine, None where it has no such image. Raises LabError without an engine."""
    try:
        output = run(
            ["docker", "image", "inspect", "--format", "{{json .Config.Labels}}", reference], env=env, timeout=SHORT
        )
    except CommandFailed as problem:
        if "no such image" in problem.output.lower():
            return None
        if "failed to get config descriptor" in problem.output or "content digest" in problem.output:
            raise LabError(
                f"the engine knows of {reference} and has lost a part of it (a full disk, a deletion cut short?); "
                "./lab down --purge, then ./lab up makes the lab's engine anew; "
                f"on an engine of your own: docker image rm {reference}"
            ) from None
        raise
    return json.loads(output) or {}


def bring(
    reference: str,
    tag: str,
    *,
    env: Mapping[str, str],
    trust: Trust,
    push: Callable[[], None],
    progress: Callable[[str], None],
    cancel: threading.Event | None = None,
) -> None:
    """Pull the original, tag it `tag` and `push` it. The original's own tag is left only where it was there before.

    With private certificates, what is tagged is an image made on top of the original that trusts them. The same is done
    where the engine refuses to push an original of many platforms because it pulled but one of them, as engine 26 does
    with the containerd store. Raises CommandFailed.
    """
    was_here = labels(reference, env) is not None
    done = 0

    def line(text: str) -> None:
        nonlocal done
        if text.endswith(("Pull complete", "Already exists", "Download complete")):
            done += 1
            progress(f"pulling {reference}: {done} parts")

    progress(f"pulling {reference}")
    run(["docker", "pull", reference], env=env, timeout=PULL_TIMEOUT, on_line=line, cancel=cancel)
    try:
        if not trust.private:
            run(["docker", "tag", reference, tag], env=env, timeout=SHORT)
            try:
                return push()
            except CommandFailed as problem:
                if "missing content" not in problem.output and "platform" not in problem.output:
                    raise
        derive(reference, tag, env=env, trust=trust, progress=progress, cancel=cancel)
        push()
    finally:
        if not was_here:
            run(["docker", "image", "rm", "--no-prune", reference], env=env, timeout=SHORT)


def derive(
    reference: str,
    tag: str,
    *,
    env: Mapping[str, str],
    trust: Trust,
    progress: Callable[[str], None],
    cancel: threading.Event | None = None,
) -> None:
    """Make an image on top of the original that differs by a label and, where there are any, by private certificates.

    Only files are copied, so that it works for an image without a shell. Raises LabError.
    """
    origin = {"layerwise": "base", recipe.ORIGIN: "upstream", recipe.CERTIFICATES: trust.fingerprint}
    with tempfile.TemporaryDirectory(prefix="layerwise-upstream-") as temporary:
        folder = Path(temporary)
        lines = [f"FROM {reference}"]
        if trust.private:
            _write_trust(folder / "files", reference, trust)
            lines.append("COPY files/ /")
        (folder / "Dockerfile").write_text("\n".join(lines) + "\n", encoding="utf-8")
        progress("adding private certificates" if trust.private else "keeping this machine's platform")
        recipe.build(folder, tag, env=env, labels=origin, progress=progress, cancel=cancel)


def _write_trust(root: Path, reference: str, trust: Trust) -> None:
    sources = root / "usr/local/share/ca-certificates"
    sources.mkdir(parents=True)
    trust.write(sources)
    files = {BUNDLE: trust.bundle()}
    files |= {path: text for part, (path, text) in SETTINGS.items() if part in reference}
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    for entry in [root, *root.rglob("*")]:
        entry.chmod(0o755 if entry.is_dir() else 0o644)
