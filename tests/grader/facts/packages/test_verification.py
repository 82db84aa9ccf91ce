"""Which commands check a file so that a wrong one ends the RUN, and which only look like it."""

import pytest

from grader.facts.packages.downloads import downloads
from grader.facts.packages.verification import Checks
from grader.facts.shell.run import commands
from tests.grader.facts.packages.reading import build

SUM = "0123456789abcdef" * 4
LIST = f"echo '{SUM}  f'"
GET = "curl -o f https://x/f"


def checks(script):
    return Checks(commands(build(f"RUN {script}").target.steps[-1]))


@pytest.mark.parametrize(
    ("script", "counts"),
    [
        (f"{LIST} | sha256sum -c", True),
        (f"{LIST} | sha256sum --check=strict -", True),
        (f"{LIST} | sha512sum -sc", True),
        (f"{LIST} | b2sum -c", True),
        (f"{LIST} | shasum -a 256 -c", True),
        (f"{LIST} | md5sum -c", False),
        (f"{LIST} | sha1sum -c", False),
        ("sha256sum f", False),
        ("sha256sum -c SUMS", True),
        ("sha256sum -c < SUMS", True),
        ("gpg --verify f.asc f", True),
        ("gpg --import key", False),
        ("gpgv f.asc f", True),
        ("openssl dgst -verify key f", True),
        ("openssl dgst f", False),
        ("minisign -Vm f", True),
        (f'[ "$(sha256sum f)" = "{SUM}  f" ]', True),
        (f'test "{SUM}" = abc', False),
        ('[ "$(sha256sum f)" = "$SUM" ]', False),
    ],
)
def test_what_a_check_is(script, counts):
    assert bool(checks(script).all) is counts


@pytest.mark.parametrize(
    ("rest", "ends"),
    [
        ("", True),
        (" && tar xf f", True),
        ("; tar xf f", False),
        (" || true", False),
        (" || exit 1", True),
        (" || { echo no; exit 1; }", True),
        (" || echo no", False),
        (" | tee log", False),
        (" & wait", False),
    ],
)
def test_whether_a_mismatch_ends_the_run(rest, ends):
    assert bool(checks(f"{LIST} | sha256sum -c{rest}").all) is ends
    assert bool(checks(f"set -e; {LIST} | sha256sum -c; tar xf f").all)


@pytest.mark.parametrize(
    ("script", "verified"),
    [
        (f"{GET} && {LIST} | sha256sum -c", True),
        (f"{LIST} | sha256sum -c && {GET}", False),
        (f"{GET} && echo '{SUM}  ff' | sha256sum -c", False),
        (f"{GET} && echo '{SUM}  f.tgz' | sha256sum -c", False),
        (f"{GET} && echo '{SUM}  ./f' | sha256sum -c", True),
        (f"{GET} && {LIST} > SUMS && sha256sum -c SUMS", True),
        (f"{GET} && sha256sum f > SUMS && sha256sum -c SUMS", False),
        (f"{GET} && curl -O https://x/SUMS && sha256sum -c SUMS", False),
        (f"{GET} && curl -O https://x/SUMS && gpg --verify SUMS.asc SUMS && sha256sum -c SUMS", True),
        (f"{GET} && sha256sum -c f.sha256", True),
        (f"{GET} && curl -O https://x/f.sha256 && sha256sum -c f.sha256", False),
        (f"{GET} && if true; then {LIST} | sha256sum -c; fi", False),
        (f"if true; then {GET} && {LIST} | sha256sum -c; fi", True),
        (f"{GET} && ln -s SUMS L && {LIST} > L && sha256sum -c SUMS", True),
        (f"{GET} && grep f SUMS | sha256sum -c", True),
        (f"{GET} && sha256sum -c <<E\n{SUM}  f\nE", True),
    ],
)
def test_whether_a_download_is_checked(script, verified):
    assert downloads(build(f"RUN {script}"))[0].verified is verified


def test_which_check_covers_a_file():
    found = checks(f"echo '{SUM}  a-1.tgz' | sha256sum -c && gpg --verify b.asc && sha256sum -c SHA256SUMS")
    assert [len(found.of(name)) for name in ("a-1.tgz", "a-1", "1.tgz", "b", "c", "")] == [1, 0, 0, 1, 0, 0]
    assert [check.lists for check in found.of_any_file] == [("SHA256SUMS",)]


def test_links_without_end():
    script = " && ".join(f"ln -s l{number} l{number + 1}" for number in range(60))
    found = checks(f"{LIST} > l0 && {script} && sha256sum -c l60")
    assert not found.of("f"), "what is not followed checks nothing"
