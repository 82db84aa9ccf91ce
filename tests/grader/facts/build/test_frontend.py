"""Which refusals are a builder's age, and which are a mistake in the file."""

from __future__ import annotations

import pytest

from grader.facts.build.frontend import ignored, missing
from grader.facts.dockerfile.parser import parse

PARSE = "dockerfile parse error on line 2: "


@pytest.mark.parametrize(
    ("error", "name", "since"),
    [
        (PARSE + "unknown flag: exclude", "COPY --exclude", "1.19"),
        (PARSE + "Unknown flag: parents", "COPY --parents", "1.20"),
        (PARSE + "unknown flag: --unpack (did you mean link?)", "ADD --unpack", "1.17"),
        (PARSE + "unexpected key 'env' in 'env=TOKEN'", "RUN --mount=type=secret,env=…", "1.10"),
        ("invalid chmod parameter: 'u+x,go=r'. it should", "--chmod=u+x,go=r, a mode in letters", "1.14"),
        ("failed to process \"${A%x}\": unsupported modifier (%) in substitution", "variables with a pattern", "1.7"),
    ],
)  # fmt: skip
def test_what_a_newer_frontend_knows(error: str, name: str, since: str) -> None:
    found = missing(error)
    assert found
    assert found.name.startswith(name)
    assert found.since == since


@pytest.mark.parametrize(
    "error",
    [
        "",
        PARSE + "unknown flag: excludes",
        PARSE + "unknown flag: --form (did you mean from?)",
        PARSE + "unknown flag: security",
        PARSE + "unexpected key 'environment' in 'environment=TOKEN'",
        "invalid chmod parameter: '9999'. it should be octal string and between 0 and 07777",
        "invalid chmod parameter: 'u=q'",
        "invalid chmod parameter: ''",
        'failed to process "${A^}": unsupported modifier (^) in substitution',
        'process "/bin/sh -c x" did not complete successfully: exit code: 1',
    ],
)
def test_what_no_frontend_knows(error: str) -> None:
    assert missing(error) is None


@pytest.mark.parametrize(
    ("line", "docker", "ignores"),
    [
        ("COPY --chmod=u+x a /", (26, 1), True),
        ("ONBUILD ADD --chmod=a=rX a /", (26, 1), True),
        ("COPY --chmod=u+x a /", (28, 0), False),
        ("COPY --chmod=755 a /", (26, 1), False),
        ("COPY --chmod=u=q a /", (26, 1), False),
        ("COPY --chmod=$MODE a /", (26, 1), False),
        ("RUN chmod u+x a", (26, 1), False),
    ],
)
def test_what_an_old_builder_ignores(line: str, docker: tuple[int, ...], ignores: bool) -> None:
    assert bool(ignored(parse(f"FROM scratch\n{line}\n"), docker)) == ignores
