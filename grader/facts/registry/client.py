"""Requests to one registry: over which protocol, with which login, and how much of an answer is read.

Plain HTTP is used only with this machine, as in Docker. No answer can make the client use it elsewhere, and only a
registry on this machine can redirect it to this machine.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit

from grader.errors import LoginRequired, RegistryUnavailable
from grader.facts.dockerfile.reference import DOCKER_HUB
from grader.facts.registry import login
from grader.lib.cancel import check_cancelled
from grader.lib.text import clean

TIMEOUT = 15.0
"""Seconds without any data after which a request fails."""
MAX_SECONDS = 600.0
"""Seconds for one answer, however slowly it comes."""
MAX_REDIRECTS = 5
CHUNK = 1 << 18
_MAX_TOKEN = 1 << 20
_HUB = "registry-1.docker.io"
_CHALLENGE = re.compile(r"\s*([A-Za-z]+)\s+(.*)", re.DOTALL)
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


def is_loopback(host: str) -> bool:
    """Whether the host of an address (with a port or without) is this machine itself."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class RegistryResponse:
    """An answer whose body has not been read yet."""

    def __init__(self, response: http.client.HTTPResponse, address: str, registry: str) -> None:
        self.status = response.status
        self.headers = response.headers
        self.address = address
        """Its address after all redirects."""
        self._response = response
        self._registry = registry

    def close(self) -> None:
        self._response.close()

    def chunks(self, limit: int) -> Iterator[bytes]:
        """Yield the body as it comes, until it ends or more than `limit` bytes have come.

        Raises RegistryUnavailable if it is cut off, or does not end within MAX_SECONDS.
        """
        deadline = time.monotonic() + MAX_SECONDS
        came = 0
        while came <= limit:
            check_cancelled()
            if time.monotonic() > deadline:
                raise _silent(self._registry, "an answer did not end")
            try:
                chunk = self._response.read1(CHUNK)
            except (OSError, http.client.HTTPException, ValueError) as problem:
                raise _silent(self._registry, problem) from None
            if not chunk:
                if self._response.length:  # bytes that were announced
                    raise _silent(self._registry, "an answer was cut off")
                return
            came += len(chunk)
            yield chunk

    def read(self, limit: int) -> bytes:
        """Return the body. If it is longer than `limit` bytes, a little more than `limit` bytes of it."""
        return b"".join(self.chunks(limit))

    def error(self) -> str:
        """Return the registry's error code, such as "MANIFEST_BLOB_UNKNOWN"; empty if it gives none."""
        try:
            return clean(str(json.loads(self.read(1 << 16))["errors"][0]["code"]), 60)
        except (ValueError, RecursionError, KeyError, IndexError, TypeError):
            return ""


class Challenge(NamedTuple):
    """How a registry asks for a login."""

    scheme: str
    parameters: Mapping[str, str]

    @classmethod
    def of(cls, header: str) -> Challenge | None:
        match = _CHALLENGE.fullmatch(header)
        return cls(match[1].lower(), dict(_PARAMETER.findall(match[2]))) if match else None


class Client:
    """Sends requests to one registry ("localhost:5000", "docker.io") about one of its repositories."""

    def __init__(self, registry: str, repository: str) -> None:
        self.registry = registry
        host = _HUB if registry == DOCKER_HUB else registry
        self.local = is_loopback(host)
        self.base = f"{'http' if self.local else 'https'}://{host}"
        self._repository = repository
        self._authorization: str | None = None
        handlers: list[urllib.request.BaseHandler] = [urllib.request.HTTPHandler(), urllib.request.HTTPSHandler()]
        if not self.local:
            handlers.append(urllib.request.ProxyHandler())
        # An opener that handles neither redirects nor statuses: this class does.
        self._opener = urllib.request.OpenerDirector()
        for handler in handlers:
            self._opener.add_handler(handler)

    @contextmanager
    def ask(
        self, method: str, address: str, *, headers: Mapping[str, str] | None = None, data: bytes | None = None
    ) -> Iterator[RegistryResponse]:
        """Send a request, and close its answer at the end of the block. `address` may be relative to the registry's.

        The answer's status is below 400, or 404, or another one that says what is wrong with the request.

        Raises LoginRequired for 401 and 403, and RegistryUnavailable if nothing answers, if the registry has trouble of
        its own, or if it is not a registry.
        """
        address = urljoin(self.base, address)
        with ExitStack() as stack:
            answer = stack.enter_context(closing(self._follow(method, address, headers, data)))
            if answer.status == 401 and (authorization := self._log_in(answer)):
                self._authorization = authorization
                answer = stack.enter_context(closing(self._follow(method, address, headers, data)))
            if answer.status in (401, 403):
                raise LoginRequired(self._wants_login(answer.status))
            if answer.status == 429 or answer.status >= 500:
                why = "too many requests" if answer.status == 429 else f"status {answer.status}"
                raise _silent(self.registry, why)
            if answer.status == 404 and not self._is_registry(answer):
                raise RegistryUnavailable(f"what answers at {self.registry} is not a registry: it has no /v2/")
            yield answer

    def ping(self, timeout: float = TIMEOUT) -> RegistryResponse:
        """What it answers at /v2/ to someone without a login: 200, or 401 if it wants one. Nothing of it is read.

        Raises RegistryUnavailable if nothing answers; `timeout` is in seconds.
        """
        with closing(self._open("GET", f"{self.base}/v2/", {"User-Agent": "layerwise"}, None, timeout)) as answer:
            return answer

    def allowed(self, base: str, place: str) -> str:
        """Resolve an address that may be relative to `base`, and check that the client may go there.

        Raises RegistryUnavailable if it is plain HTTP to another machine, or leads from another machine to this one.
        """
        address = place
        try:
            address = urljoin(base, place)
            parts = urlsplit(address)
            local = is_loopback(parts.netloc)
            good = parts.scheme == "https" or (parts.scheme == "http" and local)
            good = good and bool(parts.hostname) and "@" not in parts.netloc and (self.local or not local)
        except ValueError:
            good = False
        if not good:
            where = clean(address.partition("?")[0], 200) or "nowhere"
            raise RegistryUnavailable(f"the registry {self.registry} redirects to an address that is not safe: {where}")
        return address

    def _follow(
        self, method: str, address: str, headers: Mapping[str, str] | None, data: bytes | None
    ) -> RegistryResponse:
        """Send a request and follow redirects. The login goes only to the registry's own host."""
        for _ in range(MAX_REDIRECTS + 1):
            sent = {"User-Agent": "layerwise", **(headers or {})}
            if self._authorization and _origin(address) == _origin(self.base):
                sent["Authorization"] = self._authorization
            answer = self._open(method, address, sent, data)
            place = answer.headers.get("Location")
            if answer.status not in (301, 302, 303, 307, 308) or not place:
                return answer
            answer.close()
            if method not in ("GET", "HEAD"):
                raise _silent(self.registry, "it redirects what is pushed")
            address = self.allowed(address, place)
        raise _silent(self.registry, "it redirects in a circle")

    def _open(
        self, method: str, address: str, headers: Mapping[str, str], data: bytes | None, timeout: float = TIMEOUT
    ) -> RegistryResponse:
        check_cancelled()
        try:
            request = urllib.request.Request(address, data=data, headers=dict(headers), method=method)
            response = self._opener.open(request, timeout=timeout)
        except (OSError, http.client.HTTPException, ValueError) as problem:
            raise _silent(self.registry, problem) from None
        if response is None:
            raise _silent(self.registry, "no route to it")
        return RegistryResponse(response, address, self.registry)

    def _log_in(self, refusal: RegistryResponse) -> str | None:
        """Return the Authorization for another attempt, and None if there is none to try."""
        if _origin(refusal.address) != _origin(self.base):
            return None
        challenges = [Challenge.of(header) for header in refusal.headers.get_all("WWW-Authenticate") or ()]
        known = {challenge.scheme: challenge for challenge in challenges if challenge}
        account = login.find_login(self.registry)
        if "bearer" in known:
            return self._token(known["bearer"], account)
        basic = account.basic if account and "basic" in known else None
        return basic if basic != self._authorization else None

    def _token(self, challenge: Challenge, account: login.Login | None) -> str | None:
        """Get a token from where the registry says, an anonymous one if there is no login."""
        parameters = dict(challenge.parameters)
        realm = self.allowed("", parameters.pop("realm", ""))
        parameters.setdefault("scope", f"repository:{self._repository}:pull")
        parameters.pop("error", None)
        address = f"{realm}{'&' if urlsplit(realm).query else '?'}{urlencode(parameters)}"
        headers = {"User-Agent": "layerwise", **({"Authorization": account.basic} if account else {})}
        with closing(self._open("GET", address, headers, None)) as answer:
            if answer.status in (401, 403):
                raise LoginRequired(self._wants_login(answer.status))
            if answer.status != 200:
                raise _silent(self.registry, f"its token service answers with status {answer.status}")
            try:
                table: Any = json.loads(answer.read(_MAX_TOKEN))
            except (ValueError, RecursionError):
                table = None
        token = (table.get("token") or table.get("access_token")) if isinstance(table, dict) else None
        if not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token):
            raise _silent(self.registry, "its token service gives no valid token")
        return f"Bearer {token}"

    def _is_registry(self, refusal: RegistryResponse) -> bool:
        """Whether what answered 404 is a registry at all, and not another service."""
        if refusal.headers.get("Docker-Distribution-Api-Version") or _origin(refusal.address) != _origin(self.base):
            return True
        with closing(self._follow("GET", f"{self.base}/v2/", None, None)) as answer:
            return answer.status in (200, 401)

    def _wants_login(self, status: int) -> str:
        if login.find_login(self.registry) is None:
            return f"the registry {self.registry} needs a login ({status}): docker login {self.registry}"
        return f"the registry {self.registry} does not accept the login it was given ({status})"


def _origin(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc.lower()


def _silent(registry: str, problem: object) -> RegistryUnavailable:
    why = clean(str(getattr(problem, "reason", None) or problem), 200)
    return RegistryUnavailable(f"the registry {registry} does not answer ({why})")
