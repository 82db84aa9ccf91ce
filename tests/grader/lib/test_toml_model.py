"""What is wrong with a TOML file, in one line that names the key and the nearest valid spelling."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from grader.lib.toml_model import Missing, Unreadable, nearest, read_table


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Wheel(Strict):
    size: int
    color: Literal["red", "black"] = "black"


class Car(Strict):
    name: str = Field(min_length=1)
    wheel: tuple[Wheel, ...] = ()
    spare: Wheel = Wheel(size=1)
    roof: Wheel | None = None
    check: tuple[int, ...] = ()


def test_a_good_file(tmp_path: Path) -> None:
    file = tmp_path / "car.toml"
    file.write_text('name = "é"\n[[wheel]]\nsize = 3\n[[wheel]]\nsize = 4\ncolor = "red"\n', encoding="utf-8")
    car = read_table(file, Car)
    assert (car.name, [wheel.size for wheel in car.wheel], car.spare.size) == ("é", [3, 4], 1)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"name = ", "not valid TOML: Invalid value"),
        (b"name = 'a'\nname = 'b'", "not valid TOML: Cannot overwrite a value"),
        (b"name = '\xff'", "not UTF-8 text"),
        (b"\xef\xbb\xbfname = 'a'", "not valid TOML: "),
        (b"", "missing key 'name'"),
        (b"name = ''", "name: String should have at least 1 character"),
        (b"name = 3", "name: Input should be a valid string"),
        (b"nam = 'a'", "unknown key 'nam'; did you mean 'name'?"),
        (b"qqqq = 'a'", "unknown key 'qqqq'; valid: name, wheel, spare, roof, check"),
        (b"name = 'a'\n[spare]\nsize = 1\ncolour = 'red'", "unknown key 'spare.colour'; did you mean 'color'?"),
        (b"name = 'a'\n[roof]\nsise = 1", "unknown key 'roof.sise'; did you mean 'size'?"),
        (b"name = 'a'\n[[wheel]]\nsise = 1", "unknown key 'wheel.0.sise'; did you mean 'size'?"),
        (b"name = 'a'\n[[wheel]]\nsize = 1\n[[wheel]]\n", "missing key 'wheel.1.size'"),
        (b"name = 'a'\n[[wheel]]\nsize = 1\ncolor = 'blue'", "wheel.0.color: Input should be 'red' or 'black'"),
        (b"name = 'a'\n[wheel]\nsize = 1", "wheel: expected a list"),
        (b"name = 'a'\ncheck = 1", "check: expected a list, written [[check]]"),
    ],
)
def test_what_is_wrong(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "car.toml"
    file.write_bytes(content)
    with pytest.raises(Unreadable) as caught:
        read_table(file, Car)
    assert str(caught.value).startswith(f"{file}: {says}")
    assert "\n" not in str(caught.value)
    assert not isinstance(caught.value, Missing)


def test_no_file_is_told_apart_from_one_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(Missing, match=r"nothing.toml: cannot be read: No such file or directory$"):
        read_table(tmp_path / "nothing.toml", Car)
    with pytest.raises(Unreadable, match=r"cannot be read: Is a directory$") as caught:
        read_table(tmp_path, Car)
    assert not isinstance(caught.value, Missing)


@pytest.mark.parametrize(
    ("word", "valid", "said"),
    [
        ("biuld", ("build", "user"), "; did you mean 'build'?"),
        ("zzz", ("build", "user"), "; valid: build, user"),
        ("zzz", (), ""),
    ],
)
def test_the_nearest_spelling_is_said(word: str, valid: tuple[str, ...], said: str) -> None:
    assert nearest(word, valid) == said
