"""`answers`: answers that are right in other words, wrong, missing, or no answers; and keys that cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from pydantic import ValidationError

from grader.checks import answers
from grader.errors import EngineFailure, ExerciseInvalid
from grader.facts.engine.engine import Engine
from grader.facts.image.image import Image
from grader.verdict import Verdict
from tests.grader.conftest import facts_of

D = "0123456789abcdef" * 4
KEY = f"""
[where]
kind = "choice"
choices = ["upper", "lower", "merged"]
answer = "upper"
[same]
kind = "choice"
choices = [true, false]
answer = true
[size]
kind = "number"
answer = 12_000_000
tolerance = "5 %"
[count]
kind = "number"
answer = 3
[blob]
kind = "digest"
answer = "sha256:{D}"
[runs]
kind = "image"
answer = "localhost:5000/me/tides@sha256:{D}"
[order]
kind = "order"
answer = ["config", "layer", "manifest"]
[mark]
kind = "text"
answer = ["whiteout", "white-out file"]
[day]
kind = "text"
answer = "2026-02-03"
[moment]
kind = "text"
answer = "2026-02-03T04:05:06Z"
[python]
kind = "choice"
choices = ["3.1", "3.10", "8080"]
answer = "3.10"
"""
RIGHT = {
    "where": '"upper"',
    "same": "true",
    "size": "12_000_000",
    "count": "3",
    "blob": f'"sha256:{D}"',
    "runs": f'"localhost:5000/me/tides@sha256:{D}"',
    "order": '["config", "layer", "manifest"]',
    "mark": '"whiteout"',
    "day": '"2026-02-03"',
    "moment": '"2026-02-03T04:05:06Z"',
    "python": '"3.10"',
}


class Case(NamedTuple):
    """One answer in place of the right one, how it stands, and a word of the message."""

    name: str
    key: str
    value: str
    state: str
    says: str = ""


CASES = [
    # Odd but right
    Case("capitals and spaces", "where", '"  Upper "', "right"),
    Case("a word for true", "same", '"True"', "right"),
    Case("a size in words", "size", '"12 MB"', "right"),
    Case("another unit", "size", '"11.5 MiB"', "right"),
    Case("thousands", "size", '"12,000,000"', "right"),
    Case("thousands with spaces", "size", '"12 000 000"', "right"),
    Case("thousands with narrow spaces", "size", '"12\u202f000\u202f000"', "right"),
    Case("thousands of a size", "size", '"12,000 kB"', "right"),
    Case("a size without a space", "size", '"0.012GB"', "right"),
    Case("a plus", "count", '"+3"', "right"),
    Case("TOML's own date", "day", "2026-02-03", "right"),
    Case("a month in words", "day", '"3 February 2026"', "right"),
    Case("a month first", "day", '"Feb 3, 2026"', "right"),
    Case("TOML's own date and time", "moment", "2026-02-03 04:05:06Z", "right"),
    Case("in another time zone", "moment", "2026-02-03T05:05:06+01:00", "right"),
    Case("with a space", "moment", '"2026-02-03 04:05:06+00:00"', "right"),
    Case("a version without quotes", "python", "3.10", "right"),
    Case("a number as text", "count", '"3"', "right"),
    Case("a number with a point", "count", "3.0", "right"),
    Case("within the tolerance", "size", "12_599_999", "right"),
    Case("a short digest", "blob", f'"{D[:12]}"', "right"),
    Case("a digest in capitals", "blob", f'"SHA256:{D.upper()}"', "right"),
    Case("a whole reference", "blob", f'"localhost:5000/base/x@sha256:{D}"', "right"),
    Case("a tag beside the digest", "runs", f'" localhost:5000/me/tides:1.0@sha256:{D}"', "right"),
    Case("a full stop behind it", "mark", '"Whiteout."', "right"),
    Case("quotes around it", "mark", "'`whiteout`'", "right"),
    Case("another dash", "mark", '"white\u2011out file"', "right"),
    Case("powers of ten", "size", '"1.2e7"', "right"),
    Case("minus nothing", "count", "-0.0", "wrong"),
    Case("not a number, in words", "count", '"nan"', "expected", "a number"),
    Case("beyond all numbers", "count", "1e400", "wrong"),
    Case("another spelling", "mark", '"White-Out  file"', "right"),
    # Near misses
    Case("another choice", "where", '"lower"', "wrong", "Wrong: where."),
    Case("out of the tolerance", "size", "12_600_001", "wrong"),
    Case("off by one", "count", "4", "wrong"),
    Case("not a number", "count", "nan", "wrong"),
    Case("without end", "size", "inf", "wrong"),
    Case("another digest", "blob", f'"{D[1:]}0"', "wrong"),
    Case("by another digest", "runs", f'"localhost:5000/me/tides@sha256:{D[1:]}0"', "wrong"),
    Case("another repository", "runs", f'"localhost:5000/you/tides@sha256:{D}"', "wrong"),
    Case("no registry", "runs", f'"me/tides@sha256:{D}"', "wrong"),
    Case("another order", "order", '["layer", "config", "manifest"]', "wrong"),
    Case("every spelling at once", "mark", '"whiteout white-out file"', "wrong"),
    Case("a pattern", "mark", '".*"', "wrong"),
    Case("a word that holds the right one", "mark", '"no whiteout"', "wrong"),
    Case("another day", "day", "2026-03-02", "wrong"),
    Case("a day that is none", "day", '"2026-02-30"', "wrong"),
    Case("the day in other digits", "day", '"\u0662\u0660\u0662\u0666-02-03"', "wrong"),
    Case("a time of nowhere", "moment", "2026-02-03T04:05:06", "wrong"),
    Case("a version that ends in nought", "python", "3.1", "wrong"),
    Case("a choice that is a number", "python", "8080", "wrong"),
    # No answers
    Case("other digits", "count", '"\u0663"', "expected", "a number"),
    Case("other digits in a size", "size", '"\u0661\u0662 MB"', "expected", "a number"),
    Case("wide digits", "count", '"\uff13"', "expected", "a number"),
    Case("a comma for a point", "size", '"12,5 MB"', "expected", "a number"),
    Case("groups of two", "size", '"1,20,00,000"', "expected", "a number"),
    Case("a date is no number", "count", "2026-02-03", "expected", "a number"),
    Case("blank", "where", '""', "unanswered", "Not answered yet: where."),
    Case("a question mark", "count", '" ? "', "unanswered"),
    Case("to do", "mark", '"TODO"', "unanswered"),
    Case("an empty list", "order", "[]", "unanswered"),
    Case("a list with a gap", "order", '["config", "", "manifest"]', "unanswered"),
    Case("all choices at once", "where", '["upper", "lower", "merged"]', "expected", "one of upper, lower, merged"),
    Case("no choice", "where", '"top"', "expected", "one of upper, lower, merged"),
    Case("true is no number", "count", "true", "expected", "a number"),
    Case("a range", "count", '"1-9"', "expected", "a number"),
    Case("an endless number", "count", "9" * 400, "expected", "a number"),
    Case("a digest too short", "blob", f'"{D[:11]}"', "expected", "the first 12"),
    Case("any digest", "blob", '".*"', "expected", "the first 12"),
    Case("a tag for a digest", "runs", '"localhost:5000/me/tides:1.0"', "expected", "its whole name, @sha256:"),
    Case("a digest for a tag", "runs", f'"localhost:5000/me/tides:sha256-{D}"', "expected", "an image with its digest"),
    Case("the digest alone", "runs", f'"sha256:{D}"', "expected", "an image with its digest"),
    Case("too short to run", "runs", f'"localhost:5000/me/tides@sha256:{D[:12]}"', "expected", "64 hexadecimal"),
    Case("no engine takes capitals", "runs", f'"localhost:5000/me/tides@sha256:{D.upper()}"', "expected", "64"),
    Case("an order of other things", "order", '["a", "layer", "config"]', "expected", "to put in order, once"),
    Case("every order at once", "order", '["config", "layer", "manifest", "layer", "config"]', "expected",
         "to put in order, once"),
    Case("a table", "mark", "{a = 1}", "expected", "text in quotes"),
]  # fmt: skip


def judged(submit: Callable[..., Path], tmp_path: Path, text: str | bytes | None, key: str = KEY) -> Verdict:
    folder = tmp_path / "exercise"
    folder.mkdir(exist_ok=True)
    (folder / "key.toml").write_text(key)
    files = {"Dockerfile": "FROM scratch\n"} | ({} if text is None else {"answers.toml": text})
    with facts_of(submit(files), exercise=folder) as facts:
        return answers.judge(facts, answers.Params(file="answers.toml"))


def written(**other: str) -> str:
    return "\n".join(f"{name} = {value}" for name, value in (RIGHT | other).items())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_cases(case: Case, submit: Callable[..., Path], tmp_path: Path) -> None:
    verdict = judged(submit, tmp_path, written(**{case.key: case.value}))
    states = verdict.details["answers"]
    assert states.pop(case.key).startswith(case.state), verdict
    assert set(states.values()) == {"right"}
    assert verdict.fraction == (1.0 if case.state == "right" else 10 / 11)
    assert case.says in verdict.message
    if case.state != "right":
        assert [place.line for place in verdict.where] == [list(RIGHT).index(case.key) + 1]


def test_nothing_answered_yet_tells_no_answer(submit: Callable[..., Path], tmp_path: Path) -> None:
    verdict = judged(submit, tmp_path, "\n".join(f'{name} = ""' for name in RIGHT))
    assert verdict.fraction == 0.0
    told = json.dumps([verdict.message, verdict.evidence])
    assert not [word for word in ("upper", "12_000", "12000", D[:12], "manifest", "whiteout") if word in told]


def test_what_is_wrong_is_not_corrected(submit: Callable[..., Path], tmp_path: Path) -> None:
    wrong = {
        "size": "1",
        "count": "1",
        "blob": f'"{"f" * 64}"',
        "runs": f'"localhost:5000/me/tides@sha256:{"f" * 64}"',
        "mark": '"x"',
        "order": '["manifest", "layer", "config"]',
    }
    verdict = judged(submit, tmp_path, written(**wrong))
    assert verdict.fraction == 5 / 11
    told = json.dumps([verdict.message, verdict.details, verdict.expected, verdict.found])
    assert not [word for word in ("12000000", "12_000", D[:12], "whiteout", "config") if word in told]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "There is no answers.toml: your answers belong in it."),
        ("where = upper", "line 1"),
        ("a = 1\na = 2", "cannot be read"),
        (b"a = '\xff'", "not UTF-8"),
        ("a = " + "[" * 30_000, "cannot be read"),
        ("a = " + "9" * 50_000, "cannot be read"),
        ("# " + "x" * 70_000, "larger than"),
        ("wheer = 'upper'", "There is no question 'wheer'; did you mean 'where'?"),
        ("", "Not answered yet: where, same"),
    ],
)
def test_files_that_hold_no_answers(
    text: str | bytes | None, says: str, submit: Callable[..., Path], tmp_path: Path
) -> None:
    verdict = judged(submit, tmp_path, text)
    assert verdict.fraction == 0.0
    assert says in verdict.message, verdict


@pytest.mark.parametrize(
    "key",
    [
        "", "x", "[q]\nkind = 'number'", "[q]\nkind = 'number'\nanswer = nan", "[q]\nkind = 'essay'\nanswer = 'x'",
        "[q]\nkind = 'number'\nanswer = 1\nmeasure = 'layers'", "[q]\nkind = 'number'\nmeasure = 'weight'",
        "[q]\nkind = 'number'\nmeasure = 'layers A B'", "[q]\nkind = 'digest'\nmeasure = 'digest'",
        "[q]\nkind = 'digest'\nanswer = 'sha256:12'", "[q]\nkind = 'choice'\nchoices = ['a', 'b']\nanswer = 'c'",
        "[q]\nkind = 'number'\nanswer = 1\ntolerence = 1", "[q]\nkind = 'number'\nanswer = 1\ntolerance = '5 MB'",
        "[q]\nkind = 'text'\nanswer = []", "[q]\nkind = 'image'\nmeasure = 'image'",
        "[q]\nkind = 'image'\nanswer = 'localhost:5000/me/tides:1.0'", "[q]\nkind = 'order'\nanswer = ['a']",
    ],
)  # fmt: skip
def test_keys_that_are_refused(key: str, submit: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(ExerciseInvalid, match=r"key\.toml"):
        judged(submit, tmp_path, written(), key)


def test_the_key_is_never_the_learners(submit: Callable[..., Path], tmp_path: Path) -> None:
    empty = tmp_path / "exercise"
    empty.mkdir()
    folder = submit({"Dockerfile": "FROM scratch\n", "answers.toml": written(), "key.toml": KEY})
    with facts_of(folder, exercise=empty) as facts, pytest.raises(ExerciseInvalid, match="no such file"):
        answers.judge(facts, answers.Params(file="answers.toml"))


@pytest.mark.parametrize("wrong", [{}, {"file": "/etc/passwd"}, {"file": "../key.toml"}, {"file": "a", "key": "../k"}])
def test_parameters_that_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        answers.Params.model_validate(wrong)


MEASURED = """
[own_layers]
kind = "number"
measure = "layers"
[own_user]
kind = "text"
measure = "user"
[layers]
kind = "number"
measure = "layers {base}"
[bytes]
kind = "number"
measure = "bytes {base}"
tolerance = "1 %"
[digest]
kind = "digest"
measure = "digest {base}"
[image]
kind = "image"
measure = "image {base}"
"""


@pytest.mark.lab
@pytest.mark.usefixtures("nothing_left")
def test_measured(submit: Callable[..., Path], tmp_path: Path, engine: Engine, base: str) -> None:
    engine._api.pull(base)
    about = engine.inspect_image(base)
    layers = len(about["RootFS"]["Layers"])
    digest = next(text for text in about["RepoDigests"] if text.startswith(base.partition(":musl")[0]))
    size = Image(lambda: engine.save_image(base)).size
    right = {
        "own_layers": layers + 1,
        "own_user": "nobody",
        "layers": layers,
        "bytes": size,
        "digest": digest,
        "image": digest,
    }
    (tmp_path / "key.toml").write_text(MEASURED.replace("{base}", base))
    dockerfile = f"FROM {base}\nRUN echo 1 > /one\nUSER nobody\n"
    for change, share in [({}, 1.0), ({"layers": layers + 1, "own_layers": layers, "digest": f"sha256:{D}"}, 0.5)]:
        text = "\n".join(f"{name} = {json.dumps(value)}" for name, value in (right | change).items())
        with facts_of(submit({"Dockerfile": dockerfile, "answers.toml": text}), engine, exercise=tmp_path) as facts:
            verdict = answers.judge(facts, answers.Params(file="answers.toml"))
            assert verdict.fraction == share, verdict


@pytest.mark.lab
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("what", ["digest", "layers"])
def test_what_cannot_be_measured_is_no_verdict(
    what: str, submit: Callable[..., Path], tmp_path: Path, engine: Engine
) -> None:
    kind = "digest" if what == "digest" else "number"
    (tmp_path / "key.toml").write_text(f'[q]\nkind = "{kind}"\nmeasure = "{what} localhost:5000/base/nosuch:1"\n')
    folder = submit({"Dockerfile": "FROM scratch\n", "answers.toml": f'q = "{D}"' if kind == "digest" else "q = 1"})
    with facts_of(folder, engine, exercise=tmp_path) as facts, pytest.raises(EngineFailure, match="nosuch"):
        answers.judge(facts, answers.Params(file="answers.toml"))


OWN = """
[mine]
kind = "digest"
measure = "digest localhost:5000/{learner}/musl:1"
[layers]
kind = "number"
measure = "layers localhost:5000/{learner}/busybox:musl"
[known]
kind = "number"
answer = 7
"""


@pytest.mark.lab
@pytest.mark.usefixtures("nothing_left")
def test_a_measure_of_what_the_learner_pushed(
    submit: Callable[..., Path], tmp_path: Path, engine: Engine, base: str
) -> None:
    """Here the learner is called `base`, who pushed base/busybox:musl and no base/musl."""
    engine._api.pull(base)
    layers = len(engine.inspect_image(base)["RootFS"]["Layers"])
    (tmp_path / "key.toml").write_text(OWN)
    folder = submit({"Dockerfile": "FROM scratch", "answers.toml": f'mine = "{D}"\nlayers = {layers}\nknown = 7'})
    with facts_of(folder, engine, exercise=tmp_path, learner="base") as facts:
        verdict = answers.judge(facts, answers.Params(file="answers.toml"))
    assert verdict.fraction == 2 / 3
    assert verdict.message == (
        "2 of 3 answers are right. "
        "mine: there is nothing to compare it with, since localhost:5000/base/musl:1 is not in its registry."
    )
    with facts_of(folder, engine, exercise=tmp_path, learner="nobody-here") as facts:
        verdict = answers.judge(facts, answers.Params(file="answers.toml"))
    assert verdict.fraction == 1 / 3
    assert "since localhost:5000/nobody-here/busybox:musl is not in its registry." in verdict.message
