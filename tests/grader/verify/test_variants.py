"""expect.toml: what it says of a known submission, how the submission is laid out, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from grader.errors import ExerciseInvalid
from grader.exercise import Exercise, load, names
from grader.verify import variants

MANIFEST = """
title = "One"
lesson = "01-one"
level = "core"
minutes = 1

[[check]]
kind = "build"
title = "It builds"
points = 4

[[check]]
kind = "user"
title = "Not root"
points = 6
"""
STARTER = 'why = "unfinished"\nkind = "starter"\nbase = "starter"\n[checks]\nbuild = "failed"\nuser = "skipped"\n'
CHECKS = '[checks]\nbuild = "passed"\nuser = "failed"\n'
HEAD = 'why = "so"\nkind = "near-miss"\n'


@pytest.fixture
def exercise(tmp_path: Path) -> Exercise:
    folder = tmp_path / "one"
    put(folder, "exercise.toml", MANIFEST)
    for base in ("starter", "solution"):
        put(folder, f"{base}/Dockerfile", base)
        put(folder, f"{base}/app/main.py", base)
        put(folder, f"{base}/app/util.py", base)
    put(folder, "variants/starter/expect.toml", STARTER)
    return load(folder)


def put(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def laid_out(exercise: Exercise, expectation: str, files: dict[str, str] | None = None) -> dict[str, str]:
    for name, text in (files or {}).items():
        put(exercise.folder, f"variants/v/{name}", text)
    put(exercise.folder, "variants/v/expect.toml", expectation)
    target = exercise.folder / "laid-out"
    variants.load(exercise, exercise.folder / "variants" / "v").lay_out(target)
    return {str(path.relative_to(target)): path.read_text() for path in target.rglob("*") if path.is_file()}


def refusal(exercise: Exercise, expectation: str, name: str = "v") -> str:
    put(exercise.folder, f"variants/{name}/expect.toml", expectation)
    with pytest.raises(ExerciseInvalid) as caught:
        variants.load_all(exercise)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{exercise.folder}/variants/{name}/expect.toml: ")
    return message.partition(": ")[2]


def test_an_expectation_is_read(exercise):
    put(exercise.folder, "variants/v/expect.toml", HEAD + "score = 4\n" + CHECKS)
    found = variants.load(exercise, exercise.folder / "variants" / "v")
    assert (found.name, found.why, found.kind, found.score) == ("v", "so", "near-miss", 4.0)
    assert found.base == exercise.solution
    assert found.checks == {"build": "passed", "user": "failed"}
    assert [variant.name for variant in variants.load_all(exercise)] == ["starter", "v"]


# How a submission is laid out


def test_a_variant_holds_only_what_differs(exercise):
    found = laid_out(exercise, HEAD + CHECKS, {"app/main.py": "mine", "app/new.py": "new"})
    assert found == {
        "Dockerfile": "solution",
        "app/main.py": "mine",
        "app/util.py": "solution",
        "app/new.py": "new",
    }


@pytest.mark.parametrize(
    ("base", "found"),
    [
        ('base = "starter"\n', {"Dockerfile": "mine", "app/main.py": "starter", "app/util.py": "starter"}),
        ('base = "none"\n', {"Dockerfile": "mine"}),
        ('delete = ["app"]\n', {"Dockerfile": "mine"}),
        ('delete = ["app/util.py"]\n', {"Dockerfile": "mine", "app/main.py": "solution"}),
        ('delete = ["Dockerfile", "app/main.py"]\n', {"Dockerfile": "mine", "app/util.py": "solution"}),
    ],
)
def test_the_base_is_chosen_and_thinned(exercise, base, found):
    assert laid_out(exercise, HEAD + base + CHECKS, {"Dockerfile": "mine"}) == found


def test_a_folder_can_take_the_place_of_a_file_and_the_other_way_round(exercise):
    expectation = HEAD + 'delete = ["Dockerfile"]\n' + CHECKS
    found = laid_out(exercise, expectation, {"Dockerfile/inner": "deep", "app/main.py": "mine"})
    assert found["Dockerfile/inner"] == "deep"
    (exercise.folder / "variants/v/app").rename(exercise.folder / "variants/v/aside")
    put(exercise.folder, "variants/v/app", "a file")
    target = exercise.folder / "again"
    variants.load(exercise, exercise.folder / "variants" / "v").lay_out(target)
    assert (target / "app").read_text() == "a file"


def test_links_stay_links_and_modes_stay(exercise):
    put(exercise.folder, "variants/v/run.sh", "#!/bin/sh\n")
    (exercise.folder / "variants/v/run.sh").chmod(0o755)
    (exercise.folder / "variants/v/Dockerfile").symlink_to("/etc/passwd")
    put(exercise.folder, "variants/v/expect.toml", HEAD + CHECKS)
    target = exercise.folder / "laid-out"
    variants.load(exercise, exercise.folder / "variants" / "v").lay_out(target)
    assert os.readlink(target / "Dockerfile") == "/etc/passwd"
    assert target.joinpath("run.sh").stat().st_mode & 0o777 == 0o755
    assert exercise.solution.joinpath("Dockerfile").read_text() == "solution"


@pytest.mark.parametrize(
    ("expectation", "files", "said"),
    [
        (HEAD + 'delete = ["nothing"]\n' + CHECKS, {}, "nothing: No such file"),
        (HEAD + CHECKS, {"Dockerfile/inner": "x"}, "Dockerfile: File exists"),
    ],
)
def test_parts_that_do_not_fit_are_said(exercise, expectation, files, said):
    with pytest.raises(ExerciseInvalid, match=said) as caught:
        laid_out(exercise, expectation, files)
    assert "cannot be laid over its base" in str(caught.value)


def test_a_base_that_is_not_there_is_said(exercise):
    (exercise.folder / "solution").rename(exercise.folder / "solved")
    with pytest.raises(ExerciseInvalid, match="cannot be laid over its base"):
        laid_out(exercise, HEAD + CHECKS)


# What is run in it first


@pytest.mark.parametrize(
    ("base", "own", "found"),
    [
        ("solution", False, "solution.sh"),
        ("solution", True, "do.sh"),
        ("starter", False, None),
        ("starter", True, "do.sh"),
        ("none", False, None),
        ("none", True, "do.sh"),
    ],
)
def test_a_script_of_its_own_or_the_solutions(exercise, base, own, found):
    put(exercise.folder, "solution.sh", "true")
    if own:
        put(exercise.folder, "variants/v/do.sh", "true")
    put(exercise.folder, "variants/v/Dockerfile", "mine")
    put(exercise.folder, "variants/v/expect.toml", HEAD + f'base = "{base}"\n' + CHECKS)
    variant = variants.load(exercise, exercise.folder / "variants" / "v")
    assert (variant.script.name if variant.script else None) == found
    variant.lay_out(exercise.folder / "laid-out")
    assert not [path for path in (exercise.folder / "laid-out").iterdir() if path.suffix in (".sh", ".toml")]


def test_most_exercises_need_no_script(exercise):
    assert variants.solution_script(exercise) is None
    assert variants.load_all(exercise)[0].script is None


# What is refused


@pytest.mark.parametrize(
    ("expectation", "message"),
    [
        ("why = ", "not valid TOML: "),
        ("", "missing key 'why'"),
        ('why = "so"\n' + CHECKS, "missing key 'kind'"),
        (HEAD, "missing key 'checks'"),
        ('why = ""\nkind = "cheat"\n' + CHECKS, "why: "),
        (HEAD.replace("near-miss", "nearmiss") + CHECKS, "kind: Input should be 'starter', 'near-miss', 'cheat'"),
        (HEAD.replace("why", "wy") + CHECKS, "unknown key 'wy'; did you mean 'why'?"),
        (HEAD + "scroe = 3\n" + CHECKS, "unknown key 'scroe'; did you mean 'score'?"),
        (HEAD + "score = -1\n" + CHECKS, "score: "),
        (HEAD + "score = nan\n" + CHECKS, "score: "),
        (HEAD + 'base = "soluton"\n' + CHECKS, "base: Input should be 'solution', 'starter' or 'none'"),
        (HEAD + 'delete = "x"\n' + CHECKS, "delete: expected a list"),
        (HEAD + 'delete = ["../x"]\n' + CHECKS, "delete.0: expected a path inside"),
        (HEAD + 'delete = ["/etc"]\n' + CHECKS, "delete.0: expected a path inside"),
        (HEAD + CHECKS.replace("user", "usre"), "checks: no check 'usre' in one; did you mean 'user'?"),
        (HEAD + CHECKS + 'zzz = "failed"\n', "checks: no check 'zzz' in one; valid: build, user"),
        (HEAD + '[checks]\nbuild = "failed"\n', "checks: does not name user; every check needs its status"),
        (HEAD + "[checks]\n", "checks: does not name build, user; every check needs its status"),
        (HEAD + CHECKS.replace("failed", "fails"), "checks.user: Input should be 'passed', 'partial', 'failed' or"),
        (HEAD + CHECKS.replace("failed", "error"), "checks.user: Input should be 'passed', 'partial', 'failed' or"),
        (HEAD + CHECKS.replace("failed", "passed"), "kind: a variant is odd-but-right if it passes"),
        (
            HEAD.replace("near-miss", "cheat") + CHECKS.replace("failed", "passed"),
            "kind: a variant is odd-but-right if",
        ),
        (
            HEAD.replace("near-miss", "odd-but-right") + CHECKS,
            "kind: a variant is odd-but-right if it passes",
        ),
        (STARTER, "kind, base: both are \"starter\" for the variant named 'starter', and for no other"),
    ],
)
def test_an_expectation_is_refused_by_key(exercise, expectation, message):
    assert refusal(exercise, expectation).startswith(message)


@pytest.mark.parametrize(
    ("expectation", "message"),
    [
        (
            STARTER.replace('kind = "starter"', 'kind = "near-miss"'),
            "kind, base: both are \"starter\" for the variant named 'starter'",
        ),
        (STARTER.replace('base = "starter"\n', ""), "kind, base: both are \"starter\" for the variant named 'starter'"),
        (STARTER.replace("failed", "passed").replace("skipped", "passed"), "kind: a variant is odd-but-right if"),
    ],
)
def test_the_starters_expectation_is_of_its_own_kind(exercise, expectation, message):
    assert refusal(exercise, expectation, "starter").startswith(message)


def test_every_exercise_says_how_its_starter_fails(exercise):
    (exercise.folder / "variants/starter").rename(exercise.folder / "aside")
    with pytest.raises(
        ExerciseInvalid, match=r"variants/starter/expect.toml: missing; it says how the starter must fail"
    ):
        variants.load_all(exercise)


def test_a_folder_without_an_expectation_is_not_passed_over(exercise):
    (exercise.folder / "variants/forgotten").mkdir()
    with pytest.raises(ExerciseInvalid, match=r"forgotten/expect.toml: missing"):
        variants.load_all(exercise)


def test_what_is_not_text_is_refused(exercise):
    put(exercise.folder, "variants/v/expect.toml", "")
    (exercise.folder / "variants/v/expect.toml").write_bytes(b'why = "\xff"')
    with pytest.raises(ExerciseInvalid, match="not UTF-8 text"):
        variants.load_all(exercise)


# The course's own


@pytest.mark.parametrize("name", names())
def test_every_exercise_knows_near_misses_cheats_and_odd_answers(name, tmp_path):
    exercise = load(name)
    found = variants.load_all(exercise)
    assert {variant.kind for variant in found} == {"starter", "near-miss", "cheat", "odd-but-right"}
    for variant in found:
        variant.lay_out(tmp_path / variant.name)
        assert (tmp_path / variant.name / exercise.build.dockerfile).is_file()
