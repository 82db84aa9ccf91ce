"""What an engine says of itself, and the oldest engine that is supported."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grader.lib.text import clean

OLDEST = (20, 10)
"""The oldest engine that is supported: it has the BuildKit that exercises and lessons need."""

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_NEW = (10**6,)


@dataclass(frozen=True)
class EngineInfo:
    """What an engine says of itself. `image_store` is "containerd", or the storage driver of the classic store."""

    version: str
    image_store: str
    architecture: str
    """As in the config of images: "amd64"."""
    os: str
    """Of its containers: "linux" or "windows"."""
    cpus: int
    memory: int
    """Bytes."""
    rootless: bool = False

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> EngineInfo:
        """Read the engine's answer to GET /info."""
        containerd = any("containerd.snapshotter" in str(row) for row in raw.get("DriverStatus") or ())
        architecture = str(raw.get("Architecture", ""))
        return cls(
            version=clean(str(raw.get("ServerVersion", "")), 60),
            image_store="containerd" if containerd else str(raw.get("Driver", "")),
            architecture=_ARCHITECTURES.get(architecture, architecture),
            os=str(raw.get("OSType", "linux")),
            cpus=int(raw.get("NCPU") or 1),
            memory=int(raw.get("MemTotal") or 0),
            rootless=any("rootless" in str(option) for option in raw.get("SecurityOptions") or ()),
        )

    @property
    def release(self) -> tuple[int, ...]:
        """The leading numbers of `version`, two at most: (26, 1). A version without numbers ("dev") counts as new."""
        return parse_version(self.version)[:2] or _NEW


def parse_version(text: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: "26.1.5+dfsg1" -> (26, 1, 5), "v0.13.1" -> (0, 13, 1), "" -> ()."""
    match = re.match(r"\s*v?(\d+(?:\.\d+)*)", text)
    return tuple(int(part) for part in match.group(1).split(".")) if match else ()
