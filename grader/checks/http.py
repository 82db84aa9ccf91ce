"""`http`: the container answers an HTTP request as expected."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from grader.checks import CheckParams, Pattern
from grader.facts.engine.errors import ContainerRefused
from grader.facts.engine.http import observe_service
from grader.lib.schedule import Workload
from grader.lib.text import clean
from grader.lib.units import Duration, format_duration
from grader.verdict import Verdict

if TYPE_CHECKING:
    from grader.facts import Facts
    from grader.facts.engine.http import Service
    from grader.facts.engine.http_response import HttpResponse

SHOWN = 600
"""The most characters of the body shown as evidence."""


class Params(CheckParams):
    """The request, and the expected answer.

    `body` may match anywhere in the answer's body; `^` and `$` match at line ends. `within` begins with the container's
    start: a server may take that long to come up, and is asked again and again. The second answer may take as long.
    """

    work: ClassVar[Workload] = Workload.RUNS
    port: int = Field(ge=1, le=65535)
    path: str = Field(default="/", pattern=r"^/[!-~]*$")
    status: int = Field(default=200, ge=200, le=599)
    body: Pattern | None = None
    within: Annotated[Duration, Field(gt=0, le=600)] = 10.0


def judge(facts: Facts, params: Params) -> Verdict:
    """Passed if `GET path` on the port gets the expected status and a matching body in time."""
    expected = _expected(params)
    try:
        service = observe_service(
            facts, params.port, params.path, lambda answer: _is_right(answer, params), params.within
        )
    except ContainerRefused as problem:
        return Verdict.failed(f"The container does not start: {problem}.", expected=expected, found="no process")
    details = _details(service)
    if service.good:
        message = f"{_asked(params)} gets status {params.status}, {_after(service)}."
        return Verdict.passed(message, details=details)
    message, found = _fault(service, params)
    return Verdict.failed(message, expected=expected, found=found, details=details)


def _is_right(answer: HttpResponse, params: Params) -> bool:
    return answer.whole and answer.status == params.status and _matches(answer, params)


def _matches(answer: HttpResponse, params: Params) -> bool:
    return params.body is None or bool(re.search(params.body, answer.body, re.MULTILINE))


def _fault(service: Service, params: Params) -> tuple[str, str]:
    """What is wrong, as a message and a short phrase for what was found."""
    asked, within, answer = _asked(params), format_duration(params.within), service.answer
    if service.once and service.exit_code is None:
        found = f"status {answer.status}" if answer else service.trouble
        return f"{asked} got the right answer once, but not a second time ({found}).", "the right answer only once"
    if service.exit_code is not None:
        return (
            f"The main process ended with exit status {service.exit_code}, {_after(service)}{_why_ended(service)}",
            f"ended with exit status {service.exit_code}",
        )
    if answer is None:
        return _no_answer(service, params)
    found = f"status {answer.status} {clean(answer.reason, 60)}".strip()
    if answer.status != params.status:
        moved = f": a redirect to {clean(answer.location, 200)}, which is not followed" if answer.location else ""
        return f"{asked} still gets {found} after {within}{moved}.", found
    if not answer.whole:
        return f"{asked} gets an answer, but it was not complete after {within}.", "an unfinished answer"
    shown = clean(answer.body, SHOWN).strip()
    return f"{asked} gets {found}, but the body is not what was expected.", shown or "an empty body"


def _why_ended(service: Service) -> str:
    """What a process that failed printed last. One that ended well went into the background, or had nothing to do."""
    if service.exit_code == 0:
        return ": a server has to keep running in the foreground."
    last = next((line for line in reversed(clean(service.stderr, 8 * SHOWN).splitlines()) if line.strip()), "")
    return f". It printed: {clean(last.strip(), 200)}" if last else ", and printed nothing on standard error."


def _no_answer(service: Service, params: Params) -> tuple[str, str]:
    port, asked, within = params.port, _asked(params), format_duration(params.within)
    listening = service.listening
    if listening is None:
        return (
            f"{asked} got no answer within {within}: {service.trouble}. The server has to listen on port {port}, "
            "on all addresses of the container (0.0.0.0) and not only on 127.0.0.1.",
            "no answer",
        )
    here = [found for found in listening if found.port == port]
    if any(not found.loopback for found in here):
        return f"Something listens on port {port}, but gave no answer within {within}: {service.trouble}.", "no answer"
    if here:
        return (
            f"The server listens on {here[0].address}, port {port}. Only the container itself can reach that, even if "
            "the port is published. Let it listen on all addresses: 0.0.0.0.",
            f"listening on {here[0].address}:{port} only",
        )
    if listening:
        ports = sorted({found.port for found in listening})[:10]
        open_ports = f"port{'' if len(ports) == 1 else 's'} {', '.join(map(str, ports))}"
        return f"Nothing listens on port {port} after {within}. The container listens on {open_ports}.", open_ports
    return f"Nothing in the container listens on any port after {within}.", "no listening port"


def _asked(params: Params) -> str:
    return f"GET {params.path} on port {params.port}"


def _after(service: Service) -> str:
    return f"{format_duration(service.seconds)} after the container's start"


def _expected(params: Params) -> str:
    body = f", body matching {params.body}" if params.body is not None else ""
    return f"status {params.status}{body}"


def _details(service: Service) -> dict[str, Any]:
    answer = service.answer
    shown: dict[str, Any] = {"seconds": round(service.seconds, 2)}
    if answer:
        shown |= {"status": answer.status, "body": clean(answer.body, SHOWN).strip()}
    if not service.good:
        shown["stderr"] = clean(service.stderr[-SHOWN:], SHOWN).strip()
    return {key: value for key, value in shown.items() if value not in (None, "")}
