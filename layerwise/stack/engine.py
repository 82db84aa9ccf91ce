"""Find a Docker engine: the addresses where one may answer, and whether the one that answers will do."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from grader.facts.engine.info import OLDEST, EngineInfo
from layerwise.errors import LabError

if TYPE_CHECKING:
    import docker

PROBE_SECONDS = 5


@dataclass(frozen=True)
class Endpoint:
    """An address at which an engine may answer.

    source     what the address comes from, for messages
    chosen     whether the user chose it: then nothing else may be used instead
    cert_path  a folder with ca.pem, cert.pem and key.pem, or empty
    """

    url: str
    source: str
    chosen: bool = False
    cert_path: str = ""


class EngineUnreachable(LabError):
    """Nothing answered at an address."""


class EngineUnusable(LabError):
    """An engine answered, but it is too old, not Docker, or on another machine."""


def config_dir(environ: Mapping[str, str]) -> Path:
    """The user's Docker configuration folder."""
    chosen = environ.get("DOCKER_CONFIG")
    return Path(chosen) if chosen else Path(environ.get("HOME") or str(Path.home())) / ".docker"


def context_endpoint(environ: Mapping[str, str]) -> Endpoint | None:
    """The endpoint of the current docker context (DOCKER_CONTEXT, else config.json), None for the default context.

    Raises LabError if the chosen context does not exist or cannot be read.
    """
    folder = config_dir(environ)
    name = environ.get("DOCKER_CONTEXT")
    if not name:
        try:
            name = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("currentContext")
        except (OSError, ValueError, AttributeError):
            return None
    if not name or name == "default":
        return None
    key = hashlib.sha256(name.encode()).hexdigest()
    try:
        meta = json.loads((folder / "contexts" / "meta" / key / "meta.json").read_text(encoding="utf-8"))
        url = str(meta["Endpoints"]["docker"]["Host"])
    except (OSError, ValueError, KeyError, TypeError):
        raise LabError(
            f"the docker context {name!r} cannot be read in {folder}; choose another: docker context use default"
        ) from None
    tls = folder / "contexts" / "tls" / key / "docker"
    return Endpoint(url, f"docker context {name!r}", chosen=True, cert_path=str(tls) if tls.is_dir() else "")


def default_sockets(environ: Mapping[str, str]) -> list[tuple[Path, str]]:
    """The sockets at which engines usually listen, each with a name for messages."""
    home = Path(environ.get("HOME") or str(Path.home()))
    runtime = environ.get("XDG_RUNTIME_DIR")
    places = [(Path("/var/run/docker.sock"), "the default socket")]
    if runtime:
        places.append((Path(runtime) / "docker.sock", "rootless Docker"))
    places += [
        (home / ".docker" / "run" / "docker.sock", "Docker Desktop"),
        (home / ".docker" / "desktop" / "docker.sock", "Docker Desktop"),
        (home / ".colima" / "default" / "docker.sock", "Colima"),
        (home / ".config" / "colima" / "default" / "docker.sock", "Colima"),
        (home / ".rd" / "docker.sock", "Rancher Desktop"),
        (home / ".orbstack" / "run" / "docker.sock", "OrbStack"),
    ]
    return places


def none_answers(environ: Mapping[str, str]) -> str:
    """The beginning of a message for a machine without a Docker engine. If it has Podman, it says why that is not
    enough."""
    home = Path(environ.get("HOME") or str(Path.home()))
    places = [Path("/run/podman/podman.sock"), home / ".local/share/containers/podman/machine/podman.sock"]
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        places.append(Path(runtime) / "podman" / "podman.sock")
    if any(place.exists() for place in places) or shutil.which("podman", path=environ.get("PATH")):
        return "no Docker engine answers, only Podman is here, and the lessons need Docker's own builder (BuildKit)"
    return "no Docker engine answers"


def candidates(environ: Mapping[str, str]) -> list[Endpoint]:
    """The addresses to try, in order. If DOCKER_HOST or a context is set, only that one."""
    host = environ.get("DOCKER_HOST")
    if host:
        certs = environ.get("DOCKER_CERT_PATH") or str(config_dir(environ))
        secure = bool(environ.get("DOCKER_TLS_VERIFY") or environ.get("DOCKER_TLS"))
        return [Endpoint(host, "DOCKER_HOST", chosen=True, cert_path=certs if secure else "")]
    context = context_endpoint(environ)
    if context:
        return [context]
    return [Endpoint(f"unix://{path}", name) for path, name in default_sockets(environ) if path.exists()]


def find(environ: Mapping[str, str], timeout: int = PROBE_SECONDS) -> tuple[Endpoint, EngineInfo] | None:
    """The first engine that answers and will do, None if there is no trace of one.

    Raises LabError with the remedy if the address that the user chose does not answer, if the engine found is too old
    or not Docker, or if its socket may not be opened.
    """
    refused: LabError | None = None
    for endpoint in candidates(environ):
        try:
            return endpoint, probe(endpoint, timeout)
        except EngineUnreachable as problem:
            if endpoint.chosen:
                raise
            if "ermission" in str(problem):
                refused = problem
        except EngineUnusable as problem:
            if endpoint.chosen:
                raise
            refused = problem
    if refused:
        raise refused
    return None


def is_elsewhere(url: str) -> bool:
    """Whether `url` leads to another machine: its localhost:5000 is not ours."""
    parts = urlsplit(url)
    if parts.scheme in ("unix", "npipe", ""):
        return False
    return parts.scheme == "ssh" or parts.hostname not in ("localhost", "127.0.0.1", "::1")


def listens(url: str, timeout: int = 1) -> bool:
    """Whether somebody listens at an engine's address on this machine. It is not asked who: that is quick, and loads
    nothing."""
    try:
        return _knock(url, timeout)
    except (OSError, ValueError):  # no such port
        return False


def probe(endpoint: Endpoint, timeout: int = PROBE_SECONDS) -> EngineInfo:
    """What the engine at `endpoint` says of itself. Raises EngineUnreachable or EngineUnusable, with the remedy."""
    if is_elsewhere(endpoint.url):
        raise EngineUnusable(
            f"the engine at {endpoint.url} ({endpoint.source}) is on another machine, and its localhost:5000 is not "
            "ours; run the lab over there, or unset DOCKER_HOST"
        )
    with client(endpoint, timeout) as api:
        version: dict[str, Any] = api.version(api_version=False)
        info = EngineInfo.read(api.info())
    where = f"{endpoint.url} ({endpoint.source})"
    parts = [str(part.get("Name", "")) for part in version.get("Components") or [] if isinstance(part, dict)]
    if any("podman" in part.lower() for part in parts):
        raise EngineUnusable(
            f"Podman answers at {where}, and the lessons need Docker's engine (BuildKit); "
            "unset DOCKER_HOST or point it at a Docker engine"
        )
    if not info.version or info.release < OLDEST:
        raise EngineUnusable(
            f"the Docker engine at {where} is {info.version or 'of no known version'}, and 20.10 or later is needed; "
            "upgrade it, or run: ./lab up --engine embedded"
        )
    if info.os != "linux":
        raise EngineUnusable(f"the engine at {where} runs {info.os} containers; switch it to Linux containers")
    return info


@contextmanager
def client(endpoint: Endpoint, timeout: int) -> Iterator[docker.APIClient]:
    """A client of the engine's API whose calls take at most `timeout` seconds each. Raises EngineUnreachable."""
    import docker
    import requests
    from docker.tls import TLSConfig

    tls: TLSConfig | bool = False
    try:
        if endpoint.cert_path:
            certs = Path(endpoint.cert_path)
            pair = (str(certs / "cert.pem"), str(certs / "key.pem"))
            tls = TLSConfig(client_cert=pair, ca_cert=str(certs / "ca.pem"), verify=True)
        _knock(endpoint.url, timeout)
        connect = partial(docker.APIClient, endpoint.url, tls=tls, timeout=timeout, max_pool_size=1)
        with closing(connect(version="1.41")) as first:
            spoken = str(first.version(api_version=False)["ApiVersion"])  # a newer engine may refuse to speak 1.41
        with closing(connect(version=spoken)) as opened:
            yield opened
    except (docker.errors.DockerException, requests.RequestException, OSError, ValueError, KeyError) as problem:
        raise EngineUnreachable(_unreachable(endpoint, problem)) from None


def _knock(url: str, timeout: int) -> bool:
    """Connect and hang up. The SDK would leave its socket open if it cannot connect, and its message is less clear.
    Returns whether it is an address to connect to."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(timeout)
            probe.connect(parts.path)
    elif parts.scheme == "tcp" and parts.hostname:
        socket.create_connection((parts.hostname, parts.port or 2375), timeout).close()
    else:
        return False
    return True


def _unreachable(endpoint: Endpoint, problem: Exception) -> str:
    """One line that says which engine does not answer, why, and what to do about it."""
    text = str(problem)
    if "ermission denied" in text:
        return (
            f"permission denied at {endpoint.url} ({endpoint.source}); add yourself to its group "
            f"(sudo usermod -aG docker {shlex.quote(os.environ.get('USER') or 'USER')}, then log in again)"
        )
    reasons = ("Connection refused", "No such file or directory", "timed out", "Name or service not known")
    why = next(
        (reason for reason in reasons if reason.lower() in text.lower()), text.splitlines()[0][:160] if text else ""
    )
    if endpoint.source == "DOCKER_HOST":
        cure = "start that engine, or unset DOCKER_HOST, or run: env -u DOCKER_HOST ./lab up"
    elif endpoint.chosen:
        cure = "start that engine, or run: docker context use default"
    else:
        cure = "start that engine"
    return f"no Docker engine answers at {endpoint.url} ({endpoint.source}): {why.lower()}; {cure}"
