"""The published originals of base images: whether the engine can get one, and bringing it."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from grader.errors import RegistryUnavailable
from grader.facts.registry.client import Client
from layerwise.errors import LabError
from layerwise.stack import engine, recipe
from layerwise.stack.certificates import Trust
from layerwise.stack.run import CommandFailed, run

ASK_SECONDS = 6
SLOW_SECONDS = 2.0
PING_SECONDS = 3.0
PULL_TIMEOUT = 20 * 60.0
SHORT = 60.0

BUNDLE = "etc/ssl/certs/ca-certificates.crt"
SETTINGS = {
    "library/python:": ("etc/pip.conf", f"[global]\ncert = /{BUNDLE}\n"),
    "library/node:": ("usr/local/etc/npmrc", f"cafile=/{BUNDLE}\n"),
}
"""What makes an image's tools use the bundle: part of the reference -> file and its content."""

REFUSALS = (401, 403, 404)
"""What the engine says if the registry has answered, and does not give the image away."""

_silent: set[str] = set()
"""The registries that gave no answer in this run, or an error after a long time."""


def has(reference: str, env: Mapping[str, str]) -> bool:
    """Whether the engine can get this image."""
    return digest(reference, env) is not None


def digest(reference: str, env: Mapping[str, str]) -> str | None:
    """The digest that this image has where the engine can get it; None if it cannot, as far as it finds out within
    ASK_SECONDS.

    The engine is asked, because it is the one that pulls: it may have a mirror or a proxy that this process does not
    know. A registry that keeps the engine waiting and then gives nothing is not asked again in this run. One that
    fails at once is asked again: a mirror may have the next image, though not this one.
    """
    registry = reference.partition("/")[0]
    if registry in _silent:
        return None
    begun = time.monotonic()
    answer = _ask(reference, env)
    if answer is None and time.monotonic() - begun > SLOW_SECONDS:
        _silent.add(registry)
    return answer or None


def _ask(reference: str, env: Mapping[str, str]) -> str | None:
    """The digest that the engine's registry names, empty if it does not give the image away; None if there is no
    answer."""
    import docker
    import requests

    with suppress(LabError, requests.RequestException), engine.client(engine.candidates(env)[0], ASK_SECONDS) as api:
        try:
            # Without a login: the person's own are not ours to use.
            told = api.inspect_distribution(reference, auth_config={})  # type: ignore[no-untyped-call]
        except docker.errors.APIError as refusal:
            return "" if refusal.status_code in REFUSALS else None
        return str(told["Descriptor"]["digest"])
    return None


def answers(registry: str) -> bool:
    """Whether the registry answers this process within a few seconds: for an engine that is still to be made here."""
    answered = threading.Event()

    def ask() -> None:
        with suppress(RegistryUnavailable):
            # It wants a login, or asks for patience: then it is a registry too.
            if Client(registry, "").ping(PING_SECONDS).status in (200, 401, 429):
                answered.set()

    # From another thread, because looking a name up has no deadline and may hang for half a minute.
    thread = threading.Thread(target=ask, name=f"ask {registry}", daemon=True)
    thread.start()
    thread.join(PING_SECONDS)
    return answered.is_set()


def labels(reference: str, env: Mapping[str, str]) -> dict[str, str] | None:
    """The labels of an image on the engine, None if it has no such image. Raises LabError if the engine cannot say."""
    try:
        output = run(
            ["docker", "image", "inspect", "--format", "{{json .Config.Labels}}", reference], env=env, timeout=SHORT
        )
    except CommandFailed as problem:
        if "no such image" in problem.output.lower():
            return None
        if "failed to get config descriptor" in problem.output or "content digest" in problem.output:
            raise LabError(
                f"the engine knows of {reference}, but has lost a part of it (a full disk, an interrupted deletion?); "
                "./lab down --purge, then ./lab up makes the lab's engine again; "
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
    """Pull the original, tag it `tag` and `push` it. The original's own tag stays only if it was there before.

    If there are private certificates, an image that trusts them is made on top of the original and tagged instead. So
    it is if the engine refuses to push an original of many platforms because it has pulled only one of them, as engine
    26 does with the containerd store. Raises CommandFailed.
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
    """Make an image on top of the original that differs by a label and, if there are any, by private certificates.

    It only copies files, so that it works for an image without a shell. Raises LabError.
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
