"""The part of an Engine that reaches into a container: its files, and further commands in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing
from typing import Any

from grader.errors import EngineFailure


class Inside:
    """What an Engine does inside a container. Each method raises KeyError if the container is gone, or not running."""

    _api: Any

    def _translated(self) -> AbstractContextManager[None]:
        raise NotImplementedError

    def _chunks(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield what the engine sends, with its faults translated."""
        while True:
            with self._translated():
                chunk = next(chunks, None)
            if chunk is None:
                return
            yield chunk

    def put_archive(self, container: str, archive: bytes) -> None:
        """Unpack a tar into the root folder of a container."""
        with self._translated():
            self._api.put_archive(container, "/", archive)

    def get_tree(self, container: str, path: str, limit: int) -> bytes | None:
        """Return all that is at a path of a container as a tar, and None if that has more than `limit` bytes.

        Raises KeyError also if there is nothing at that path.
        """
        data = bytearray()
        with self._translated():
            chunks, _ = self._api.get_archive(container, path)
            with closing(chunks):
                for chunk in chunks:
                    data += chunk
                    if len(data) > limit:
                        return None
        return bytes(data)

    def export_container(self, container: str) -> Iterator[bytes]:
        """Stream all files of a container but those of its volumes, as a tar (`docker export`)."""
        with self._translated():
            chunks = iter(self._api.export(container))
        yield from self._chunks(chunks)

    def execute(self, container: str, command: Sequence[str], user: str = "") -> str:
        """Start a command in a running container, as its user if none is given. Returns the id of the execution."""
        with self._translated():
            made = self._api.exec_create(container, list(command), stdout=False, stderr=False, user=user)
        execution = str(made["Id"])
        try:
            with self._translated():
                self._api.exec_start(execution, detach=True)
        except EngineFailure:
            if self.exit_code_of(execution) is None:
                raise
        return execution

    def exit_code_of(self, execution: str) -> int | None:
        """Return the exit status of an execution, and None while it runs; 126 or 127 if it could not be started."""
        with self._translated():
            found = self._api.exec_inspect(execution)
        if found.get("Running"):
            return None
        code = found.get("ExitCode")
        return None if code is None else int(code)
