"""`metadata`: near misses, cheats, and odd but right answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from grader.checks.metadata import Params, judge
from grader.facts.engine.engine import Engine
from tests.grader.conftest import facts_of

EXEC = ["python", "-m", "app"]

# name: (Dockerfile after its FROM, parameters, share of the points, a word of the message)
CASES: dict[str, tuple[str, dict[str, Any], float, str]] = {
    "env": ("ENV PORT=8080", {"env": {"PORT": "8080"}}, 1, ""),
    "env, old form": ("ENV PORT 8080", {"env": {"PORT": "8080"}}, 1, ""),
    "env through an argument": ("ARG P=8080\nENV PORT=$P", {"env": {"PORT": "8080"}}, 1, ""),
    "env, overridden": ("ENV PORT=80\nENV PORT=8080", {"env": {"PORT": "8080"}}, 1, ""),
    "env, overridden wrongly": ("ENV PORT=8080\nENV PORT=80", {"env": {"PORT": "8080"}}, 0, "ENV PORT is '80'"),
    "env in a comment": ("# ENV PORT=8080", {"env": {"PORT": "8080"}}, 0, "ENV PORT is not set"),
    "env as an argument only": ("ARG PORT=8080", {"env": {"PORT": "8080"}}, 0, "not set"),
    "env in a step only": ("RUN export PORT=8080", {"env": {"PORT": "8080"}}, 0, "not set"),
    "env in the builder only": ("ENV PORT=8080\nFROM {base}", {"env": {"PORT": "8080"}}, 0, "not set"),
    "env inherited": ("ENV PORT=8080\nFROM first", {"env": {"PORT": "8080"}}, 1, ""),
    "env in small letters": ("ENV port=8080", {"env": {"PORT": "8080"}}, 0, "but port is: capital letters matter"),
    "env that only begins so": ("ENV PORT=80801", {"env": {"PORT": "8080"}}, 0, "'80801'"),
    "env over several lines": ('ENV TEXT="a\\nb"', {"env": {"TEXT": ".+b"}}, 1, ""),
    "env set to nothing": ("ENV DEBUG=", {"env": {"DEBUG": False}}, 0, "DEBUG is set to '', and should not be set"),
    "env set to nothing, as wanted": ("ENV DEBUG=", {"env": {"DEBUG": ""}}, 1, ""),
    "env absent": ("ENV OTHER=1", {"env": {"DEBUG": False}}, 1, ""),
    "half of the env": ("ENV A=1", {"env": {"A": "1", "B": "1"}}, 0.5, "ENV B"),
    "label": ('LABEL org.x.version="1.2.3"', {"labels": {"org.x.version": r"\d+\.\d+\.\d+"}}, 1, ""),
    "label with the argument unset": ("ARG V\nLABEL v=$V", {"labels": {"v": ".+"}}, 0, "LABEL v is ''"),
    "two labels in one": ("LABEL a=1 b=2", {"labels": {"a": "1", "b": "2"}}, 1, ""),
    "port": ("EXPOSE 8080", {"ports": ["8080"]}, 1, ""),
    "port as a number": ("EXPOSE 8080", {"ports": [8080]}, 1, ""),
    "port with its protocol": ("EXPOSE 8080/tcp", {"ports": ["8080/tcp"]}, 1, ""),
    "port with another protocol": (
        "EXPOSE 8080/udp", {"ports": ["8080"]}, 0, "EXPOSE does not declare 8080/tcp, but declares 8080/udp."),
    "port in capitals, and twice": ("EXPOSE 8080/TCP 8080", {"ports": ["8080"]}, 1, ""),
    "env of an image built on this one": ("ONBUILD ENV PORT=8080", {"env": {"PORT": "8080"}}, 0, "not set"),
    "a command that only says the words": (
        'CMD ["echo", "gunicorn --bind 0.0.0.0"]', {"cmd": r"gunicorn .*--bind 0\.0\.0\.0.*"}, 0, "CMD is"),
    "workdir by a detour": ("WORKDIR /x/../app", {"workdir": "/app"}, 1, ""),
    "all the ports there are": ("EXPOSE 8000-8100", {"ports": ["8080"]}, 0, "and 92 more"),
    "no port": ("", {"ports": []}, 1, ""),
    "a port too many": ("EXPOSE 22", {"ports": []}, 0, "declares 22/tcp"),
    "workdir": ("WORKDIR /app", {"workdir": "/app"}, 1, ""),
    "workdir with a slash": ("WORKDIR /app/", {"workdir": "/app/"}, 1, ""),
    "workdir in two steps": ("WORKDIR /\nWORKDIR app", {"workdir": "/app"}, 1, ""),
    "workdir by cd": ("RUN mkdir /app && cd /app", {"workdir": "/app"}, 0, "WORKDIR is /"),
    "workdir unset is the root": ("", {"workdir": "/"}, 1, ""),
    "exec form": (f"CMD {EXEC}".replace("'", '"'), {"cmd": EXEC}, 1, ""),
    "shell form": ("CMD python -m app", {"cmd": EXEC}, 0, "the shell form"),
    "shell form where a text fits": ("CMD exec python -m app", {"cmd": ".*python -m app"}, 1, ""),
    "exec form with the wrong quotes": ("CMD ['python', '-m', 'app']", {"cmd": EXEC}, 0, "/bin/sh"),
    "exec form in one word": ('CMD ["python -m app"]', {"cmd": EXEC}, 0, "'python -m app'"),
    "the words shared out": (
        'ENTRYPOINT ["python"]\nCMD ["-m", "app"]', {"entrypoint": EXEC, "cmd": False}, 0, "ENTRYPOINT is ['python']"),
    "the entrypoint resets the command": (
        f'FROM first\nENTRYPOINT {EXEC}'.replace("'", '"'), {"entrypoint": EXEC, "cmd": False}, 1, ""),
    "no entrypoint": ('CMD ["true"]', {"entrypoint": False}, 1, ""),
    "an entrypoint where none is wanted": ('ENTRYPOINT ["true"]', {"entrypoint": False}, 0, "ENTRYPOINT is ['true']"),
    "volume": ('VOLUME ["/data"]', {"volumes": ["/data"]}, 1, ""),
    "volume with a slash": ("VOLUME /data/", {"volumes": ["/data"]}, 1, ""),
    "folder instead of a volume": ("RUN mkdir /data", {"volumes": ["/data"]}, 0, "does not declare /data"),
    "each its share": (
        "ENV A=1\nEXPOSE 80\nWORKDIR /x", {"env": {"A": "1"}, "ports": ["80"], "workdir": "/", "labels": {"l": "."}},
        0.5, "LABEL l"),
}  # fmt: skip


@pytest.mark.engine
@pytest.mark.parametrize(("body", "params", "share", "says"), CASES.values(), ids=[n.replace(" ", "-") for n in CASES])
def test_cases(
    body: str, params: dict[str, Any], share: float, says: str, submit: Callable[..., Path], engine: Engine, base: str
) -> None:
    folder = submit(Dockerfile=f"FROM {base} AS first\n{body.replace('{base}', base)}\n")
    with facts_of(folder, engine) as facts:
        found = judge(facts, Params(**params))
    assert found.fraction == share, found
    assert says in found.message, found.message


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({}, "at least one of env"),
        ({"env": {}}, "env"),
        ({"env": {"PORT": 8080}}, "a regular expression, or false"),
        ({"env": {"PORT": True}}, "a regular expression, or false"),
        ({"env": {"PORT": "("}}, "regular expression"),
        ({"env": ["PORT"]}, "env"),
        ({"ports": ["http"]}, "a port such as"),
        ({"ports": ["0"]}, "a port such as"),
        ({"ports": [70000]}, "a port such as"),
        ({"ports": "8080"}, "ports"),
        ({"workdir": "app"}, "absolute"),
        ({"volumes": ["data"]}, "absolute"),
        ({"cmd": ["sleep", 1]}, "string"),
        ({"cmd": True}, "a regular expression, or false"),
        ({"cmd": "*"}, "regular expression"),
        ({"user": "root"}, "user"),
    ],
)
def test_parameters_that_make_no_sense(params: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Params(**params)
