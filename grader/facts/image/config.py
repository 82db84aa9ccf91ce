"""An image's config: how the image wants to be run, and the history of its layers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from grader.facts.image.tar import BadArchive

_SHELL = re.compile(r"^(?:RUN )?(?:\|\d+ .*? )?/bin/sh -c (?P<rest>.*)$", re.DOTALL)


class Healthcheck(NamedTuple):
    """HEALTHCHECK in the config. Times are in seconds, 0 for the engine's default."""

    test: tuple[str, ...]
    interval: float
    timeout: float
    start_period: float
    retries: int


class HistoryEntry(NamedTuple):
    """One instruction in the image's history."""

    created_by: str
    empty: bool
    """Whether it made no layer."""


@dataclass(frozen=True)
class ImageConfig:
    """How the image wants to be run. Texts are as found, and untrusted."""

    user: str
    env: Mapping[str, str]
    entrypoint: tuple[str, ...]
    cmd: tuple[str, ...]
    workdir: str
    labels: Mapping[str, str]
    ports: tuple[str, ...]
    """Such as "8080/tcp"."""
    volumes: tuple[str, ...]
    healthcheck: Healthcheck | None
    stop_signal: str
    shell: tuple[str, ...]
    onbuild: tuple[str, ...]
    architecture: str
    os: str
    history: tuple[HistoryEntry, ...]
    raw: Mapping[str, Any] = field(repr=False)
    """The whole document."""

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> ImageConfig:
        """Read an OCI or Docker image config. Raises BadArchive if it does not have the form of one."""
        inner = raw.get("config") or {}
        try:
            return cls(
                user=str(inner.get("User") or ""),
                env=dict(str(item).partition("=")[::2] for item in inner.get("Env") or ()),
                entrypoint=_words(inner.get("Entrypoint")),
                cmd=_words(inner.get("Cmd")),
                workdir=str(inner.get("WorkingDir") or ""),
                labels={str(k): str(v) for k, v in (inner.get("Labels") or {}).items()},
                ports=tuple(sorted(str(port) for port in inner.get("ExposedPorts") or ())),
                volumes=tuple(sorted(str(path) for path in inner.get("Volumes") or ())),
                healthcheck=_healthcheck(inner.get("Healthcheck")),
                stop_signal=str(inner.get("StopSignal") or ""),
                shell=_words(inner.get("Shell")),
                onbuild=_words(inner.get("OnBuild")),
                architecture=str(raw.get("architecture") or ""),
                os=str(raw.get("os") or ""),
                history=tuple(
                    HistoryEntry(str(item.get("created_by") or ""), bool(item.get("empty_layer")))
                    for item in raw.get("history") or ()
                ),
                raw=raw,
            )
        except (AttributeError, TypeError, ValueError) as problem:
            raise BadArchive(f"its config is malformed ({problem})") from None


def instruction(created_by: str) -> str:
    """Return an entry of an image's history as its Dockerfile had it, in one line, as far as can be told."""
    text = created_by.strip().removesuffix("# buildkit").strip()
    if "#(nop)" in text:
        return " ".join(text.partition("#(nop)")[2].split())
    match = _SHELL.match(text)
    if match:
        text = f"RUN {match['rest']}"
    return " ".join(text.split())


def _words(value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(str(item) for item in value or ())  # type: ignore[attr-defined]


def _healthcheck(raw: Mapping[str, Any] | None) -> Healthcheck | None:
    if not raw:
        return None
    interval, timeout, start = (float(raw.get(key) or 0) / 1e9 for key in ("Interval", "Timeout", "StartPeriod"))
    return Healthcheck(_words(raw.get("Test")), interval, timeout, start, int(raw.get("Retries") or 0))
