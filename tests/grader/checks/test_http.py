"""`http`: servers that serve, nearly serve, pretend to, or attack who asks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import ValidationError

from grader.checks import http
from grader.errors import NotObservable
from grader.facts.engine import http as service
from grader.facts.engine.engine import Engine
from grader.lib import owner
from tests.grader.conftest import facts_of
from tests.tables import cases

pytestmark = pytest.mark.waits

PYTHON = "localhost:5000/base/python:3.13-slim"
# One server for all cases: `python3 serve.py ADDRESS PORT ANSWER`, and what it sends is said by a few lines of Python.
SERVE = """
import http.server, socket, sys, time
address, port, act = sys.argv[1], int(sys.argv[2]), sys.argv[3]
def hi(body, status="200 OK", *more):
    lines = ["HTTP/1.1 " + status, f"Content-Length: {len(body)}", *more, "", body]
    return "\\r\\n".join(lines).encode()
family = socket.AF_INET6 if ":" in address else socket.AF_INET
with socket.create_server((address, port), family=family, dualstack_ipv6=address == "::") as server:
    began = time.monotonic()
    while True:
        client = server.accept()[0]
        try:
            with client:
                asked = client.recv(4096)
                path = asked.split()[1].decode() if asked else ""
                send = client.sendall
                exec(act)
        except OSError:
            pass
"""
RIGHT = "send(hi('Hello, world'))"


class Case(NamedTuple):
    """What the container does, the parameters besides port 8080, whether it passes, and a word of the message."""

    name: str
    act: str
    params: Mapping[str, Any]
    passes: bool
    says: str
    address: str = "0.0.0.0"
    port: int = 8080


QUICK = {"within": "3 s"}
SOON = {"within": "8 s"}
"""For what a server that is up says at once: a busy machine takes its time to bring it up."""
HELLO = {"body": "^Hello", "within": "10 s"}
CASES = [
    Case("serves", RIGHT, HELLO, True, "gets status 200"),
    Case("serves on all addresses of both families", RIGHT, HELLO, True, "status 200", address="::"),
    # Odd but right
    Case("says 503 while it starts", "send(hi('Hello' if time.monotonic() > began + 2 else 'wait', "
         "'200 OK' if time.monotonic() > began + 2 else '503 Busy'))", HELLO, True, "status 200"),
    Case("sends no length", "send(b'HTTP/1.0 200 OK\\r\\n\\r\\nHello')", HELLO, True, "status 200"),
    Case("sends chunks", "send(b'HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n3\\r\\nHel\\r\\n2\\r\\nlo"
         "\\r\\n0\\r\\n\\r\\n')", HELLO, True, "status 200"),
    Case("hangs up at first", "send(hi('Hello')) if time.monotonic() > began + 1 else None", HELLO, True, "status 200"),
    Case("a body of ten million bytes", "send(hi('Hello' + 'o' * 10_000_000))", HELLO, True, "status 200"),
    Case("a status that is wanted", "send(hi('gone', '404 Not Found'))", {"status": 404}, True, "status 404"),
    Case("the path as given", "send(hi(path))", {"path": "/a?b=%20", "body": r"^/a\?b=%20$"}, True, "status 200"),
    Case("fails now and then", "n = globals().get('n', 0) + 1\nsend(hi('Hello') if n % 3 == 1 else "
         "hi('busy', '503 Busy'))", HELLO, True, "status 200"),
    Case("early hints", "send(b'HTTP/1.1 103 Early Hints\\r\\nLink: </a.css>; rel=preload\\r\\n\\r\\n' + hi('Hello'))",
         HELLO, True, "status 200"),
    Case("many headers", "send(hi('Hello', '200 OK', *[f'Set-Cookie: c{n}={n}' for n in range(500)]))", HELLO, True,
         "status 200"),
    Case("another charset", "send(hi('', '200 OK', 'Content-Type: text/plain; charset=iso-8859-1')"
         ".replace(b'Length: 0', b'Length: 5') + b'h\\xe9llo')", {"body": "^h\u00e9llo$"}, True, "status 200"),
    Case("each answer takes its time", "time.sleep(3); send(hi('Hello'))", {"within": "5 s"}, True, "status 200"),
    # Near misses
    Case("another charset than it says", "send(hi('', '200 OK', 'Content-Type: text/plain; charset=utf-8')"
         ".replace(b'Length: 0', b'Length: 5') + b'h\\xe9llo')", {**QUICK, "body": "^h\u00e9llo$"}, False,
         "not what was expected"),
    Case("hints and no answer", "send(b'HTTP/1.1 103 Early Hints\\r\\n\\r\\n')", SOON, False,
         "closed without an answer"),
    Case("hints without end", "while 1: send(b'HTTP/1.1 103 Early Hints\\r\\n\\r\\n' * 99); time.sleep(.01)", QUICK,
         False, "no answer came in time"),
    Case("too slow", "time.sleep(4); send(hi('Hello'))", QUICK, False, "no answer came in time"),
    Case("only for itself", RIGHT, QUICK, False, "on 127.0.0.1, port 8080", address="127.0.0.1"),
    Case("only for itself, version 6", RIGHT, QUICK, False, "on ::1, port 8080", address="::1"),
    Case("another port", RIGHT, QUICK, False, "The container listens on port 5000", port=5000),
    Case("another port, only for itself", RIGHT, QUICK, False, "listens on port 5000", address="127.0.0.1", port=5000),
    Case("another status", "send(hi('no', '404 Not Found'))", QUICK, False, "status 404 Not Found"),
    Case("another body", "send(hi('Goodbye'))", {**QUICK, "body": "^Hello"}, False, "body is not what was expected"),
    Case("a redirect", "send(hi('', '302 Found', 'Location: /login'))", QUICK, False, "redirect to /login"),
    Case("a redirect to the right thing", "send(hi('Hello') if path == '/x' else hi('', '301 Moved', 'Location: /x'))",
         {**QUICK, "body": "^Hello"}, False, "not followed"),
    # Cheats and attacks
    Case("answers once, then fails", "n = globals().get('n', 0) + 1\nsend(hi('Hello') if n == 1 else "
         "hi('no', '500 Error'))", QUICK, False, "once, but not a second time (status 500)"),
    Case("answers once, then fails, then hangs up", "n = globals().get('n', 0) + 1\nsend(hi('Hello') if n == 1 else "
         "hi('no', '500 Error') if n == 2 else b'')", QUICK, False, "once, but not a second time (status 500)"),
    Case("answers once, then is silent", "n = globals().get('n', 0) + 1\nsend(hi('Hello')) if n == 1 else None", QUICK,
         False, "once, but not a second time"),
    Case("answers once, then ends", "send(hi('Hello')); client.close(); import os; os._exit(0)", QUICK, False,
         "exit status 0"),
    Case("HTTP 0.9", "send(b'Hello, world\\n')", SOON, False, "is not HTTP"),
    Case("garbage", "send(bytes(range(256)) * 1000)", SOON, False, "is not HTTP"),
    Case("garbage, after a moment", "time.sleep(.4); send(bytes(range(256)))", SOON, False, "is not HTTP"),
    Case("a status line without end", "[send(b'H' * 65536) for _ in range(1000)]", SOON, False, "is not HTTP"),
    Case("headers without end", "send(b'HTTP/1.1 200 OK\\r\\n'); [send(b'A: b\\r\\n' * 1000) for _ in range(1000)]",
         SOON, False, "longer than 256 KiB"),
    Case("drips headers", "send(b'HTTP/1.1 200 OK\\r\\n'); [(send(b'A'), time.sleep(.1)) for _ in range(999)]", QUICK,
         False, "no answer came in time"),
    Case("drips the body", "send(b'HTTP/1.1 200 OK\\r\\nContent-Length: 999\\r\\n\\r\\n'); "
         "[(send(b'A'), time.sleep(.1)) for _ in range(999)]", QUICK, False, "not complete after"),
    Case("chunks without end", "send(b'HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n')\n"
         "while 1: send(b'1\\r\\nA\\r\\n'); time.sleep(.01)", QUICK, False, "not complete after"),
    Case("promises more than it sends", "send(hi('Hello').replace(b': 5', b': 50'))", QUICK, False,
         "not complete after"),
    Case("chunks of no size", "send(b'HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n-5\\r\\nHello\\r\\n')",
         QUICK, False, "not complete after"),
    Case("takes the connection and is silent", "time.sleep(60)", QUICK, False, "no answer came in time"),
    Case("hangs up", "pass", SOON, False, "closed without an answer"),
    Case("ends when asked", "import os; os._exit(3)", QUICK, False, "exit status 3"),
    Case("escapes for who reads", "send(hi('\\x1b[2J<script>', '500 \\x1b]0;owned\\x07'))", QUICK, False, "status 500"),
]  # fmt: skip


@contextmanager
def judged(submit: Callable[..., Path], engine: Engine, body: str, **params: Any) -> Iterator[Any]:
    folder = submit({"serve.py": SERVE, "Dockerfile": f"FROM {PYTHON}\nCOPY serve.py /\n{body}"})
    with facts_of(folder, engine) as facts:
        yield http.judge(facts, http.Params.model_validate({"port": 8080, **params}))


LONG = (
    "sends no length", "sends chunks", "a body of ten million bytes", "early hints", "many headers",
    "another charset", "another charset than it says", "hints and no answer", "hints without end", "garbage",
    "garbage, after a moment", "a status line without end", "headers without end", "drips headers",
    "chunks without end", "chunks of no size", "a redirect to the right thing",
)  # fmt: skip
"""Cases whose rule has fast tests in tests/grader/facts/engine/test_http_response.py."""


@pytest.mark.engine
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("case", cases(CASES, LONG))
def test_cases(case: Case, submit: Callable[..., Path], engine: Engine) -> None:
    files = {"serve.py": SERVE, "act": case.act}
    run = f'CMD ["sh", "-c", "exec python3 /serve.py {case.address} {case.port} \\"$(cat /act)\\""]\n'
    folder = submit({**files, "Dockerfile": f"FROM {PYTHON}\nCOPY serve.py act /\n{run}"})
    with facts_of(folder, engine) as facts:
        verdict = http.judge(facts, http.Params.model_validate({"port": 8080, **case.params}))
    assert (verdict.fraction == 1.0) is case.passes, verdict
    assert case.says in verdict.message, verdict
    assert "\x1b" not in verdict.message
    assert "Hello" not in verdict.message


class Other(NamedTuple):
    """What follows FROM and COPY of the server, whether it passes, and a word of the message."""

    name: str
    body: str
    passes: bool
    says: str


OTHERS = [
    Other("comes up late", f'CMD sleep 3; exec python3 /serve.py 0.0.0.0 8080 "{RIGHT}"\n', True, "status 200"),
    Other("not root", f'USER 1000\nCMD ["python3", "/serve.py", "0.0.0.0", "8080", "{RIGHT}"]\n', True, "20"),
    Other("other EXPOSE", f'EXPOSE 80\nCMD ["python3", "/serve.py", "0.0.0.0", "8080", "{RIGHT}"]\n', True, "20"),
    Other("only EXPOSE", 'EXPOSE 8080\nCMD ["sleep", "60"]\n', False, "Nothing in the container listens"),
    Other("into the background", f'CMD python3 /serve.py 0.0.0.0 8080 "{RIGHT}" & sleep 0.1\n', False, "foreground"),
    Other("ends at once", 'CMD ["false"]\n', False, "the container's start, and printed nothing on standard error."),
    Other("a script without #!", 'RUN echo "exec true" > /run.sh && chmod 755 /run.sh\nCMD ["/run.sh"]\n', False,
          ". It printed: exec /run.sh: exec format error"),
    Other("fails, and says why", 'CMD echo one >&2; echo "no such file: app.py" >&2; echo >&2; exit 2\n', False,
          "exit status 2, "),
    Other("cannot start", 'CMD ["/no/such"]\n', False, "does not start"),
    Other("no cat to look with", 'RUN rm /bin/cat\nCMD ["sleep", "60"]\n', False, "0.0.0.0"),
    Other("a cat that lies", 'RUN printf "#!/bin/sh\\necho local_address; exec yes" > /bin/cat\nCMD ["sleep", "60"]\n',
          False, "Nothing in the container listens"),
]  # fmt: skip


@pytest.mark.engine
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("other", OTHERS, ids=lambda other: other.name.replace(" ", "-"))
def test_other_containers(other: Other, submit: Callable[..., Path], engine: Engine) -> None:
    with judged(submit, engine, other.body, within="10 s" if other.passes else "1500 ms") as verdict:
        assert (verdict.fraction == 1.0) is other.passes, verdict
        assert other.says in verdict.message, verdict


@pytest.mark.engine
def test_there_is_no_way_out(submit: Callable[..., Path], engine: Engine) -> None:
    tries = (
        "import socket\n"
        "def t(h, p):\n"
        "    try: socket.create_connection((h, p), 1); return 'reached'\n"
        "    except OSError as e: return 'not'\n"
        "send(hi(' '.join([t('1.1.1.1', 53), t('8.8.8.8', 443)])))"
    )
    run = 'CMD ["sh", "-c", "exec python3 /serve.py 0.0.0.0 8080 \\"$(cat /act)\\""]\n'
    folder = submit({"serve.py": SERVE, "act": tries, "Dockerfile": f"FROM {PYTHON}\nCOPY serve.py act /\n{run}"})
    with facts_of(folder, engine) as facts:
        seen = service.observe_service(facts, 8080, "/", lambda answer: True, 20.0)
        assert seen.answer
        assert seen.answer.body == "not not"


@pytest.mark.engine
def test_the_port_is_open_to_this_machine_only_and_the_network_is_labelled(
    submit: Callable[..., Path], engine: Engine, base: str
) -> None:
    with facts_of(submit(Dockerfile=f'FROM {base}\nCMD ["sleep", "60"]\n'), engine) as facts:
        with service._published(engine, facts.build.image, 8080) as (running, _):
            about = engine.inspect_container(running.id)
            assert [item["HostIp"] for item in about["NetworkSettings"]["Ports"]["8080/tcp"]] == ["127.0.0.1"]
            (name,) = about["NetworkSettings"]["Networks"]
            assert name.startswith(f"layerwise-grade-{owner.mark()}")
            assert about["HostConfig"]["Memory"]
            assert about["HostConfig"]["SecurityOpt"] == ["no-new-privileges"]
        assert not engine._api.networks(names=[name])


@pytest.mark.engine
def test_a_dead_process_leaves_no_network(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = re.sub(r"-\d+-(\d+)$", r"-4194303-\1", owner.mark())
    with monkeypatch.context() as patch:
        patch.setattr(owner, "mark", lambda: stale)
        network = engine.create_network()
    engine.sweep()
    assert not engine._api.networks(ids=[network])


@pytest.mark.engine
@pytest.mark.parametrize("host", ["tcp://192.0.2.1:2375", "ssh://you@builder.example", "tcp://docker:2375"])
def test_an_engine_elsewhere_is_not_judged(host: str, submit: Callable[..., Path], engine: Engine, base: str) -> None:
    with facts_of(submit(Dockerfile=f"FROM {base}\n"), engine) as facts:
        far = Engine(engine._api, host, engine.info)
        with pytest.raises(NotObservable, match="on another machine"):
            service.watch(far, facts.build.image, 8080, "/", lambda answer: True, 1.0)


@pytest.mark.engine
def test_a_port_that_cannot_be_reached_is_no_verdict(
    submit: Callable[..., Path], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the grader is in a container of its own beside the engine's socket: staged by asking a closed port."""
    monkeypatch.setattr(service, "_address", lambda running, port: ("127.0.0.1", 1))
    with (
        pytest.raises(NotObservable, match="cannot be reached from here"),
        judged(submit, engine, f'CMD ["python3", "/serve.py", "0.0.0.0", "8080", "{RIGHT}"]\n', within="1500 ms"),
    ):
        pass
    body = f'CMD ["python3", "/serve.py", "127.0.0.1", "8080", "{RIGHT}"]\n'
    with judged(submit, engine, body, within="1500 ms") as verdict:
        assert "only" in verdict.found


@pytest.mark.parametrize("wrong", [{"port": 0}, {"port": 65536}, {"path": "x"}, {"path": "/a b"}, {"path": "/\r\nX: y"},
                                   {"body": "("}, {"status": 99}, {"within": "0 s"}, {"url": "/"}])  # fmt: skip
def test_parameters_that_are_refused(wrong: Mapping[str, Any]) -> None:
    with pytest.raises(ValidationError):
        http.Params.model_validate({"port": 8080, **wrong})
