"""Secrets in bytes: found in any writing, in any pieces, and taken out wherever text is shown."""

from __future__ import annotations

import base64

import pytest

from grader.canary import Canary, Plant
from grader.facts.image.secret_finder import HIDDEN, LONGEST_NEEDLE, OutputScanner, SecretFinder

TOKEN = "ghp_" + "Zk3Lw9Qp7Xn2Vb5Tm8RcYd4Hs6Jf1GaUeBoN"


@pytest.fixture
def canary() -> Canary:
    return Canary.make(Plant(arg="TOKEN"))


def test_what_was_planted_and_how_it_is_written(canary: Canary) -> None:
    finder = SecretFinder([canary, Canary.make(Plant(file="other"))])
    found = list(finder.canaries(b"x=" + canary.value.encode()))
    assert {(what, encoding) for what, encoding, _ in found} == {("build argument TOKEN", "")}
    assert found[0][2] == 2
    # Digits look the same in capital letters: a piece of them alone is found twice, at one place.
    written = {(encoding, at) for _, encoding, at in finder.canaries(canary.value.encode().hex().encode())}
    assert ({encoding for encoding, _ in written}, len(written)) == ({"hex"}, 3)
    assert list(finder.canaries(b"nothing of the kind")) == []


@pytest.mark.parametrize("wrap", ["{}", "TOKEN={}", '"{}"', "http://me:{}@host/", "a\n{}\nb"])
def test_hidden_in_texts(canary: Canary, wrap: str) -> None:
    shown = SecretFinder([canary]).hide(wrap.format(canary.value))
    assert HIDDEN in shown
    assert not any(canary.value[at : at + 8] in shown for at in range(len(canary.value) - 8))


def test_hidden_in_other_writings_and_credentials_by_their_shape(canary: Canary) -> None:
    finder = SecretFinder([canary])
    written = base64.b64encode(canary.value.encode()).decode()
    assert written[4:20] not in finder.hide(f"echo {written} | base64 -d")
    assert finder.hide(f"curl -H 'Authorization: {TOKEN}'").count(HIDDEN) == 1
    assert TOKEN[8:] not in finder.hide(f"x={TOKEN} and {TOKEN}")


def test_a_text_that_hides_nothing_stays_as_it_is_but_short_and_clean(canary: Canary) -> None:
    finder = SecretFinder([canary])
    assert finder.hide("RUN make") == "RUN make"
    assert len(finder.hide("word " * 1000)) <= 320
    assert "\x1b" not in finder.hide("\x1b[31mred")


@pytest.mark.parametrize("size", [1, 5, 13, LONGEST_NEEDLE, 500])
def test_output_in_pieces(canary: Canary, size: int) -> None:
    scanner = OutputScanner([canary])
    data = b"log " * 60 + canary.value.encode() + b" more" * 60
    for at in range(0, len(data), size):
        scanner.scan("sha256:1", data[at : at + size])
    assert scanner.found == {("sha256:1", "build argument TOKEN"): ""}


def test_pieces_of_two_steps_make_no_canary(canary: Canary) -> None:
    scanner = OutputScanner([canary])
    for at, letter in enumerate(canary.value):
        scanner.scan(f"sha256:{at % 2}", letter.encode())
    assert scanner.found == {}


def test_how_it_was_written_first(canary: Canary) -> None:
    scanner = OutputScanner([canary])
    scanner.scan("a", canary.value.encode().hex().encode())
    scanner.scan("a", canary.value.encode())
    scanner.scan("b", canary.value.encode())
    assert [*scanner.found.values()] == ["hex", ""]
