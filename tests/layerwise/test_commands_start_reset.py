"""`lab start` and `lab reset`, by the real command."""

from __future__ import annotations

import os
import re
import stat
import threading

import pytest


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_start_copies_the_starter_and_tells_what_to_do(lab):
    ended = lab("start", "01-tiny", DOCKER_HOST="unix:///nowhere.sock")
    assert ended.status == 0, ended.err
    assert files(lab.work / "01-tiny") == files(lab.exercise("01-tiny") / "starter")
    assert ended.err == ""
    lines = ended.out.splitlines()
    assert lines[0] == "A tiny image  (10 points, about 1 minute)"
    assert "A greeting waits to be packed." in lines
    assert "     4  It builds" in lines
    assert "     6  It is not root" in lines
    assert "Two things." not in ended.out
    assert "Your copy: work/01-tiny" in lines
    assert lines[-1] == "Edit it, then:  ./lab grade 01-tiny"


def test_an_exercise_can_be_begun_while_the_lab_is_down(lab):
    ended = lab("start", "01-tiny", DOCKER_HOST="")
    assert ended.status == 0
    assert (lab.work / "01-tiny" / "Dockerfile").is_file()
    assert ended.err == "lab: not ready to build yet: the lab is not up; run: ./lab up\n"


def test_an_exercise_with_no_story_begins_too(lab):
    ended = lab("start", "02-words")
    assert ended.status == 0, ended.err
    assert ended.out.splitlines()[0] == "Another [bold]one[/bold]  (2.5 points, about 20 minutes)"


def test_start_leaves_work_alone_and_names_the_remedy(lab):
    lab("start", "01-tiny")
    mine = lab.work / "01-tiny" / "Dockerfile"
    mine.write_text("FROM scratch\n")
    ended = lab("start", "01-tiny")
    assert ended.status == 2
    assert ended.out == ""
    assert ended.err.count("\n") == 1
    assert "work/01-tiny" in ended.err
    assert "./lab reset 01-tiny" in ended.err
    assert mine.read_text() == "FROM scratch\n"


@pytest.mark.parametrize("words", [("start", "01-tiny", "--force"), ("reset", "01-tiny")])
def test_beginning_again_keeps_the_old_work(lab, words):
    lab("start", "01-tiny")
    (lab.work / "01-tiny" / "Dockerfile").write_text("FROM scratch\n")
    (lab.work / "01-tiny" / "notes").write_text("mine")
    ended = lab(*words)
    assert ended.status == 0, ended.err
    assert files(lab.work / "01-tiny") == files(lab.exercise("01-tiny") / "starter")
    kept = re.search(r"^Your work so far is kept in (work/\.trash/01-tiny-\d{8}-\d{6})$", ended.out, re.MULTILINE)
    assert kept, ended.out
    old = files(lab.work.parent / kept[1])
    assert old["Dockerfile"] == b"FROM scratch\n"
    assert old["notes"] == b"mine"


def test_reset_twice_in_a_second_keeps_both(lab):
    lab("start", "01-tiny")
    for _ in range(3):
        assert lab("reset", "01-tiny").status == 0
    assert len(list((lab.work / ".trash").iterdir())) == 3


def test_reset_without_work_is_a_start(lab):
    ended = lab("reset", "01-tiny")
    assert ended.status == 0, ended.err
    assert files(lab.work / "01-tiny") == files(lab.exercise("01-tiny") / "starter")
    assert "kept" not in ended.out
    assert not (lab.work / ".trash").exists()


def test_an_empty_folder_is_no_work(lab):
    (lab.work / "01-tiny").mkdir(parents=True)
    assert lab("start", "01-tiny").status == 0
    assert (lab.work / "01-tiny" / "Dockerfile").is_file()


@pytest.mark.parametrize("make", ["file", "dangling link", "link to a folder"])
def test_whatever_is_in_the_way_is_work(lab, make):
    lab.work.mkdir()
    elsewhere = lab.work.parent / "elsewhere"
    if make == "file":
        (lab.work / "01-tiny").write_text("mine")
    else:
        if make == "link to a folder":
            elsewhere.mkdir()
            (elsewhere / "mine").touch()
        (lab.work / "01-tiny").symlink_to(elsewhere)
    assert lab("start", "01-tiny").status == 2
    assert lab("reset", "01-tiny").status == 0
    assert not (lab.work / "01-tiny").is_symlink()
    assert os.path.lexists(next((lab.work / ".trash").iterdir()))
    if make == "link to a folder":
        assert (elsewhere / "mine").exists()


def test_modes_and_links_come_along_and_read_only_starters_can_be_edited(lab):
    starter = lab.exercise("01-tiny") / "starter"
    (starter / "run.sh").write_text("#!/bin/sh\n")
    (starter / "run.sh").chmod(0o555)
    (starter / "link").symlink_to("greeting.txt")
    (starter / "inner").mkdir()
    (starter / "inner" / "file").touch()
    (starter / "inner").chmod(0o555)
    starter.chmod(0o555)
    assert lab("start", "01-tiny").status == 0
    begun = lab.work / "01-tiny"
    assert stat.S_IMODE((begun / "run.sh").stat().st_mode) == 0o755
    assert stat.S_IMODE((begun / "inner").stat().st_mode) == 0o755
    assert begun.stat().st_mode & stat.S_IWUSR
    assert os.readlink(begun / "link") == "greeting.txt"


def test_files_get_times_of_their_own(lab):
    """BuildKit takes a file of equal name, size and time for unchanged, even where the content differs."""
    source = lab.exercise("01-tiny") / "starter" / "Dockerfile"
    os.utime(source, (1, 1))
    lab("start", "01-tiny")
    assert (lab.work / "01-tiny" / "Dockerfile").stat().st_mtime > 1e9


def test_an_exercise_may_be_a_path(lab, tmp_path):
    ended = lab("start", lab.exercise("01-tiny"), LAYERWISE_EXERCISES=str(tmp_path / "none"))
    assert ended.status == 0, ended.err
    assert (lab.work / "01-tiny" / "Dockerfile").is_file()


@pytest.mark.parametrize("command", ["start", "reset", "grade"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("01-tinny", "lab: no exercise '01-tinny': did you mean 01-tiny?\n"),
        ("zzz", "lab: no exercise 'zzz': 'lab exercises' lists them\n"),
        ("", "lab: no exercise '': 'lab exercises' lists them\n"),
        ("..", "lab: no exercise '..': 'lab exercises' lists them\n"),
        ("/", "lab: no exercise '/': 'lab exercises' lists them\n"),
    ],
)
def test_an_unknown_exercise_is_answered_with_the_nearest(lab, command, name, said):
    ended = lab(command, name)
    assert (ended.status, ended.out, ended.err) == (2, "", said)
    assert not lab.work.exists()


@pytest.mark.parametrize("command", ["start", "reset", "grade"])
def test_an_invalid_exercise_is_named_with_the_nearest_key(lab, command):
    manifest = lab.exercise("01-tiny") / "exercise.toml"
    manifest.write_text(manifest.read_text().replace("minutes", "minuts"))
    ended = lab(command, "01-tiny")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err == f"lab: {manifest}: unknown key 'minuts'; did you mean 'minutes'?\n"


@pytest.mark.parametrize("command", ["start", "reset"])
def test_an_exercise_without_a_starter_cannot_be_begun(lab, command):
    (lab.exercise("01-tiny") / "starter").rename(lab.exercise("01-tiny") / "begin")
    ended = lab(command, "01-tiny")
    assert ended.status == 2
    assert "has no folder starter/" in ended.err
    assert not (lab.work / "01-tiny").exists()


@pytest.mark.parametrize("command", ["start", "reset"])
def test_a_work_folder_that_cannot_be_made_is_said_in_one_line(lab, command):
    lab.work.write_text("in the way")
    ended = lab(command, "01-tiny")
    assert ended.status == 3
    assert ended.err.count("\n") == 1
    assert ended.err.startswith("lab: cannot ")


def test_a_hidden_name_is_no_exercise(lab):
    """work/.trash is ours, and an exercise of that name would be put there."""
    lab.exercise("01-tiny").rename(lab.exercises / ".trash")
    ended = lab("reset", lab.exercises / ".trash")
    assert ended.status == 2
    assert "begin with a dot" in ended.err


def test_nothing_half_made_is_left(lab):
    starter = lab.exercise("01-tiny") / "starter"
    os.mkfifo(starter / "pipe")
    ended = lab("start", "01-tiny")
    assert ended.status == 3
    assert "is a named pipe" in ended.err
    assert list(lab.work.iterdir()) == []


def test_many_at_once_make_one(lab):
    ended = []
    threads = [threading.Thread(target=lambda: ended.append(lab("start", "01-tiny"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result.status for result in ended)[0] == 0
    assert sum(result.status == 0 for result in ended) == 1
    assert files(lab.work / "01-tiny") == files(lab.exercise("01-tiny") / "starter")
    assert [path.name for path in lab.work.iterdir()] == ["01-tiny"]


class TestInstances:
    """`find-it` is a task of the interview: a pattern of which a seed makes an exercise."""

    def answer(self, lab, seed):
        return next(lab.home.joinpath("instances").glob(f"*-{seed}/find-it/solution/answers.toml")).read_text()

    def test_a_seed_is_remembered_and_another_may_be_given(self, lab):
        begun = lab("start", "find-it", "--seed", "7")
        assert begun.status == 0, begun.err
        assert "Seed 7: everybody gets the same with  ./lab start find-it --seed 7" in begun.out
        mine = lab.work / "find-it" / "answers.toml"
        mine.write_text(self.answer(lab, 7))
        assert lab("grade", "find-it").status == 0
        assert lab("grade", "find-it", "--seed", "8").status == 1
        assert lab("grade", "find-it", "--seed", "7", str(mine.parent)).status == 0

    def test_without_a_seed_one_comes_by_chance_and_stays(self, lab):
        begun = lab("start", "find-it")
        seed = re.search(r"^Seed (\d+):", begun.out, re.MULTILINE)[1]
        assert f"Seed {seed}:" in lab("reset", "find-it").out
        assert f"Seed {seed}:" in lab("start", "find-it", "--force").out
        assert lab("start", "find-it").status == 2
        assert "Seed 5:" in lab("start", "find-it", "--seed", "5", "--force").out

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("start", "01-tiny", "--seed", "1"), "01-tiny is the same for everybody: leave out --seed"),
            (("grade", "find-it"), "which instance of find-it? None was begun here"),
            (("start", "find-i"), "no exercise 'find-i': did you mean find-it?"),
            (("start", "find-it", "--seed", "-1"), "-1 is not in the range"),
            (("start", "find-it", "--seed", "x"), "'x' is not a valid integer"),
        ],
    )
    def test_wrong_input(self, lab, words, said):
        ended = lab(*words)
        assert ended.status == 2
        assert said in ended.err
        assert not (lab.work / "find-it").exists()

    def test_every_wanted_seed_is_proved(self, lab):
        ended = lab("exercises", "verify", "find-it", "--seeds", "2")
        assert ended.status == 0, ended.out + ended.err
        assert "✓ find-it, seed 1: solution" in ended.out
        assert "✓ find-it, seed 2: starter" in ended.out
        assert ended.out.splitlines()[-1] == "4 of 4 submissions of 2 exercises proved"
