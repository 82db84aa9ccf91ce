"""`http`: the container serves it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from grader.beside import Work
from grader.checks import CheckParams, Pattern
from grader.facts.engine import ContainerRefused
from grader.units import Duration, format_duration
from grader.verdict import Verdict, clean

if TYPE_CHECKING:
    from grader.facts import Facts
    from grader.facts.service import Answer, Service

SHOWN = 600
"""Characters of the body shown as evidence."""


class Params(CheckParams):
    """What is asked of the container, and what must come back.

    `body` is searched for anywhere in the answer's body, with `^` and `$` at line ends. `within` counts from the start
    of the container: a server may take its time to come up, and is asked again until then.
    """

    work: ClassVar[Work] = Work.RUNS
    port: int = Field(ge=1, le=65535)
    path: str = Field(default="/", pattern=r"^/[!-~]*$")
    status: int = Field(default=200, ge=200, le=599)
    body: Pattern | None = None
    within: Annotated[Duration, Field(gt=0, le=600)] = 10.0


def judge(facts: Facts, params: Params) -> Verdict:
    """Passed when, in time, `GET path` at the port is answered with the expected status and a body that matches."""
    expected = _expected(params)
    try:
        service = facts.service(params.port, params.path, lambda answer: _is_right(answer, params), params.within)
    except ContainerRefused as problem:
        return Verdict.failed(f"The container does not start: {problem}.", expected=expected, found="no process")
    details = _details(service)
    if service.good:
        message = f"{_asked(params)} is answered with status {params.status}, {_after(service)}."
        return Verdict.passed(message, details=details)
    message, found = _fault(service, params)
    return Verdict.failed(message, expected=expected, found=found, details=details)


def _is_right(answer: Answer, params: Params) -> bool:
    return answer.whole and answer.status == params.status and _matches(answer, params)


def _matches(answer: Answer, params: Params) -> bool:
    return params.body is None or bool(re.search(params.body, answer.body, re.MULTILINE))


def _fault(service: Service, params: Params) -> tuple[str, str]:
    """What is wrong, as a message and a short word on what was found."""
    asked, within, answer = _asked(params), format_duration(params.within), service.answer
    if service.once and service.exit_code is None:
        found = f"status {answer.status}" if answer else service.trouble
        return f"{asked} was answered as it should be once, and not again ({found}).", "one answer only"
    if service.exit_code is not None:
        return (
            f"The container's main process ended with exit status {service.exit_code}, {_after(service)}: "
            "what serves has to keep running in the foreground.",
            f"ended with exit status {service.exit_code}",
        )
    if answer is None:
        return _no_answer(service, params)
    found = f"status {answer.status} {clean(answer.reason, 60)}".strip()
    if answer.status != params.status:
        moved = f": a redirect to {clean(answer.location, 200)}, which is not followed" if answer.location else ""
        return f"{asked} is answered with {found}{moved}, and still was after {within}.", found
    if not answer.whole:
        return f"{asked} is answered, but the answer had not come to its end after {within}.", "an unfinished answer"
    shown = clean(answer.body, SHOWN).strip()
    return f"{asked} is answered with {found}, but its body is not the expected.", shown or "an empty body"


def _no_answer(service: Service, params: Params) -> tuple[str, str]:
    port, asked, within = params.port, _asked(params), format_duration(params.within)
    listening = service.listening
    if listening is None:
        return (
            f"{asked} had no answer within {within}: {service.trouble}. The server has to listen on port {port}, "
            "and on all addresses of the container (0.0.0.0), not only on its 127.0.0.1.",
            "no answer",
        )
    here = [found for found in listening if found.port == port]
    if any(not found.loopback for found in here):
        return f"Something listens on port {port}, but gave no answer within {within}: {service.trouble}.", "no answer"
    if here:
        return (
            f"The server listens on {here[0].address}, port {port}, and so for the container itself alone: nobody "
            "outside can connect, whatever port is published. Have it listen on all addresses, 0.0.0.0.",
            f"listening on {here[0].address}:{port} only",
        )
    if listening:
        ports = ", ".join(sorted({str(found.port) for found in listening}, key=int)[:10])
        return f"Nothing listens on port {port} after {within}; the container listens on {ports}.", f"port {ports}"
    return f"Nothing in the container listens on any port after {within}.", "no listening port"


def _asked(params: Params) -> str:
    return f"GET {params.path} at port {params.port}"


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
