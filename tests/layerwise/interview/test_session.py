"""A session is what happened in it: through kills, pauses, clocks that are moved, and an engine that dies."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from grader.errors import EngineUnavailable, SubmissionUnusable
from grader.exercise import Exercise
from grader.verdict import Report
from layerwise.errors import InputError
from layerwise.interview import scores
from layerwise.interview.plan import Sources
from layerwise.interview.session import Session
from layerwise.interview.state import HandIn, Phase, Stop, load
from layerwise.interview.store import SCHEMA, Sessions, SessionsError
from layerwise.interview.tasks import Task
from layerwise.progress import Progress, Review
from tests.layerwise.interview.practice import Hands, grader, short_plan

ROOT = Path(__file__).resolve().parents[3]
QUESTION, CHOICE, TASK = 0, 1, 2


@pytest.fixture
def task(sources: Sources) -> Task:
    return sources.tasks.load("find-the-slow-step", 7)


def begun(sessions: Sessions, sources: Sources, hands: Hands) -> Session:
    return Session.begin(sessions, short_plan(sources), assistant=False, clock=hands.clock)


def resumed(sessions: Sessions, hands: Hands) -> Session:
    return Session.resume(sessions, clock=hands.clock)


def killed(session: Session) -> None:
    """End as a killed process does: nothing more is written, and the kernel releases the lock."""
    session._held.close()


class TestTime:
    def test_it_counts_for_the_item_that_is_open(self, sessions, sources, hands) -> None:
        with begun(sessions, sources, hands) as session:
            assert session.state.remaining == 20 * 60
            hands.pass_by(10)
            session.open(QUESTION)
            hands.pass_by(60)
            session.open(CHOICE)
            hands.pass_by(30)
            session.open(QUESTION)
            hands.pass_by(5)
            state = session.state
        assert [item.seconds for item in state.items] == [65, 30, 0]
        assert state.remaining == 20 * 60 - 105

    @pytest.mark.parametrize("moved", [-86_400, -60, 86_400])
    def test_the_clock_on_the_wall_changes_nothing(self, sessions, sources, hands, moved) -> None:
        with begun(sessions, sources, hands) as session:
            session.open(QUESTION)
            hands.pass_by(60)
            hands.wall += moved
            session.answer({"answer": "the key"})
            hands.pass_by(60)
            assert session.state.remaining == 18 * 60
        hands.wall += moved
        with resumed(sessions, hands) as session:
            assert session.state.remaining == 18 * 60
            assert session.state.items[QUESTION].answer.fields == {"answer": "the key"}

    def test_a_pause_stops_it_and_is_told(self, sessions, sources, hands) -> None:
        with begun(sessions, sources, hands) as session:
            session.open(QUESTION)
            hands.pass_by(60)
            session.pause()
            hands.pass_by(500)
            assert session.state.remaining == 19 * 60
            with pytest.raises(InputError, match="paused"):
                session.answer({"answer": "x"})
            session.go_on()
            hands.pass_by(60)
            assert session.state.remaining == 18 * 60
            assert session.state.stops == [Stop(60, 500)]
            assert session.state.items[QUESTION].seconds == 120

    def test_what_is_submitted_after_it_is_over_is_late(self, sessions, sources, hands) -> None:
        with begun(sessions, sources, hands) as session:
            session.open(QUESTION)
            hands.pass_by(20 * 60 - 1)
            session.answer({"answer": "in time"})
            hands.pass_by(1)
            assert session.state.is_over
            session.answer({"answer": "late"})
            state = session.state
            assert [(one.fields["answer"], one.late) for one in state.items[QUESTION].answers] == [
                ("in time", False),
                ("late", True),
            ]
            assert state.items[QUESTION].answer.fields == {"answer": "in time"}
            for refused in (lambda: session.open(CHOICE), session.pause):
                with pytest.raises(InputError, match="time is over"):
                    refused()
            session.end()
            assert session.state.ended_by == "time"


class TestKilled:
    def test_it_goes_on_where_it_was_and_the_time_between_does_not_count(self, sessions, sources, hands) -> None:
        session = begun(sessions, sources, hands)
        session.open(QUESTION)
        session.answer({"answer": "kept"})
        hands.pass_by(100)
        session.tick()
        hands.pass_by(3)  # not kept
        killed(session)
        hands.pass_by(10_000)
        with resumed(sessions, hands) as session:
            state = session.state
            assert state.remaining == 20 * 60 - 100
            assert state.stops == [Stop(100, None)]
            assert state.current == QUESTION
            hands.pass_by(1)
            assert session.state.items[QUESTION].seconds == 101

    def test_kill_9_of_a_real_process(self, sessions, sources, hands) -> None:
        script = (
            "import sys, time; from pathlib import Path\n"
            "from layerwise.interview.session import Session; from layerwise.interview.store import Sessions\n"
            "from layerwise.stack.paths import Home; from tests.layerwise.interview import practice\n"
            "here = Path(sys.argv[1]); hands = practice.Hands()\n"
            "plan = practice.short_plan(practice.sources(here))\n"
            "s = Session.begin(Sessions(Home(here / 'home')), plan, assistant=True, clock=hands.clock)\n"
            "s.open(0); hands.pass_by(90); s.answer({'answer': 'kept'}); hands.pass_by(5); s.tick()\n"
            "print('ready', flush=True); time.sleep(600)"
        )
        folder = sessions.home.path.parent
        process = subprocess.Popen([sys.executable, "-c", script, folder], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        with pytest.raises(InputError, match=rf"process {process.pid}\); go on there"):
            resumed(sessions, hands)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        with resumed(sessions, hands) as session:
            assert session.state.items[QUESTION].answer.fields == {"answer": "kept"}
            assert session.state.remaining == 20 * 60 - 95
            assert session.state.assistant

    def test_in_a_pause(self, sessions, sources, hands) -> None:
        session = begun(sessions, sources, hands)
        hands.pass_by(50)
        session.pause()
        hands.pass_by(500)
        killed(session)
        with resumed(sessions, hands) as session:
            assert not session.state.paused
            assert session.state.remaining == 20 * 60 - 50

    def test_while_it_was_graded(self, sessions, sources, hands, task) -> None:
        session = begun(sessions, sources, hands)
        session.open(TASK)
        session.start_task(task)
        hands.pass_by(100)

        def dying(exercise: Exercise, folder: Path) -> Report:
            hands.pass_by(40)
            session.tick()
            session.sessions = None  # nothing that comes later is kept
            raise SystemExit

        with pytest.raises(AttributeError):
            session.hand_in(task, dying)
        killed(session)
        with resumed(sessions, hands) as session:
            assert session.state.remaining == 20 * 60 - 100
            assert session.state.given_back == {"grading": 0, "engine": 40}
            assert not session.state.items[TASK].is_done
            assert session.hand_in(task, grader(hands, 5, 1, 1, 1)).number == 2


class TestFile:
    def test_nothing_is_made_by_looking(self, sessions) -> None:
        assert sessions.numbers() == []
        assert sessions.unfinished() is None
        with pytest.raises(InputError, match="there is no session 3; there are: none yet"):
            sessions.get(3)
        assert not sessions.home.path.exists()

    def test_cut_in_half(self, sessions, sources, hands) -> None:
        with begun(sessions, sources, hands) as session:
            for _ in range(20):
                session.open(QUESTION)
                session.answer({"answer": "x" * 3000})
        data = sessions.file.read_bytes()
        sessions.file.write_bytes(data[: len(data) // 2])
        for used in (lambda: resumed(sessions, hands), lambda: begun(sessions, sources, hands)):
            with pytest.raises(SessionsError) as told:
                used()
            assert "\n" not in str(told.value)
            assert f"{sessions.file} is damaged" in str(told.value)
            assert "move it away to begin a new one" in str(told.value)
        sessions.file.rename(sessions.file.with_suffix(".old"))
        with begun(sessions, sources, hands):
            pass

    @pytest.mark.parametrize(
        "spoil",
        [
            "UPDATE event SET data = '{'",
            "UPDATE event SET data = '[]'",
            "UPDATE event SET kind = 'begins'",
            "UPDATE event SET data = '{\"item\": 99}' WHERE kind = 'opened'",
            "UPDATE event SET kind = 'begun'",
            "UPDATE event SET kind = 'graded' WHERE kind = 'opened'",
            "DELETE FROM event",
            "UPDATE session SET token = '../../..'",
        ],
    )
    def test_a_row_that_is_not_ours_is_damage(self, sessions, sources, hands, spoil) -> None:
        with begun(sessions, sources, hands) as session:
            session.open(QUESTION)
        with closing(sqlite3.connect(sessions.file)) as database:
            database.execute(spoil)
            database.commit()
        with pytest.raises(SessionsError, match="is damaged"):
            resumed(sessions, hands)
        with pytest.raises(SessionsError, match="is damaged"):  # and the lock was released
            resumed(sessions, hands)

    def test_of_a_later_version(self, sessions, sources, hands) -> None:
        begun(sessions, sources, hands).close()
        with closing(sqlite3.connect(sessions.file)) as database:
            database.execute(f"PRAGMA user_version = {SCHEMA + 1}")
        with pytest.raises(SessionsError, match="later Layerwise"):
            resumed(sessions, hands)

    def test_delete(self, sessions, sources, hands, task) -> None:
        with begun(sessions, sources, hands) as session:
            session.open(TASK)
            session.start_task(task)
            session.hand_in(task, grader(hands, 5, 1, 1, 1))
            assert session.folder.is_dir()
            with pytest.raises(InputError, match="a session is open"):
                sessions.delete()
        sessions.delete()
        assert not sessions.exist()
        assert not list(sessions.home.path.glob("sessions*"))


class TestOneAtATime:
    def test_another_terminal_is_told_which_process_it_is(self, sessions, sources, hands) -> None:
        with begun(sessions, sources, hands):
            for used in (lambda: resumed(sessions, hands), lambda: begun(sessions, sources, hands)):
                with pytest.raises(InputError, match=rf"in another terminal or notebook \(process {os.getpid()}\)"):
                    used()
        resumed(sessions, hands).close()

    def test_a_session_is_finished_before_another_begins(self, sessions, sources, hands, progress) -> None:
        begun(sessions, sources, hands).close()
        with pytest.raises(InputError, match="session 1 is not finished"):
            begun(sessions, sources, hands)
        with resumed(sessions, hands) as session:
            session.end()
            session.finish(progress)
        with pytest.raises(InputError, match="no session is open"):
            resumed(sessions, hands)
        with begun(sessions, sources, hands) as session:
            assert session.number == 2


class TestAnswers:
    def test_of_a_megabyte(self, sessions, sources, hands) -> None:
        with begun(sessions, sources, hands) as session:
            session.open(QUESTION)
            session.answer({"answer": "kept"})
            with pytest.raises(InputError) as told:
                session.answer({"answer": "x" * 1_000_000})
            assert str(told.value).startswith("an answer has at most 64 KiB, and this one has 1.0 MB")
            session.answer({"answer": "é" * 32_000})
            with pytest.raises(InputError, match="at most 64 KiB"):
                session.answer({"answer": "é" * 33_000})
            assert len(session.state.items[QUESTION].answers) == 2

    @pytest.mark.parametrize("answer", [{}, {"answer": " \n"}, {"answer": None, "why": ""}])
    def test_that_are_empty(self, sessions, sources, hands, answer) -> None:
        with begun(sessions, sources, hands) as session:
            session.open(QUESTION)
            with pytest.raises(InputError, match="skip it"):
                session.answer(answer)

    def test_skip_and_return(self, sessions, sources, hands) -> None:
        with begun(sessions, sources, hands) as session:
            session.open(QUESTION)
            session.skip()
            assert session.state.items[QUESTION].skipped
            session.open(CHOICE)
            session.open(QUESTION)
            session.answer({"answer": "now I know"})
            assert not session.state.items[QUESTION].skipped

    def test_need_an_item_that_is_open(self, sessions, sources, hands) -> None:
        with begun(sessions, sources, hands) as session:
            with pytest.raises(InputError, match="no item is open"):
                session.answer({"answer": "x"})
            with pytest.raises(InputError, match="items 1 to 3; found 4"):
                session.open(3)


class TestTasks:
    @pytest.fixture
    def session(self, sessions, sources, hands, task):
        with begun(sessions, sources, hands) as session:
            session.open(TASK)
            yield session

    def test_the_files_are_written_once_and_older_work_is_kept(self, session, task, tmp_path) -> None:
        work = tmp_path / "work" / "find-the-slow-step"
        work.mkdir(parents=True)
        (work / "old").write_text("mine")
        assert session.start_task(task) == work
        assert sorted(path.name for path in work.iterdir()) == ["Dockerfile"]
        assert [path.read_text() for path in (tmp_path / "work" / ".trash").rglob("old")] == ["mine"]
        (work / "Dockerfile").write_text("FROM changed\n")
        assert session.start_task(task) == work
        assert (work / "Dockerfile").read_text() == "FROM changed\n"

    def test_what_is_graded_is_a_copy_that_is_kept(self, session, task, hands) -> None:
        work = session.start_task(task)
        (work / "Dockerfile").write_text("FROM first\n")
        seen = []

        def grade(exercise: Exercise, folder: Path) -> Report:
            seen.append((folder / "Dockerfile").read_text())
            return grader(hands, 0, 1, 0, 0)(exercise, folder)

        session.hand_in(task, grade)
        (work / "Dockerfile").write_text("FROM second\n")
        session.hand_in(task, grade)
        assert seen == ["FROM first\n", "FROM second\n"]
        assert (session.handed_in(TASK, 1) / "Dockerfile").read_text() == "FROM first\n"

    def test_the_time_of_the_grader_does_not_count(self, session, task, hands) -> None:
        session.start_task(task)
        hands.pass_by(60)
        found = session.hand_in(task, grader(hands, 45, 1, 0.5, 0))
        assert found.report.score == 4
        state = session.state
        assert state.remaining == 19 * 60
        assert state.given_back == {"grading": 45, "engine": 0}
        assert state.items[TASK].seconds == 60

    def test_an_engine_that_dies_costs_nothing_and_it_can_be_handed_in_again(self, session, task, hands) -> None:
        session.start_task(task)
        found = session.hand_in(task, grader(hands, 120, 1, -1, -1))
        assert not found.is_graded
        assert found.problem == "the engine does not answer"

        def gone(exercise: Exercise, folder: Path) -> Report:
            hands.pass_by(30)
            raise EngineUnavailable("no engine answers")

        assert session.hand_in(task, gone).problem == "no engine answers"
        assert session.state.given_back == {"grading": 0, "engine": 150}
        assert not session.state.items[TASK].is_done
        assert session.hand_in(task, grader(hands, 10, 1, 1, 1)).is_graded
        assert session.state.remaining == 20 * 60
        assert session.state.items[TASK].hand_in.number == 3

    def test_the_time_cannot_end_while_it_is_graded(self, session, task, hands) -> None:
        session.start_task(task)
        hands.pass_by(20 * 60 - 10)
        over = []

        def grade(exercise: Exercise, folder: Path) -> Report:
            report = grader(hands, 300, 1, 1, 1)(exercise, folder)
            over.append(session.state.is_over)
            return report

        session.hand_in(task, grade)
        assert over == [False]
        assert session.state.remaining == 10

    def test_a_late_one_does_not_replace_one_in_time(self, session, task, hands) -> None:
        session.start_task(task)
        session.hand_in(task, grader(hands, 1, 1, 0, 0))
        hands.pass_by(20 * 60)
        assert session.hand_in(task, grader(hands, 1, 1, 1, 1)).late
        assert session.state.items[TASK].hand_in.number == 1

    def test_nothing_to_grade_in_it(self, session, task, hands) -> None:
        def grade(exercise: Exercise, folder: Path) -> Report:
            raise SubmissionUnusable("there is no Dockerfile")

        session.start_task(task)
        found = session.hand_in(task, grade)
        assert found == HandIn(1, False, None, "there is no Dockerfile", unusable=True)
        assert scores.total(scores.counted(session.state.items[TASK]).values()).points == 0

    def test_ctrl_c_while_it_is_graded(self, session, task, hands) -> None:
        def grade(exercise: Exercise, folder: Path) -> Report:
            hands.pass_by(20)
            raise KeyboardInterrupt

        session.start_task(task)
        with pytest.raises(KeyboardInterrupt):
            session.hand_in(task, grade)
        assert session.state.given_back["engine"] == 20
        assert session.state.items[TASK].hand_in.problem == "it was stopped"

    def test_one_that_was_not_started(self, session, task, hands) -> None:
        with pytest.raises(InputError, match="was not started"):
            session.hand_in(task, grader(hands, 1, 1, 1, 1))

    def test_a_folder_that_cannot_be_copied(self, session, task, hands) -> None:
        work = session.start_task(task)
        (work / "link").symlink_to("/etc/passwd")
        with pytest.raises(SubmissionUnusable):
            session.hand_in(task, grader(hands, 1, 1, 1, 1))
        assert session.state.items[TASK].hand_ins == []


class TestRating:
    def test_from_the_first_question_to_the_reviews(self, sessions, sources, hands, progress, task) -> None:
        with begun(sessions, sources, hands) as session:
            session.open(QUESTION)
            session.answer({"answer": "keys"})
            with pytest.raises(InputError, match="once the time has ended"):
                session.rate(QUESTION, [True] * 5)
            session.open(TASK)
            session.start_task(task)
            session.answer({"hypothesis": "the order", "command": "docker build", "evidence": "DONE"})
            session.hand_in(task, grader(hands, 9, 1, 0.5, 0))
            session.end()
            assert session.state.phase is Phase.RATING
            with pytest.raises(InputError, match="the time for answers has ended"):
                session.answer({"answer": "more"})
            with pytest.raises(InputError, match="nothing to rate"):
                session.rate(CHOICE, [True] * 4)
            with pytest.raises(InputError, match="has 5 points; found 1"):
                session.rate(QUESTION, [True])
            session.rate(QUESTION, [False] * 5)
            session.rate(QUESTION, [True, True, False, False, True])
            session.rate(TASK, [True, False, True])
            session.finish(progress)
            with pytest.raises(InputError, match="the session is finished"):
                session.finish(progress)
        source = f"layer-cache in session {session.token}"
        work = f"find-the-slow-step in session {session.token}"
        assert progress.reviews() == [
            Review("build-cache", hands.wall, 0.6, source),
            Review("dockerfile", hands.wall, 0.6, source),
            Review("build-cache", hands.wall, 6 / 11, work),
            Review("debugging", hands.wall, 6 / 11, work),
        ]
        _, state = load(sessions, 1)
        assert state.phase is Phase.FINISHED

    def test_reviews_are_recorded_once_even_if_a_process_dies_in_between(
        self, sessions, sources, hands, progress
    ) -> None:
        with begun(sessions, sources, hands) as session:
            session.open(QUESTION)
            session.answer({"answer": "keys"})
            session.end()
            session.rate(QUESTION, [True] * 5)
            scores.record(session.state, session.token, progress)
        with resumed(sessions, hands) as session:
            assert session.state.phase is Phase.RATING
            session.finish(progress)
        assert [review.skill for review in progress.reviews()] == ["build-cache", "dockerfile"]

    def test_what_was_left_is_a_review_and_what_was_not_reached_is_none(
        self, sessions, sources, hands, progress
    ) -> None:
        with begun(sessions, sources, hands) as session:
            session.open(CHOICE)
            session.skip()
            session.end()
            session.finish(progress)
        assert [(review.skill, review.share) for review in progress.reviews()] == [("processes", 0), ("debugging", 0)]

    def test_late_points_do_not_count_and_are_remembered(self, sessions, sources, hands, progress) -> None:
        with begun(sessions, sources, hands) as session:
            session.open(QUESTION)
            hands.pass_by(20 * 60 + 1)
            session.answer({"answer": "late"})
            session.end()
            session.rate(QUESTION, [True] * 5)
            state = session.state
            session.finish(progress)
        assert scores.total(scores.counted(state.items[QUESTION]).values()) == scores.Score(0, 5)
        assert {review.share for review in progress.reviews()} == {1.0}

    def test_a_progress_file_that_cannot_be_used_leaves_it_open(self, sessions, sources, hands, tmp_path) -> None:
        broken = Progress(tmp_path / "broken.sqlite")
        broken.file.write_bytes(b"not a database" * 500)
        with begun(sessions, sources, hands) as session:
            session.open(CHOICE)
            session.skip()
            session.end()
            with pytest.raises(Exception, match="is damaged"):
                session.finish(broken)
            assert session.state.phase is Phase.RATING


def test_the_clock_is_kept_while_nobody_does_anything(sessions, sources, hands, monkeypatch) -> None:
    import threading

    kept = threading.Event()
    monkeypatch.setattr("layerwise.interview.clock.Ticker.EVERY", 0.01)
    with begun(sessions, sources, hands) as session:
        monkeypatch.setattr(sessions, "tick", lambda number, elapsed: elapsed == 77 and kept.set())
        hands.pass_by(77)
        session.keep_time()
        assert kept.wait(60)
