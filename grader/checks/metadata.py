"""`metadata`: the image's config is as expected.

    env        = {PORT = "8080", PYTHONUNBUFFERED = ".+", DEBUG = false}
    labels     = {"org.opencontainers.image.version" = '\\d+\\.\\d+\\.\\d+'}
    ports      = ["8080"]
    volumes    = ["/data"]
    workdir    = "/app"
    entrypoint = ["python", "-m", "app"]
    cmd        = 'gunicorn .*--bind 0\\.0\\.0\\.0:8080.*'

- `env`, `labels`: each key must be set, and the regular expression must match its whole value. With `false` the key
  must not be set. Other keys may be set or not.
- `ports`, `volumes`: exactly these are declared; `[]` means none. A port without a protocol is tcp. An image cannot
  undo what its base image declares, so name that too.
- `workdir`: exactly this folder.
- `entrypoint`, `cmd`: a list is compared word by word, so the shell form ("/bin/sh", "-c", "…") differs from the exec
  form. A text is a regular expression for all words joined by spaces, including the shell's. `false` means none.

Each key of a table and each other parameter is worth the same.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, TypeAdapter, model_validator

from grader.checks import CheckParams, Pattern
from grader.lib.schedule import Workload
from grader.lib.text import clean
from grader.verdict import Verdict

if TYPE_CHECKING:
    from grader.facts import Facts
    from grader.facts.image.config import ImageConfig

SHOWN = 5
"""The most faults named in the message."""


def _port(value: object) -> str:
    text = str(value) if not isinstance(value, bool) else ""
    match = re.fullmatch(r"(\d{1,5})(?:/(tcp|udp|sctp))?", text)
    if not match or not 0 < int(match[1]) <= 65535:
        raise ValueError(f"expected a port such as '8080' or '53/udp', found {value!r}")
    return f"{int(match[1])}/{match[2] or 'tcp'}"


def _folder(text: str) -> str:
    if not text.startswith("/"):
        raise ValueError(f"expected an absolute path, found {text!r}")
    return posixpath.normpath("/" + text.lstrip("/"))


def _value(value: object) -> object:
    if value is not False and not isinstance(value, str):
        raise ValueError(f"expected a regular expression, or false if it must not be set, found {value!r}")
    return _PATTERN.validate_python(value) if value else value


def _words_or_value(value: object) -> object:
    if isinstance(value, list | tuple):
        return _WORDS.validate_python(value)
    return _value(value)


_PATTERN = TypeAdapter[str](Pattern)
_WORDS = TypeAdapter(tuple[str, ...])
Folder = Annotated[str, AfterValidator(_folder)]
Value = Annotated[str | Literal[False], PlainValidator(_value)]
Table = Annotated[dict[str, Value], Field(min_length=1)]
Command = Annotated[str | tuple[str, ...] | Literal[False], PlainValidator(_words_or_value)]


class Params(CheckParams):
    """What the config has to say. At least one of them is needed."""

    work: ClassVar[Workload] = Workload.LOOKS
    env: Table | None = None
    labels: Table | None = None
    ports: tuple[Annotated[str, BeforeValidator(_port)], ...] | None = None
    volumes: tuple[Folder, ...] | None = None
    workdir: Folder | None = None
    entrypoint: Command | None = None
    cmd: Command | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(f"expected at least one of {', '.join(type(self).model_fields)}")
        return self


class _Finding(NamedTuple):
    """One requirement of the config: what was expected and what was found. `why` is empty if it is met."""

    what: str
    why: str
    expected: str
    found: str


def judge(facts: Facts, params: Params) -> Verdict:
    """The share of the requirements that the config meets."""
    findings = list(_findings(facts.image.config, params))
    wrong = [finding for finding in findings if finding.why]
    if not wrong:
        return Verdict.passed(f"The image's config is as expected: {', '.join(item.what for item in findings)}.")
    return Verdict.share(
        (len(findings) - len(wrong)) / len(findings),
        "; ".join(finding.why for finding in wrong[:SHOWN]) + ".",
        expected="; ".join(f"{finding.what}: {finding.expected}" for finding in wrong[:SHOWN]),
        found="; ".join(f"{finding.what}: {finding.found}" for finding in wrong[:SHOWN]),
    )


def _findings(config: ImageConfig, params: Params) -> Iterator[_Finding]:
    yield from _table("ENV", params.env, config.env)
    yield from _table("LABEL", params.labels, config.labels)
    if params.ports is not None:
        yield _set("EXPOSE", params.ports, [_protocol(port) for port in config.ports])
    if params.volumes is not None:
        yield _set("VOLUME", params.volumes, [posixpath.normpath(path) for path in config.volumes])
    if params.workdir is not None:
        actual = posixpath.normpath(config.workdir or "/")
        why = "" if actual == params.workdir else f"WORKDIR is {clean(actual, 200)}"
        yield _Finding("WORKDIR", why, params.workdir, clean(actual, 200))
    if params.entrypoint is not None:
        yield _command("ENTRYPOINT", params.entrypoint, config.entrypoint)
    if params.cmd is not None:
        yield _command("CMD", params.cmd, config.cmd)


def _table(
    name: str, wanted: Mapping[str, str | Literal[False]] | None, actual: Mapping[str, str]
) -> Iterator[_Finding]:
    for key, value in (wanted or {}).items():
        what = f"{name} {key}"
        found = actual.get(key)
        shown = "not set" if found is None else repr(clean(found, 100))
        if value is False:
            yield _Finding(
                what, "" if found is None else f"{what} is set to {shown}, and should not be set", "not set", shown
            )
        elif found is None:
            near = next((other for other in actual if other.lower() == key.lower()), None)
            instead = f", but {clean(near, 100)} is: capital letters matter" if near else ""
            yield _Finding(what, f"{what} is not set{instead}", f"a value matching {value}", shown)
        else:
            good = re.fullmatch(value, found, re.DOTALL)
            yield _Finding(what, "" if good else f"{what} is {shown}", f"a value matching {value}", shown)


def _set(name: str, wanted: Sequence[str], actual: Sequence[str]) -> _Finding:
    missing = [item for item in wanted if item not in actual]
    extra = [clean(item, 60) for item in actual if item not in wanted]
    why = f"{name} does not declare {', '.join(missing)}" if missing else ""
    if extra:
        why += f", but declares {_some(extra)}" if missing else f"{name} declares {_some(extra)}"
        why += " as well" if not missing and len(extra) < len(actual) else ""
    return _Finding(name, why, ", ".join(wanted) or "none", _some([clean(item, 60) for item in actual]) or "none")


def _some(items: Sequence[str]) -> str:
    return ", ".join(items[:8]) + (f" and {len(items) - 8} more" if len(items) > 8 else "")


def _protocol(port: str) -> str:
    return port if "/" in port else f"{port}/tcp"


def _command(name: str, wanted: str | Sequence[str] | Literal[False], actual: Sequence[str]) -> _Finding:
    found = _words(actual)
    if wanted is False:
        return _Finding(name, f"{name} is {found}" if actual else "", "none", found)
    if isinstance(wanted, str):
        good = bool(actual) and bool(re.fullmatch(wanted, " ".join(actual), re.DOTALL))
        return _Finding(name, "" if good else f"{name} is {found}", f"words matching {wanted}", found)
    if tuple(wanted) == tuple(actual):
        return _Finding(name, "", _words(wanted), found)
    shell = ", the shell form" if len(actual) > 1 and actual[1] == "-c" and wanted[1:2] != ("-c",) else ""
    return _Finding(name, f"{name} is {found}{shell}", _words(wanted), found)


def _words(words: Sequence[Any]) -> str:
    return "[" + ", ".join(repr(clean(str(word), 100)) for word in words[:20]) + "]" if words else "none"
