"""Canaries: new each time, and known again in every way of writing that is promised."""

from __future__ import annotations

import base64
import codecs
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from grader.canary import Canary, Plant, planted

WRITTEN: dict[str, Callable[[bytes], bytes]] = {
    "as it is": bytes,
    "reversed": lambda data: data[::-1],
    "base64": base64.b64encode,
    "base64 in lines": base64.encodebytes,
    "url-safe base64": base64.urlsafe_b64encode,
    "hex": lambda data: data.hex().encode(),
    "HEX": lambda data: data.hex().upper().encode(),
    "hex in lines of 60": lambda data: b"\n".join(data.hex().encode()[at : at + 60] for at in range(0, 400, 60)),
    "hex with spaces": lambda data: data.hex(" ").encode(),
    "hex with colons": lambda data: data.hex(":").encode(),
    "base32": base64.b32encode,
    "UTF-16": lambda data: data.decode().encode("utf-16-le"),
    "UTF-16, high byte first": lambda data: data.decode().encode("utf-16-be"),
    "UTF-16, with its mark": lambda data: data.decode().encode("utf-16"),
    "UTF-32": lambda data: data.decode().encode("utf-32-le"),
    "UTF-32, high byte first": lambda data: data.decode().encode("utf-32-be"),
    "UTF-32, with its mark": lambda data: data.decode().encode("utf-32"),
    "rot13": lambda data: codecs.encode(data.decode(), "rot13").encode(),
}


@pytest.mark.parametrize("way", WRITTEN)
def test_known_again(way: str) -> None:
    canary = Canary.make(Plant(arg="TOKEN"))
    other = Canary.make(Plant(arg="TOKEN"))
    for before in range(60):
        text = WRITTEN[way](b"x" * before + canary.value.encode() + b"y" * 61)
        assert any(needle.data in text for needle in canary.needles), before
        assert not any(needle.data in text for needle in other.needles)


def test_half_of_it_is_enough() -> None:
    canary = Canary.make(Plant(arg="TOKEN"))
    assert any(needle.data in canary.value[:28].encode() for needle in canary.needles)
    assert any(needle.data in canary.value[-28:].encode() for needle in canary.needles)


def test_new_each_time() -> None:
    plants = [Plant(file="a"), Plant(arg="A"), Plant(secret="a"), Plant(file="a", text="{canary}!")]
    canaries = planted(plants)
    assert [canary.plant for canary in canaries] == plants[:3]
    values = {canary.value for canary in (*canaries, *planted(plants))}
    assert len(values) == 6
    assert all(value.isalnum() and value.isascii() for value in values)


def test_its_text() -> None:
    canary = Canary.make(Plant(file=".netrc", text="machine x password {canary}\n"))
    assert canary.content == f"machine x password {canary.value}\n"


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ({}, "expected exactly one of file, arg, secret"),
        ({"file": "a", "arg": "A"}, "expected exactly one of file, arg, secret"),
        ({"file": "/etc/passwd"}, "is not a path inside the build context"),
        ({"file": "../x"}, "is not a path inside the build context"),
        ({"file": "."}, "is not a path inside the build context"),
        ({"arg": "A B"}, "is not the name of a build argument that can hold a canary"),
        ({"arg": "https_proxy"}, "is not the name of a build argument that can hold a canary"),
        ({"secret": "a,src=/etc/shadow"}, "is not a valid id of a build secret"),
        ({"arg": "A", "text": "x"}, "expected {canary} in text"),
        ({"arg": "A", "path": "x"}, "Extra inputs"),
    ],
)
def test_what_cannot_be_planted(raw: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Plant.model_validate(raw)
