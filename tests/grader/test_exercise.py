"""exercise.toml: what is read, and what is refused, in one line that names the key and the nearest valid spelling."""

from __future__ import annotations

import textwrap

import pytest

from grader import checks
from grader.errors import ExerciseInvalid, ExerciseNotFound
from grader.exercise import EXERCISES, load, names

HEAD = """
title = "Drop root"
lesson = "05-runtime"
level = "core"
minutes = 10
"""
BUILD = """
[[check]]
kind = "build"
title = "It builds"
points = 1
"""


def write(folder, text, name="one"):
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    place.joinpath("exercise.toml").write_text(textwrap.dedent(text), encoding="utf-8")
    return place


def reading(folder, text):
    return load("one", write(folder, text).parent)


def refusal(folder, text):
    with pytest.raises(ExerciseInvalid) as caught:
        reading(folder, text)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(folder / "one" / "exercise.toml") + ": ")
    assert caught.value.exit_code == 2
    return message.partition(": ")[2]


# What is read


def test_the_least_there_can_be(tmp_path):
    exercise = reading(tmp_path, HEAD + BUILD)
    assert exercise.name == "one"
    assert exercise.folder == tmp_path / "one"
    assert (exercise.title, exercise.lesson, exercise.level, exercise.minutes) == (
        "Drop root",
        "05-runtime",
        "core",
        10,
    )
    assert exercise.skills == exercise.images == exercise.hints == ()
    assert exercise.build.dockerfile == "Dockerfile"
    assert exercise.build.context == "."
    assert exercise.build.target == ""
    assert exercise.build.args == {}
    assert exercise.build.timeout == 600.0
    assert exercise.starter == tmp_path / "one" / "starter"
    assert exercise.solution == tmp_path / "one" / "solution"
    assert exercise.variants == []
    (check,) = exercise.checks
    assert (check.id, check.kind, check.title, check.points) == ("build", "build", "It builds", 1.0)
    assert (check.hint, check.lesson, check.needs) == (None, None, ())


@pytest.mark.parametrize(
    ("readme", "story"),
    [
        (None, ""),
        ("", ""),
        (b"\xff", ""),
        ("# Title\n\nOne.\n\nTwo.\n\n## Judged\n\nThree.\n", "One.\n\nTwo."),
        ("No title.\n", "No title."),
        ("# Title\n## Judged\nThree.\n", ""),
    ],
)
def test_its_story(tmp_path, readme, story):
    exercise = reading(tmp_path, HEAD + BUILD)
    if readme is not None:
        (exercise.folder / "README.md").write_bytes(readme if isinstance(readme, bytes) else readme.encode())
    assert exercise.story == story


def test_all_there_can_be(tmp_path):
    exercise = reading(
        tmp_path,
        HEAD
        + """
        skills = ["USER", "ownership"]
        images = ["python:3.13-slim"]
        hints = ["a nudge", "a pointer"]

        [build]
        dockerfile = "docker/Dockerfile"
        context = "app"
        target = "final"
        args = {VERSION = "1"}
        timeout = "90 s"

        [[check]]
        kind = "build"
        title = "It builds"
        points = 0.5
        id = "it-builds"

        [[check]]
        kind = "user"
        title = "Not root"
        points = 2.25
        at = "config"
        hint = "look at USER"
        lesson = "05-runtime#user"
        needs = ["it-builds"]
        """,
    )
    assert exercise.points == 2.75
    assert exercise.build.model_dump() == {
        "dockerfile": "docker/Dockerfile",
        "context": "app",
        "target": "final",
        "args": {"VERSION": "1"},
        "timeout": 90.0,
    }
    user = exercise.checks[1]
    assert (user.hint, user.lesson, user.needs) == ("look at USER", "05-runtime#user", ("it-builds",))
    assert user.params.at == "config"


def test_ids_are_the_kind_numbered_when_repeated(tmp_path):
    exercise = reading(tmp_path, HEAD + BUILD + BUILD + BUILD.replace("[[check]]", '[[check]]\nid = "mine"') + BUILD)
    assert [check.id for check in exercise.checks] == ["build", "build-2", "mine", "build-3"]


def test_points_add_up_to_hundredths(tmp_path):
    exercise = reading(tmp_path, HEAD + BUILD.replace("points = 1", "points = 0.1") * 3)
    assert exercise.points == 0.3


def test_variants_are_the_folders_that_say_what_they_expect(tmp_path):
    place = write(tmp_path, HEAD + BUILD)
    for name in ("b", "a", "no-expectation"):
        (place / "variants" / name).mkdir(parents=True)
    for name in ("b", "a"):
        (place / "variants" / name / "expect.toml").touch()
    assert [path.name for path in load("one", tmp_path).variants] == ["a", "b"]


@pytest.mark.parametrize("kind", checks.KINDS)
def test_every_kind_can_be_loaded(kind):
    found = checks.kind(kind)
    assert found.name == kind
    assert issubclass(found.params, checks.CheckParams)
    assert callable(found.judge)


@pytest.mark.parametrize("name", ["Build", "", "os", "../grade", "build ", "__init__", "_params"])
def test_what_is_no_kind_is_a_key_error(name):
    with pytest.raises(KeyError):
        checks.kind(name)


# Finding it


def test_names_are_the_folders_that_hold_a_manifest(tmp_path):
    for name in ("02-b", "01-a"):
        write(tmp_path, HEAD + BUILD, name)
    (tmp_path / "03-empty").mkdir()
    assert names(tmp_path) == ["01-a", "02-b"]
    assert names(tmp_path / "nowhere") == []


def test_an_exercise_is_found_by_name_or_by_path(tmp_path, monkeypatch):
    place = write(tmp_path / "elsewhere", HEAD + BUILD)
    assert load("one", tmp_path / "elsewhere").folder == place
    assert load(str(place), tmp_path).folder == place
    assert load(place, tmp_path).folder == place
    monkeypatch.chdir(place)
    assert load(".", tmp_path).name == "one"
    assert load("../one", tmp_path).name == "one"
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert load("one", tmp_path).folder == place
    assert load("one/", tmp_path).folder == place


@pytest.mark.parametrize(
    ("wanted", "advice"),
    [
        ("05-drop-rot", "did you mean 05-drop-root?"),
        ("drop-root", "did you mean 05-drop-root?"),
        ("zzz", "'lab exercises' lists them"),
        ("", "'lab exercises' lists them"),
        ("nowhere/at-all", "'lab exercises' lists them"),
        ("x" * 5000, "'lab exercises' lists them"),
        ("exercise.toml", "'lab exercises' lists them"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(tmp_path, monkeypatch, wanted, advice):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "all", HEAD + BUILD, "05-drop-root")
    with pytest.raises(ExerciseNotFound) as caught:
        load(wanted, tmp_path / "all")
    assert str(caught.value) == f"no exercise {wanted!r}: {advice}"
    assert caught.value.exit_code == 2


def test_where_no_exercises_are_a_path_is_asked_for(tmp_path):
    with pytest.raises(ExerciseNotFound, match="no exercise '05-drop-root': give the path of an exercise's folder"):
        load("05-drop-root", tmp_path / "nowhere")


# What is refused


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = ", "not valid TOML: "),
        ("a = 1\na = 2", "not valid TOML: "),
        ("\ufefftitle = 1", "not valid TOML: "),
        ("", "missing key 'title'"),
        (BUILD, "missing key 'title'"),
        (HEAD, "missing key 'check'"),
        (HEAD + "check = []", "check: "),
        (HEAD + "[check]\nkind = 'build'", "check: expected a list, written [[check]]"),
        (HEAD + "check = [1]", "check.0: "),
        (HEAD.replace("title", "titel") + BUILD, "unknown key 'titel'; did you mean 'title'?"),
        (HEAD + "minuts = 3\n" + BUILD, "unknown key 'minuts'; did you mean 'minutes'?"),
        (HEAD + "qqqq = 3\n" + BUILD, "unknown key 'qqqq'; valid: title, lesson, level"),
        (HEAD + BUILD + "[bild]\ntarget = 'x'", "unknown key 'bild'; did you mean 'build'?"),
        (
            HEAD.replace('"core"', '"cor"') + BUILD,
            "level: Input should be 'core', 'stretch', 'capstone' or 'interview'",
        ),
        (HEAD.replace('"Drop root"', '""') + BUILD, "title: "),
        (HEAD.replace('"Drop root"', "5") + BUILD, "title: "),
        (HEAD.replace("10", "0") + BUILD, "minutes: "),
        (HEAD.replace("10", '"10"') + BUILD, "minutes: "),
        (HEAD.replace("10", "true") + BUILD, "minutes: "),
        (HEAD.replace("10", "1.5") + BUILD, "minutes: "),
        (HEAD + "hints = 'one'\n" + BUILD, "hints: expected a list"),
        (HEAD + "images = [1]\n" + BUILD, "images.0: "),
        (HEAD + "build = 3\n" + BUILD, "build: "),
        (HEAD + BUILD + "[build]\ntarge = 'x'", "unknown key 'build.targe'; did you mean 'target'?"),
        (HEAD + BUILD + "[build]\ndockerfile = '/etc/passwd'", "build.dockerfile: expected a path inside"),
        (HEAD + BUILD + "[build]\ndockerfile = '../Dockerfile'", "build.dockerfile: expected a path inside"),
        (HEAD + BUILD + "[build]\ndockerfile = ''", "build.dockerfile: expected a path inside"),
        (HEAD + BUILD + "[build]\ncontext = 'a/../..'", "build.context: expected a path inside"),
        (HEAD + BUILD + "[build]\ntimeout = '10 m'", "build.timeout: expected a duration such as"),
        (HEAD + BUILD + "[build]\ntimeout = inf", "build.timeout: expected a duration such as"),
        (HEAD + BUILD + "[build]\nargs = {A = 1}", "build.args.A: "),
    ],
)
def test_a_manifest_is_refused_by_key(tmp_path, text, message):
    assert refusal(tmp_path, text).startswith(message)


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ("title = 'x'\npoints = 1", "check 2: missing key 'kind'"),
        ("kind = 'build'\npoints = 1", "check 2: missing key 'title'"),
        ("kind = 'build'\ntitle = 'x'", "check 2: missing key 'points'"),
        ("kind = 'biuld'\ntitle = 'x'\npoints = 1", "check 2: unknown kind 'biuld'; did you mean 'build'?"),
        ("kind = 'qqqq'\ntitle = 'x'\npoints = 1", "check 2: unknown kind 'qqqq'; valid: "),
        ("kind = 'build'\ntitle = ''\npoints = 1", "check 2: title: "),
        ("kind = 'build'\ntitle = 'x'\npoints = 0", "check 2: points: "),
        ("kind = 'build'\ntitle = 'x'\npoints = -1", "check 2: points: "),
        ("kind = 'build'\ntitle = 'x'\npoints = 1001", "check 2: points: "),
        ("kind = 'build'\ntitle = 'x'\npoints = inf", "check 2: points: "),
        ("kind = 'build'\ntitle = 'x'\npoints = nan", "check 2: points: "),
        ("kind = 'build'\ntitle = 'x'\npoints = '1'", "check 2: points: "),
        ("kind = 'build'\ntitle = 'x'\npoints = true", "check 2: points: "),
        ("kind = 'build'\ntitle = 'x'\npoints = 0.333", "check 2: points: expected at most two decimals"),
        ("kind = 'build'\ntitle = 'x'\npoints = 1\nid = 'It builds'", "check 2: id: "),
        ("kind = 'build'\ntitle = 'x'\npoints = 1\nid = 'build'", "two checks have the id 'build'"),
        (
            "kind = 'build'\ntitle = 'x'\npoints = 1\npiont = 1",
            "check 2 (build): unknown key 'piont'; did you mean 'points'?",
        ),
        (
            "kind = 'user'\ntitle = 'x'\npoints = 1\nnumerc = 1",
            "check 2 (user): unknown key 'numerc'; did you mean 'numeric'?",
        ),
        ("kind = 'user'\ntitle = 'x'\npoints = 1\nat = 'conf'", "check 2 (user): at: "),
        (
            "kind = 'command'\ntitle = 'x'\npoints = 1\nstdot = 'y'",
            "check 2 (command): unknown key 'stdot'; did you mean 'stdout'?",
        ),
        ("kind = 'command'\ntitle = 'x'\npoints = 1\nstdout = '('", "check 2 (command): stdout: "),
        ("kind = 'command'\ntitle = 'x'\npoints = 1\ntimeout = '5'", "check 2 (command): timeout: expected a duration"),
        ("kind = 'user'\ntitle = 'x'\npoints = 1\nneeds = 'build'", "check 2: needs: expected a list"),
        (
            "kind = 'user'\ntitle = 'x'\npoints = 1\nneeds = ['biuld']",
            "check 'user' needs 'biuld', but no check before it has that id; did you mean 'build'?",
        ),
        (
            "kind = 'user'\ntitle = 'x'\npoints = 1\nneeds = ['user']",
            "check 'user' needs 'user', but no check before it has that id; valid: build",
        ),
    ],
)
def test_a_check_is_refused_by_number_and_key(tmp_path, check, message):
    assert refusal(tmp_path, f"{HEAD}{BUILD}\n[[check]]\n{check}\n").startswith(message)


def test_a_first_check_has_nothing_to_need(tmp_path):
    text = HEAD + BUILD.replace("points = 1", 'points = 1\nneeds = ["build"]')
    assert refusal(tmp_path, text) == "check 'build' needs 'build', but no check before it has that id"


def test_what_is_not_text_is_refused(tmp_path):
    place = write(tmp_path, HEAD + BUILD)
    place.joinpath("exercise.toml").write_bytes(b'title = "\xff"')
    with pytest.raises(ExerciseInvalid, match="not UTF-8 text"):
        load("one", tmp_path)


def test_any_table_of_a_check_gets_an_answer_of_one_line(tmp_path):
    """No wrong type anywhere may be a traceback."""
    values = ["1", "-1", "1.5", "true", "'x'", "''", "[]", "[1]", "{a = 1}", "1979-05-27", "inf"]
    keys = ["kind", "title", "points", "id", "hint", "lesson", "needs", "at", "run", "exit"]
    for key in keys:
        for value in values:
            table = {"kind": "'build'", "title": "'x'", "points": "1", key: value}
            text = HEAD + "[[check]]\n" + "\n".join(f"{name} = {held}" for name, held in table.items())
            try:
                reading(tmp_path, text)
            except ExerciseInvalid as caught:
                problem = str(caught)
            else:
                problem = ""
            assert "\n" not in problem


# The course's own


def test_the_course_has_exercises():
    assert {"00-hello-image", "05-drop-root"} <= set(names())


@pytest.mark.parametrize("name", names())
def test_every_exercise_of_the_course_is_complete(name):
    exercise = load(name)
    assert exercise.folder.parent == EXERCISES
    assert exercise.starter.is_dir()
    assert exercise.solution.is_dir()
    assert exercise.folder.joinpath("README.md").read_text(encoding="utf-8").startswith("# ")
    assert len(exercise.hints) == 3
    assert len(exercise.variants) >= 6
    assert exercise.points == (20 if exercise.level == "capstone" else 10)
