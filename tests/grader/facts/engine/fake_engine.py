"""An engine that plays one container, for tests that need none."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from grader.facts.engine.engine import Output


class FakeEngine:
    """Notes what is done with containers; it refuses to do what `fails` names."""

    def __init__(self, fails: str = "", fault: Exception | None = None) -> None:
        self.done: list[str] = []
        self.settings: dict[str, Any] = {}
        self.info = SimpleNamespace(cpus=1)
        self.kinds: dict[str, str] = {}
        self.kept = (b"", b"")
        self._fails, self._fault, self.times = fails, fault, 99

    def _do(self, what: str) -> None:
        self.done.append(what)
        if what == self._fails and self._fault and self.times > 0:
            self.times -= 1
            raise self._fault

    def create_container(self, image: str, *, host: Mapping[str, Any], **config: Any) -> str:
        self.settings = {**host, **config}
        self._do("create")
        return "x"

    def kind_of(self, name: str, path: str) -> str:
        return self.kinds.get(path, "file")

    def put_archive(self, name: str, archive: bytes) -> None:
        self._do(f"put {archive.decode()}")

    def start_container(self, name: str) -> Output:
        self._do("start")
        return Output(iter([(b"hello", None)]))

    def wait(self, name: str, timeout: float) -> int | None:
        self._do("wait")
        return 3

    def inspect_container(self, name: str) -> dict[str, Any]:
        return {
            "State": {
                "OOMKilled": True,
                "StartedAt": "2026-01-31T09:59:00.5Z",
                "FinishedAt": "2026-01-31T10:00:00.123456789Z",
            }
        }

    def logs(self, name: str, limit: int) -> tuple[bytes, bytes]:
        return self.kept

    def commit(self, name: str, image: str) -> None:
        self._do(f"commit {image}")

    def remove_container(self, name: str) -> None:
        self._do("remove")
