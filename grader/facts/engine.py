"""The one small interface to Docker. Everything else that is done to an engine goes through an Engine.

Every call has a timeout and every fault is translated: EngineUnavailable where the engine stopped answering,
EngineFailure where it answered with a fault of its own, KeyError where what was named does not exist. What is made here
carries this process's mark (`grader.owner`), and what a dead process left is removed when an engine is connected to.
Builds are in `facts/build.py`.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import secrets
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from grader import owner
from grader.errors import EngineFailure, EngineUnavailable, SubmissionFault
from grader.facts.ahead import ahead
from grader.verdict import clean

LABEL = "layerwise"
"""The label of every container the lab or the grader makes."""
OWNER_LABEL = "layerwise.owner"
"""Its value begins with the mark of the process that made the container."""
REPOSITORY = "layerwise-grade"
"""The repository of every image built by a grading; its tags begin with the maker's mark."""
DEFAULT_SOCKET = "unix:///var/run/docker.sock"
OLDEST = (20, 10)

_TIMEOUT = 60
_CONNECT_TIMEOUT = 10
_CHUNK = 1 << 18


@dataclass(frozen=True)
class EngineInfo:
    """What an engine says of itself. `image_store` is "containerd", or the storage driver of the classic store."""

    version: str
    image_store: str
    architecture: str
    os: str
    cpus: int
    memory: int
    """Bytes."""
    cgroup_driver: str
    cgroup_version: str

    @property
    def release(self) -> tuple[int, ...]:
        """The leading numbers of `version`, two at most: (26, 1)."""
        return _version(self.version)


class Engine:
    """A Docker engine that answered. Close it when done."""

    def __init__(self, api: Any, host: str, info: EngineInfo) -> None:
        self._api = api
        self.host = host
        """How to reach it, as DOCKER_HOST has it."""
        self.info = info

    @classmethod
    def connect(cls, env: Mapping[str, str] | None = None) -> Engine:
        """The engine named by DOCKER_HOST, else the one at the default socket.

        Raises EngineUnavailable where none answers or it is older than 20.10.
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
        except Exception as problem:  # the SDK lets whatever its transports raise through
            raise EngineUnavailable(f"no Docker engine answers at {host} ({_why(problem)}): {remedy}") from None
        api.timeout = _TIMEOUT
        info = _info(raw)
        if info.release < OLDEST:
            api.close()
            raise EngineUnavailable(f"the engine at {host} is {info.version}, and 20.10 or later is needed: {remedy}")
        engine = cls(api, host, info)
        engine.sweep()
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

    # Images

    def inspect_image(self, name: str) -> dict[str, Any]:
        """What the engine knows of an image. KeyError where it has none of that name."""
        with self._translated():
            return dict(self._api.inspect_image(name))

    def pull(self, name: str) -> None:
        """Have an image of a registry, named with its tag, on the engine, unless it is there. EngineFailure where it
        cannot be had."""
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

    def tagged_images(self) -> list[str]:
        """The names (repository:tag) of all images."""
        return [name for name in self.image_names() if "@" not in name]

    def image_names(self) -> list[str]:
        """The names of all images, those with a tag and those with a digest (repository@digest)."""
        for _ in range(20):
            # The containerd store cannot list images while one of them goes.
            with contextlib.suppress(KeyError), self._translated():
                images = self._api.images()
                return sorted(
                    name for image in images for kind in ("RepoTags", "RepoDigests") for name in image.get(kind) or ()
                )
            time.sleep(0.1)
        raise EngineFailure("the engine cannot list its images just now: try again")

    @contextmanager
    def save_image(self, name: str) -> Iterator[Iterator[bytes]]:
        """The image as an archive (`docker save`), in chunks, unseen by any disk. KeyError where there is none."""
        # Not the SDK's get_image: that waits without end where the engine falls silent.
        url = f"{self._api.base_url}/v{self._api.api_version}/images/{quote(name, safe='')}/get"
        with self._translated():
            response = self._api.get(url, stream=True, timeout=_TIMEOUT)
        with closing(response):
            if response.status_code == 404:
                raise KeyError(name)
            if response.status_code != 200:
                raise EngineFailure(f"the engine does not give out the image: {clean(response.text[:300], 200)}")
            with ahead(self._chunks(response.raw.stream(_CHUNK, decode_content=False))) as chunks:
                yield chunks

    def _chunks(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        while True:
            with self._translated():
                chunk = next(chunks, None)
            if chunk is None:
                return
            yield chunk

    def remove_image(self, name: str) -> None:
        """Take the name off an image; the image goes with its last name. Nothing happens where there is none."""
        with contextlib.suppress(KeyError), self._translated():
            self._api.remove_image(name, force=True)

    # Containers

    def create_container(self, image: str, *, host: Mapping[str, Any], **config: Any) -> str:
        """Create a labelled container; its id. KeyError where the image does not exist, ContainerRefused where it says
        nothing to run.

        `host` is the HostConfig and `config` the rest, in the names of the SDK's `create_host_config` and
        `create_container`.
        """
        labels = {LABEL: "grade", OWNER_LABEL: owner.mark()}
        with self._refusable():
            settings = self._api.create_host_config(**host)
            return str(self._api.create_container(image, host_config=settings, labels=labels, **config)["Id"])

    def commit(self, container: str, image: str) -> None:
        """Make an image of that name from what a container that has ended left. KeyError where it is gone."""
        name, _, tag = image.partition(":")
        with self._translated():
            self._api.commit(container, repository=name, tag=tag)

    def put_program(self, container: str, name: str, content: bytes) -> None:
        """Lay an executable file into the root folder of a container that was created. KeyError where it is gone."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
        with self._translated():
            self._api.put_archive(container, "/", archive.getvalue())

    def start_container(self, container: str) -> Output:
        """Start it; what it prints, from the beginning on, to be closed in the end. ContainerRefused where the image
        asks for what cannot be started (no such program or user)."""
        for _ in range(2):
            try:
                return self._start(container)
            except EngineFailure as problem:
                if not NEVER_BEGAN.search(str(problem)):
                    raise
        return self._start(container)

    def _start(self, container: str) -> Output:
        """Attach, then start. After a start that fails the engine lets go of who was attached: each has its own."""
        with self._translated():
            output = Output(self._api.attach(container, stream=True, demux=True))
        try:
            with self._refusable():
                self._api.start(container)
        except BaseException:
            output.close()
            raise
        return output

    @contextmanager
    def _refusable(self) -> Iterator[None]:
        """Tell what the image is to blame for from the engine's own faults."""
        import docker.errors

        try:
            with self._translated(raw=True):
                yield
        except docker.errors.APIError as problem:
            text = " ".join(clean(str(problem.explanation or problem), 400).split())
            if _REFUSED.search(text):
                raise ContainerRefused(_RUNTIME.sub("", text).removesuffix(": unknown")) from None
            raise _failure(problem) from None

    def inspect_container(self, container: str) -> dict[str, Any]:
        """The container's state and settings. KeyError where it is gone."""
        with self._translated():
            return dict(self._api.inspect_container(container))

    def changes(self, container: str) -> list[tuple[str, str]]:
        """What differs from the container's image (`docker diff`): "changed", "added" or "removed", and a path.

        KeyError where the container is gone.
        """
        with self._translated():
            found = self._api.diff(container) or ()
        words = ("changed", "added", "removed")
        return [(words[int(change["Kind"])], str(change["Path"])) for change in found]

    def wait(self, container: str, timeout: float) -> int | None:
        """The exit status, once it has ended; None where it has not within `timeout` seconds."""
        import requests.exceptions

        with self._translated():
            try:
                return int(self._api.wait(container, timeout=max(0.1, timeout))["StatusCode"])
            except (requests.exceptions.ReadTimeout, requests.exceptions.ConnectionError) as problem:
                if isinstance(problem, requests.exceptions.ReadTimeout) or "timed out" in str(problem).lower():
                    return None
                raise

    def top(self, container: str, columns: str, *, threads: bool = False) -> tuple[list[str], list[list[str]]]:
        """The container's processes as `ps -eo COLUMNS` on the engine's machine shows them: titles and rows; with
        `threads` a row for each thread.

        KeyError where it is gone or does not run; EngineFailure where that `ps` does not know the columns.
        """
        with self._translated():
            found = self._api.top(container, f"-e{'L' if threads else ''}o {columns}")
        return list(found["Titles"]), [list(row) for row in found["Processes"] or ()]

    def signal(self, container: str, name: str) -> None:
        """Send the main process a signal, such as "SIGTERM". KeyError where it is gone or does not run."""
        with self._translated():
            self._api.kill(container, name)

    def remove_container(self, container: str) -> None:
        """Kill and remove it with its anonymous volumes. Nothing happens where it is gone."""
        with contextlib.suppress(KeyError), self._translated():
            self._api.remove_container(container, force=True, v=True)

    def create_network(self) -> str:
        """Create a labelled network of its own with no way out; its id.

        It is not "internal", since no port can be published from such a one. Instead the engine does not translate
        its addresses: what a container sends out finds no way back.
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
        """Remove a network that no container uses. Nothing happens where it is gone."""
        with contextlib.suppress(KeyError), self._translated():
            self._api.remove_network(network)

    def sweep(self) -> None:
        """Remove the containers, networks and images of gradings on this machine whose process has ended."""
        containers: list[Any] = []
        networks: list[Any] = []
        images: list[Any] = []
        # The containerd store cannot list images while one of them goes ("content digest … not found"), as when another
        # grading beside this one ends: what is stale is then left to the next connection.
        with contextlib.suppress(KeyError), self._translated():
            containers = self._api.containers(all=True, filters={"label": OWNER_LABEL})
            networks = self._api.networks(filters={"label": OWNER_LABEL})
            images = self._api.images(name=REPOSITORY)
        for container in containers:
            if owner.is_stale(str(container["Labels"].get(OWNER_LABEL, ""))):
                self.remove_container(container["Id"])
        for network in networks:
            if owner.is_stale(str(network["Labels"].get(OWNER_LABEL, ""))):
                with contextlib.suppress(EngineFailure):  # another sweep is still at its containers
                    self.remove_network(network["Id"])
        for image in images:
            for tag in image["RepoTags"] or ():
                if owner.is_stale(tag.rpartition(":")[2]):
                    self.remove_image(tag)

    @contextmanager
    def _translated(self, *, raw: bool = False) -> Iterator[None]:
        """Turn the SDK's faults into ours; with `raw`, an answer of the engine itself passes as it is."""
        import docker.errors
        import requests.exceptions
        import urllib3.exceptions

        try:
            yield
        except docker.errors.NotFound as problem:
            raise KeyError(clean(str(problem.explanation or problem), 300)) from None
        except docker.errors.APIError as problem:
            if raw:
                raise
            if problem.status_code == 409 and "is not running" in str(problem.explanation):
                raise KeyError(clean(str(problem.explanation), 300)) from None
            raise _failure(problem) from None
        except (
            docker.errors.DockerException,
            requests.exceptions.RequestException,
            urllib3.exceptions.HTTPError,
            OSError,
            ValueError,  # an answer cut short is not JSON
        ) as problem:
            if self.answers():
                raise EngineFailure(f"the engine's answer was cut short ({_why(problem)}): grade again") from None
            raise EngineUnavailable("the engine stopped answering: see 'lab status', then grade again") from None


class Output:
    """A container's output as it comes: pairs of (standard output, standard error), until the container ends."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[tuple[bytes | None, bytes | None]]:
        return iter(self._stream)

    def close(self) -> None:
        """Stop reading; also from another thread than the one that reads."""
        with contextlib.suppress(Exception):  # over some transports it cannot be cancelled, and ends with the container
            self._stream.close()
        with contextlib.suppress(Exception):
            self._stream._response.close()  # the SDK shuts the socket and leaves the rest to the garbage collector


class ContainerRefused(SubmissionFault):
    """The engine will not start a container of this image: what it should run, or as whom, is not in it."""


# What engines and runtimes say when the image, not the engine, is at fault: its program or its user is not there.
_REFUSED = re.compile(
    r"(?:unable to start container process|starting container process caused): .*(?:exec|chdir)|no command specified"
    r"|unable to find (?:user|group)|no matching entries in|no users found|uids and gids must be in range"
    r"|executable file `.*` not found|mkdir .* not a directory",
    re.IGNORECASE,
)
NEVER_BEGAN = re.compile(r"waiting for init preliminary setup: |can't get final child's PID from pipe: ")
"""What runc says where its own child was lost before it ran anything of the image: three times in some ten thousand
starts (runc 1.1.15). The next start of the same goes well."""
_RUNTIME = re.compile(
    r"^.*(?:unable to start container process|process caused): |^failed to create task for container: ", re.IGNORECASE
)


def _failure(problem: Any) -> EngineFailure:
    text = clean(str(problem.explanation or problem), 300).strip().replace("\n", " ")
    if "no space left on device" in text:
        return EngineFailure(f"the engine's disk is full: make room there, then grade again ({text})")
    return EngineFailure(f"the engine failed: {text}")


def _why(problem: BaseException) -> str:
    """The innermost reason of a transport's fault, in a few words."""
    seen: set[int] = set()
    found: BaseException = problem
    while (inner := found.__cause__ or found.__context__) is not None and id(inner) not in seen:
        seen.add(id(inner))
        found = inner
    text = found.strerror if isinstance(found, OSError) and found.strerror else str(found) or type(found).__name__
    return clean(str(text), 160).replace("\n", " ").lower()


def _info(raw: Mapping[str, Any]) -> EngineInfo:
    driver = str(raw.get("Driver", ""))
    containerd = any("containerd.snapshotter" in str(row) for row in raw.get("DriverStatus") or ())
    return EngineInfo(
        version=clean(str(raw.get("ServerVersion", "")), 60),
        image_store="containerd" if containerd else driver,
        architecture={"x86_64": "amd64", "aarch64": "arm64"}.get(raw["Architecture"], str(raw["Architecture"])),
        os=str(raw.get("OSType", "linux")),
        cpus=int(raw.get("NCPU") or 1),
        memory=int(raw.get("MemTotal") or 0),
        cgroup_driver=str(raw.get("CgroupDriver", "")),
        cgroup_version=str(raw.get("CgroupVersion", "1")),
    )


def _version(text: str) -> tuple[int, ...]:
    """The leading numbers of a version; a version that has none is taken for new ("dev" builds)."""
    numbers: list[int] = []
    for part in text.split(".")[:2]:
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers) or (10**6,)
