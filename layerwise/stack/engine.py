"""Find a Docker engine: where one may answer, and what the one that answers is."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from layerwise.errors import LabError

if TYPE_CHECKING:
    import docker

OLDEST = (20, 10)
"""The oldest engine that will do: BuildKit as the lessons use it."""

PROBE_SECONDS = 5


@dataclass(frozen=True)
class Endpoint:
    """An address at which an engine may answer.

    source     where we know it from, for people
    chosen     the user set it: then nothing else may be used in its place
    cert_path  a folder with ca.pem, cert.pem and key.pem, or empty
    """

    url: str
    source: str
    chosen: bool = False
    cert_path: str = ""


@dataclass(frozen=True)
class EngineInfo:
    """What an engine says of itself. `image_store` is "containerd", or the name of a classic storage driver."""

    version: str
    image_store: str
    architecture: str
    system: str
    rootless: bool
    cpus: int
    memory: int
    """bytes"""


class EngineUnreachable(LabError):
    """Nothing answered at an address."""


class EngineUnusable(LabError):
    """An engine answered, but it is too old or not Docker."""


def parse_version(text: str) -> tuple[int, ...]:
    """The leading numbers of a version: "26.1.5+dfsg1" -> (26, 1, 5), "v0.13.1" -> (0, 13, 1), "" -> ()."""
    match = re.match(r"\s*v?(\d+(?:\.\d+)*)", text)
    return tuple(int(part) for part in match.group(1).split(".")) if match else ()


def config_dir(environ: Mapping[str, str]) -> Path:
    """The user's Docker configuration folder."""
    chosen = environ.get("DOCKER_CONFIG")
    return Path(chosen) if chosen else Path(environ.get("HOME") or str(Path.home())) / ".docker"


def context_endpoint(environ: Mapping[str, str]) -> Endpoint | None:
    """The current docker context's endpoint (DOCKER_CONTEXT, else config.json), or None for the default context.

    Raises LabError when a context is chosen that does not exist or cannot be read.
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
    """Where engines usually listen, with a name for each."""
    home = Path(environ.get("HOME") or str(Path.home()))
    runtime = environ.get("XDG_RUNTIME_DIR")
    places = [(Path("/var/run/docker.sock"), "the default socket")]
    if runtime:
        places.append((Path(runtime) / "docker.sock", "rootless Docker"))
    places += [
        (home / ".docker" / "run" / "docker.sock", "Docker Desktop"),
        (home / ".docker" / "desktop" / "docker.sock", "Docker Desktop"),
        (home / ".colima" / "default" / "docker.sock", "Colima"),
        (home / ".rd" / "docker.sock", "Rancher Desktop"),
        (home / ".orbstack" / "run" / "docker.sock", "OrbStack"),
    ]
    return places


def candidates(environ: Mapping[str, str]) -> list[Endpoint]:
    """Addresses to try, in order. DOCKER_HOST or a chosen context stands alone: nothing else is meant then."""
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
    """The first engine that answers and will do, or None when there is no trace of one.

    Raises LabError naming the remedy when the user chose an address that does not answer, when the engine found is too
    old or not Docker, or when its socket may not be opened.
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
    """Whether `url` leads to another machine, whose localhost:5000 is not ours."""
    parts = urlsplit(url)
    if parts.scheme in ("unix", "npipe", ""):
        return False
    return parts.scheme == "ssh" or parts.hostname not in ("localhost", "127.0.0.1", "::1")


def probe(endpoint: Endpoint, timeout: int = PROBE_SECONDS) -> EngineInfo:
    """Ask the engine at `endpoint` what it is. Raises EngineUnreachable or EngineUnusable, with the remedy."""
    if is_elsewhere(endpoint.url):
        raise EngineUnusable(
            f"{endpoint.url} ({endpoint.source}) is an engine on another machine, and its localhost:5000 is not ours; "
            "run the lab over there, or unset DOCKER_HOST"
        )
    with client(endpoint, timeout) as api:
        version: dict[str, Any] = api.version(api_version=False)
        info: dict[str, Any] = api.info()
    where = f"{endpoint.url} ({endpoint.source})"
    parts = [str(part.get("Name", "")) for part in version.get("Components") or [] if isinstance(part, dict)]
    if any("podman" in part.lower() for part in parts):
        raise EngineUnusable(
            f"Podman answers at {where}, and the lessons need Docker's engine (BuildKit); "
            "unset DOCKER_HOST or point it at a Docker engine"
        )
    number = str(version.get("Version", ""))
    if parse_version(number)[:2] < OLDEST:
        raise EngineUnusable(
            f"the Docker engine at {where} is {number or 'of no known version'}, and 20.10 or later is needed; "
            "upgrade it, or run: ./lab up --engine embedded"
        )
    if info.get("OSType", "linux") != "linux":
        raise EngineUnusable(f"the engine at {where} runs {info['OSType']} containers; switch it to Linux containers")
    drivers = {str(pair[0]): str(pair[1]) for pair in info.get("DriverStatus") or [] if len(pair) == 2}
    classic = "containerd" not in drivers.get("driver-type", "")
    return EngineInfo(
        version=number,
        image_store=str(info.get("Driver", "unknown")) if classic else "containerd",
        architecture=str(version.get("Arch") or info.get("Architecture", "")),
        system=str(info.get("OperatingSystem", "")),
        rootless=any("rootless" in str(option) for option in info.get("SecurityOptions") or []),
        cpus=int(info.get("NCPU") or 0),
        memory=int(info.get("MemTotal") or 0),
    )


@contextmanager
def client(endpoint: Endpoint, timeout: int) -> Iterator[docker.APIClient]:
    """A client of the engine's API; each call takes at most `timeout` seconds. Raises EngineUnreachable."""
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


def _knock(url: str, timeout: int) -> None:
    """Connect and hang up. The SDK leaves its socket open when it cannot connect, and its message is less plain."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(timeout)
            probe.connect(parts.path)
    elif parts.scheme == "tcp" and parts.hostname:
        socket.create_connection((parts.hostname, parts.port or 2375), timeout).close()


def _unreachable(endpoint: Endpoint, problem: Exception) -> str:
    """One line: who does not answer, why, and what to do about it."""
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
