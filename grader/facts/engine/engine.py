"""The one small interface to Docker: whatever is done to an engine goes through an Engine.

Every call has a timeout, and every fault is translated: EngineUnavailable if the engine stopped answering,
EngineFailure if it answered with a fault of its own, KeyError if what was named does not exist. What is made here
carries this process's mark (`grader.lib.owner`), and connecting to an engine removes what dead processes left there.
Builds are in `facts/build/build.py`.
"""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import quote

from grader.errors import EngineFailure, EngineUnavailable
from grader.facts.engine.errors import NEVER_BEGAN, reason, refusable, translated
from grader.facts.engine.info import OLDEST, EngineInfo
from grader.facts.engine.inside import Inside
from grader.facts.engine.readahead import read_ahead
from grader.lib import owner
from grader.lib.text import clean

LABEL = "layerwise"
"""The label of every container that the lab or the grader makes."""
OWNER_LABEL = "layerwise.owner"
"""The label whose value begins with the mark of the process that made the container."""
REPOSITORY = "layerwise-grade"
"""The repository of every image that a grading builds. Its tags begin with the mark of the process."""
DEFAULT_SOCKET = "unix:///var/run/docker.sock"

# Bits of Go's os.FileMode.
_KINDS = (
    (1 << 31, "directory"),
    (1 << 27, "link"),
    (1 << 26, "device"),
    (1 << 25, "named pipe"),
    (1 << 24, "socket"),
)
_LINKS = 40
"""Links that are followed, as by the kernel."""
_TIMEOUT = 60
_CONNECT_TIMEOUT = 10
SWEEP_SECONDS = 5.0
"""Seconds that a grading waits for the removal of what dead processes left. Then that goes on in parallel."""
_CHUNK = 1 << 18


def new_name() -> str:
    """Return a name for an image of this grading. Whoever makes the image removes it; after a crash `Engine.sweep`."""
    return f"{REPOSITORY}:{owner.mark()}-{secrets.token_hex(6)}"


class Engine(Inside):
    """A Docker engine that answered. Close it when done."""

    def __init__(self, api: Any, host: str, info: EngineInfo) -> None:
        self._api = api
        self.host = host
        """Its address, as in DOCKER_HOST."""
        self.info = info

    @classmethod
    def connect(cls, env: Mapping[str, str] | None = None) -> Engine:
        """Connect to the engine that DOCKER_HOST names, or else to the one at the default socket.

        Raises EngineUnavailable if none answers, or if it is older than 20.10.
        """
        import docker
        from docker.utils import kwargs_from_env

        env = os.environ if env is None else env
        host = env.get("DOCKER_HOST") or DEFAULT_SOCKET
        remedy = "start one with 'lab up', or set DOCKER_HOST to one that runs"
        try:
            settings = {"base_url": host} | kwargs_from_env(dict(env) or {"": ""})
            api = docker.APIClient(version="auto", timeout=_CONNECT_TIMEOUT, **settings)
            raw: dict[str, Any] = api.info()
        except Exception as problem:  # the SDK does not catch what its transports raise
            raise EngineUnavailable(f"no Docker engine answers at {host} ({reason(problem)}): {remedy}") from None
        api.timeout = _TIMEOUT
        info = EngineInfo.read(raw)
        if info.release < OLDEST:
            api.close()
            raise EngineUnavailable(f"the engine at {host} is {info.version}, and 20.10 or later is needed: {remedy}")
        engine = cls(api, host, info)
        # What cannot be removed, or not in time, must neither fail nor hold up this grading.
        sweep = threading.Thread(target=engine._sweep_quietly, name="sweep", daemon=True)
        sweep.start()
        sweep.join(SWEEP_SECONDS)
        return engine

    def close(self) -> None:
        self._api.close()

    def answers(self) -> bool:
        """Whether the engine still answers."""
        try:
            self._api.ping()
        except Exception:
            return False
        return True

    def now(self) -> datetime:
        """Return the time by the engine's own clock."""
        with self._translated():
            return datetime.fromisoformat(str(self._api.info()["SystemTime"]))

    # Images

    def inspect_image(self, name: str) -> dict[str, Any]:
        """Return what the engine knows of an image. Raises KeyError if it has none of that name."""
        with self._translated():
            return dict(self._api.inspect_image(name))

    def pull(self, name: str) -> None:
        """Pull an image, named with its tag, unless the engine has it. Raises EngineFailure if it cannot be pulled."""
        with contextlib.suppress(KeyError):
            self.inspect_image(name)
            return
        repository, _, tag = name.rpartition(":")
        with contextlib.suppress(KeyError), self._translated():
            self._api.pull(repository, tag=tag)
        try:
            self.inspect_image(name)
        except KeyError:
            raise EngineFailure(f"the engine cannot get the image {name}: see 'lab status', then grade again") from None

    def image_names(self) -> list[str]:
        """Return the names of all images, both with a tag and with a digest (repository@digest)."""
        for _ in range(20):
            # The containerd store cannot list images while one of them is removed.
            with contextlib.suppress(KeyError), self._translated():
                images = self._api.images()
                return sorted(
                    name for image in images for kind in ("RepoTags", "RepoDigests") for name in image.get(kind) or ()
                )
            time.sleep(0.1)
        raise EngineFailure("the engine cannot list its images just now: try again")

    @contextmanager
    def save_image(self, name: str) -> Iterator[Iterator[bytes]]:
        """Stream the image as an archive (`docker save`), in chunks. Raises KeyError if there is no such image."""
        # Not the SDK's get_image, which waits forever if the engine falls silent.
        url = f"{self._api.base_url}/v{self._api.api_version}/images/{quote(name, safe='')}/get"
        with self._translated():
            response = self._api.get(url, stream=True, timeout=_TIMEOUT)
        with closing(response):
            if response.status_code == 404:
                raise KeyError(name)
            if response.status_code != 200:
                raise EngineFailure(f"the engine cannot export the image: {clean(response.text[:300], 200)}")
            with read_ahead(self._chunks(response.raw.stream(_CHUNK, decode_content=False))) as chunks:
                yield chunks

    def import_image(self, name: str, program: bytes) -> None:
        """Make an image that holds one program, and runs it."""
        repository, _, tag = name.rpartition(":")
        with self._translated():
            self._api.import_image_from_data(
                program_archive("program", program), repository=repository, tag=tag, changes=['CMD ["/program"]']
            )

    def remove_image(self, name: str) -> None:
        """Remove the name of an image, and the image with its last name. Does nothing if there is no such image."""
        with contextlib.suppress(KeyError), self._translated():
            self._api.remove_image(name, force=True)

    # Containers

    def create_container(self, image: str, *, host: Mapping[str, Any], **config: Any) -> str:
        """Create a labelled container and return its id.

        `host` is the HostConfig and `config` the rest, in the names of the SDK's `create_host_config` and
        `create_container`.

        Raises KeyError if the image does not exist, and ContainerRefused if it names nothing to run.
        """
        labels = {LABEL: "grade", OWNER_LABEL: owner.mark()}
        with self._refusable():
            settings = self._api.create_host_config(**host)
            return str(self._api.create_container(image, host_config=settings, labels=labels, **config)["Id"])

    def commit(self, container: str, image: str) -> None:
        """Make an image of what a container that has ended left. Raises KeyError if the container is gone."""
        name, _, tag = image.partition(":")
        with self._translated():
            self._api.commit(container, repository=name, tag=tag)

    def kind_of(self, container: str, path: str) -> str:
        """Return what a path of a container is, links followed: "file", "directory", "named pipe", "socket", "device",
        "link" (in a circle), or nothing if it does not exist. The file is not opened. Raises KeyError if the container
        is gone.
        """
        from docker.utils import decode_json_header

        url = f"{self._api.base_url}/v{self._api.api_version}/containers/{container}/archive"
        for _ in range(_LINKS):
            with self._translated():
                response = self._api.head(url, params={"path": path}, timeout=_TIMEOUT)
            if response.status_code == 404:
                _ = self.inspect_container(container)
                return ""
            if response.status_code != 200:
                # The daemon gives up at links in a circle, and a HEAD has no body that would say so.
                return "link"
            with self._translated():
                found = decode_json_header(response.headers["X-Docker-Container-Path-Stat"])
            kind = next((word for bits, word in _KINDS if int(found["mode"]) & bits), "file")
            if kind != "link":
                return kind
            path = str(found["linkTarget"])
        return "link"

    def start_container(self, container: str) -> Output:
        """Start a container and return all that it prints, to be closed in the end.

        Raises ContainerRefused if the image asks for something that cannot be started (no such program or user).
        """
        for _ in range(2):
            try:
                return self._start(container)
            except EngineFailure as problem:
                if not NEVER_BEGAN.search(str(problem)):
                    raise
        return self._start(container)

    def _start(self, container: str) -> Output:
        """Attach, then start. Each start needs a stream of its own: the engine closes it if the start fails."""
        with self._translated():
            output = Output(self._api.attach(container, stream=True, demux=True))
        try:
            with self._refusable():
                self._api.start(container)
        except BaseException:
            output.close()
            raise
        return output

    def inspect_container(self, container: str) -> dict[str, Any]:
        """Return the container's state and settings. Raises KeyError if it is gone."""
        with self._translated():
            return dict(self._api.inspect_container(container))

    def changes(self, container: str) -> list[tuple[str, str]]:
        """Return what differs from the container's image (`docker diff`): "changed", "added" or "removed", and a path.

        Raises KeyError if the container is gone.
        """
        with self._translated():
            found = self._api.diff(container) or ()
        words = ("changed", "added", "removed")
        return [(words[int(change["Kind"])], str(change["Path"])) for change in found]

    def wait(self, container: str, timeout: float) -> int | None:
        """Wait for the container to end. Returns its exit status, or None if it goes on after `timeout` seconds."""
        import requests.exceptions

        with self._translated():
            try:
                return int(self._api.wait(container, timeout=max(0.1, timeout))["StatusCode"])
            except (requests.exceptions.ReadTimeout, requests.exceptions.ConnectionError) as problem:
                if isinstance(problem, requests.exceptions.ReadTimeout) or "timed out" in str(problem).lower():
                    return None
                raise

    def top(self, container: str, columns: str, *, threads: bool = False) -> tuple[list[str], list[list[str]]]:
        """Return the container's processes, as `ps -eo COLUMNS` on the engine's machine shows them: titles and rows.

        With `threads`, there is a row for each thread. Raises KeyError if the container is gone or does not run, and
        EngineFailure if that `ps` does not know the columns.
        """
        with self._translated():
            found = self._api.top(container, f"-e{'L' if threads else ''}o {columns}")
        return list(found["Titles"]), [list(row) for row in found["Processes"] or ()]

    def logs(self, container: str, limit: int) -> tuple[bytes, bytes]:
        """Return the first `limit` bytes that the engine has kept of standard output and of standard error.

        Raises KeyError if the container is gone.
        """
        found = []
        for stream in ("stdout", "stderr"):
            data = bytearray()
            with self._translated():
                for chunk in self._api.logs(
                    container, stdout=stream == "stdout", stderr=stream == "stderr", stream=True, follow=False
                ):
                    data += chunk[: limit - len(data)]
            found.append(bytes(data))
        return found[0], found[1]

    def signal(self, container: str, name: str) -> None:
        """Send the main process a signal, such as "SIGTERM". Raises KeyError if the container does not run."""
        with self._translated():
            self._api.kill(container, name)

    def remove_container(self, container: str) -> None:
        """Kill a container and remove it with its anonymous volumes. Does nothing if it is gone."""
        with contextlib.suppress(KeyError), self._translated():
            self._api.remove_container(container, force=True, v=True)

    def create_network(self) -> str:
        """Create a labelled network with no way out, and return its id.

        It is not "internal", since no port can be published from an internal network. Instead the engine does not
        translate its addresses, so that nothing answers what a container sends out.
        """
        with self._translated():
            created = self._api.create_network(
                f"{REPOSITORY}-{owner.mark()}-{secrets.token_hex(6)}",
                driver="bridge",
                options={"com.docker.network.bridge.enable_ip_masquerade": "false"},
                labels={LABEL: "grade", OWNER_LABEL: owner.mark()},
            )
        return str(created["Id"])

    def remove_network(self, network: str) -> None:
        """Remove a network that no container uses. Does nothing if it is gone."""
        with contextlib.suppress(KeyError), self._translated():
            self._api.remove_network(network)

    def _sweep_quietly(self) -> None:
        with contextlib.suppress(Exception):  # the engine may be closed meanwhile
            self.sweep()

    def sweep(self) -> None:
        """Remove the containers, networks and images of gradings on this machine whose process has ended."""
        containers: list[Any] = []
        networks: list[Any] = []
        images: list[Any] = []
        # The containerd store cannot list images while one of them is removed ("content digest … not found"), as when
        # another grading ends at this moment. What is stale is then left to the next connection.
        with contextlib.suppress(KeyError), self._translated():
            containers = self._api.containers(all=True, filters={"label": OWNER_LABEL})
            networks = self._api.networks(filters={"label": OWNER_LABEL})
            images = self._api.images(name=REPOSITORY)
        for container in containers:
            if owner.is_stale(str(container["Labels"].get(OWNER_LABEL, ""))):
                with contextlib.suppress(EngineFailure):  # what cannot be removed must not fail another grading
                    self.remove_container(container["Id"])
        for network in networks:
            if owner.is_stale(str(network["Labels"].get(OWNER_LABEL, ""))):
                with contextlib.suppress(EngineFailure):  # another sweep is still at its containers
                    self.remove_network(network["Id"])
        for image in images:
            for tag in image["RepoTags"] or ():
                if owner.is_stale(tag.rpartition(":")[2]):
                    with contextlib.suppress(EngineFailure):
                        self.remove_image(tag)

    def _translated(self) -> AbstractContextManager[None]:
        return translated(self.answers)

    def _refusable(self) -> AbstractContextManager[None]:
        return refusable(self.answers)


def program_archive(name: str, content: bytes) -> bytes:
    """Return a tar with one executable file."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(content), 0o755
        tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


class Output:
    """A container's output as it comes: pairs of (standard output, standard error), until the container ends."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[tuple[bytes | None, bytes | None]]:
        return iter(self._stream)

    def close(self) -> None:
        """Stop reading. May be called from another thread than the one that reads."""
        with contextlib.suppress(Exception):  # some transports cannot cancel it: then it ends with the container
            self._stream.close()
        with contextlib.suppress(Exception):
            self._stream._response.close()  # the SDK shuts the socket and leaves the rest to the garbage collector
