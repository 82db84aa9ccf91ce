"""`lab interview`: practise for interviews, and prepare one for somebody else."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.errors import GraderError
from layerwise.errors import InputError, LabError

if TYPE_CHECKING:
    from grader.exercise import Exercise
    from grader.verdict import Report
    from layerwise.interview.plan import Plan, Sources
    from layerwise.interview.session import Session
    from layerwise.interview.state import State
    from layerwise.interview.store import Sessions
    from layerwise.interview.tasks import Task
    from layerwise.interview.terminal.console import Desk

_MINUTES = click.IntRange(20, 120)
_SEED = click.IntRange(0, 2**31 - 1)
_SESSION = click.argument("session", type=click.IntRange(1), required=False)


@click.group(invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Practise for interviews about container images.

    Alone, it says what to practise today. A self-graded session is practice, and no proof of anything to others.

    \b
    lab interview
    lab interview drill
    lab interview mock --minutes 30
    lab interview report --html report.html
    """
    from layerwise.stack.installation import require_interview

    require_interview()
    if context.invoked_subcommand is None:
        context.invoke(today)


@command.command()
def today() -> None:
    """Say what is due, and what to practise.

    \b
    lab interview today
    """
    from datetime import UTC, datetime

    from layerwise.interview.store import Sessions
    from layerwise.interview.terminal.today import lines
    from layerwise.interview.today import today as find
    from layerwise.progress import Progress

    now = datetime.now(UTC)
    for line in lines(find(Progress(), now, Sessions()), now):
        click.echo(line)


@command.command()
@click.argument("skill", required=False, default="")
def drill(skill: str) -> None:
    """Answer questions from memory, and rate yourself.

    It begins with the skill that is due, or asks about SKILL only. For each question: answer, see a short and a strong
    answer, and say which points were in yours. What you missed comes back another day.

    \b
    lab interview drill
    lab interview drill build-cache
    """
    from layerwise.interview.drill import Drill
    from layerwise.interview.terminal import drill as terminal
    from layerwise.interview.terminal.console import Desk, Leave
    from layerwise.progress import Progress

    desk = Desk()
    try:
        terminal.run(desk, Drill(_sources().bank, Progress(), skill))
    except Leave:
        desk.say()


@command.command()
@click.option("--minutes", type=_MINUTES, default=45, show_default=True, help="How long it takes.")
@click.option("--seed", type=_SEED, help="Replay the session of this seed, whatever is due.  [default: a new one]")
@click.option("--timeline", is_flag=True, help="Record the commands that you run in the session's shell.")
def mock(minutes: int, seed: int | None, timeline: bool) -> None:
    """Sit an interview: questions and hands-on tasks against the clock, rated at the end.

    Without --seed, skills that are due are preferred, so the same session comes only once. What is submitted is kept:
    after a kill, `lab interview resume` goes on where it was.

    Standard input may be a file of answers. An answer of several lines then ends with a line that holds one dot.

    \b
    lab interview mock --minutes 30
    lab interview mock --minutes 45 --seed 7 --timeline
    """
    from layerwise.interview.mix import for_learner
    from layerwise.interview.session import Session
    from layerwise.interview.store import Sessions
    from layerwise.interview.terminal.console import Desk, Leave
    from layerwise.progress import Progress

    sessions = Sessions()
    Session.require_none(sessions)
    sources = _sources()
    plan = for_learner(seed, minutes, sources, Progress())
    desk = Desk()
    try:
        assistant = desk.yes("Is an AI assistant allowed in this session?")
        if not _prepared(desk, plan, sources):
            return
        session = Session.begin(sessions, plan, assistant=assistant, timeline=timeline)
    except Leave:
        desk.say()
        return
    _sit(desk, session, sources, begins=True)


@command.command()
def resume() -> None:
    """Go on with the session that is not finished. The time since then does not count.

    \b
    lab interview resume
    """
    from layerwise.interview import words
    from layerwise.interview.session import Session
    from layerwise.interview.state import Phase
    from layerwise.interview.store import Sessions
    from layerwise.interview.terminal.console import Desk

    desk, sources = Desk(), _sources()
    session = Session.resume(Sessions())
    if session.state.phase is Phase.ANSWERING:
        try:
            _prepare(session.plan, sources)
        except (GraderError, LabError) as problem:
            desk.say(words.no_lab(problem), "yellow")
    _sit(desk, session, sources, begins=False)


@command.command()
def shell() -> None:
    """Open the session's shell in the folder of the task that you are at.

    It is for a session in a notebook; in a terminal, type shell there. If the session has a timeline, the commands that
    you run in this shell are recorded, and nothing else is.

    \b
    lab interview shell
    """
    from layerwise.interview.state import Phase, load
    from layerwise.interview.store import Sessions
    from layerwise.interview.terminal.console import Desk

    sessions = Sessions()
    number = sessions.unfinished()
    if number is None:
        raise InputError("no session is open; begin one: lab interview mock")
    kept, state = load(sessions, number)
    if state.phase is not Phase.ANSWERING:
        raise InputError(f"session {number} has no tasks left to work on: its time has ended")
    item, here = state.current, state.here
    if item is None or here is None or not here.folder:
        raise InputError("the shell begins in the folder of a task: turn to one in the session first")
    evidence = _evidence(state, _sources().task(here.item))
    kept_in = sessions.folder(kept.token)
    _run_shell(
        Desk(), Path(here.folder), kept_in, item, evidence, lambda: load(sessions, number)[1].items[item].seconds
    )


@command.command()
@_SESSION
def review(session: int | None) -> None:
    """Walk through a session again: your answers, model answers, differences from our solutions.

    SESSION is its number; the last one if it is left out.

    \b
    lab interview review
    lab interview review 3
    """
    from layerwise.interview.report import report as find
    from layerwise.interview.store import Sessions
    from layerwise.interview.terminal import review as terminal
    from layerwise.interview.terminal.console import Desk, Leave

    sessions, desk = Sessions(), Desk()
    found = find(sessions, _after_the_time(sessions, session), _sources())
    try:
        terminal.walk(desk, found)
    except Leave:
        desk.say()


@command.command()
@_SESSION
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write the report as a web page.")
def report(session: int | None, html: Path | None) -> None:
    """Show the report on a session: points by skill and dimension, times, what to read next.

    SESSION is its number; the last one if it is left out.

    \b
    lab interview report
    lab interview report 3 --html report.html
    """
    from layerwise import outputs
    from layerwise.interview.report import report as find
    from layerwise.interview.store import Sessions
    from layerwise.interview.terminal import report as terminal
    from layerwise.interview.terminal.console import Desk

    targets = outputs.check({"--html": html} if html else {})
    sessions = Sessions()
    found = find(sessions, _after_the_time(sessions, session), _sources())
    terminal.show(Desk(), found)
    if html:
        from layerwise.views import session_page

        outputs.write(targets["--html"], session_page.page(found))
        click.echo(f"Written to {html}")


@command.command()
@click.option("--seed", type=_SEED, required=True, help="What the questions and tasks are chosen by.")
@click.option("--minutes", type=_MINUTES, default=45, show_default=True, help="How long the interview takes.")
@click.option("--output", type=click.Path(path_type=Path), required=True, metavar="FOLDER", help="A new folder.")
def pack(seed: int, minutes: int, output: Path) -> None:
    """Prepare an interview: the candidate's sheet and files, and the interviewer's rubric with model answers.

    The same seed makes the same pack. FOLDER/candidate is for the candidate. Keep FOLDER/interviewer to yourself.

    \b
    lab interview pack --seed 7 --minutes 45 --output interview-7/
    """
    from layerwise.interview import pack as packs
    from layerwise.interview.mix import mix

    sources = _sources()
    packs.write(mix(seed, minutes, sources), sources, output)
    click.echo(f"The candidate's sheet and files are in {output / 'candidate'}, and yours in {output / 'interviewer'}.")
    click.echo("A session that somebody grades alone is practice. It is no proctored test.")


@command.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(yes: bool) -> None:
    """Delete all sessions, and what is remembered of your skills. It asks first.

    Points for exercises and answers in lessons stay, and so do your files in work/.

    \b
    lab interview forget
    lab interview forget --yes
    """
    from layerwise.interview.store import Sessions
    from layerwise.progress import Progress

    sessions, progress = Sessions(), Progress()
    if not yes:
        if not sys.stdin.isatty():
            raise InputError(
                "this deletes your sessions and ratings, and nothing brings them back; if sure: "
                "lab interview forget --yes"
            )
        if not click.confirm("Delete all sessions and ratings? Nothing brings them back.", default=False):
            click.echo("Nothing was deleted.")
            return
    sessions.delete()
    progress.forget_reviews()
    click.echo("Deleted. Your points, answers and files are as they were.")


def _sources() -> Sources:
    from layerwise.interview import tasks
    from layerwise.interview.plan import Sources
    from layerwise.questions import bank

    return Sources(bank.load(), tasks)


def _sit(desk: Desk, session: Session, sources: Sources, *, begins: bool) -> None:
    """The session from where it stands to its report."""
    from layerwise.commands._watching import stoppable
    from layerwise.interview.report import report as find
    from layerwise.interview.state import Phase
    from layerwise.interview.terminal import mock as terminal
    from layerwise.interview.terminal import report as reports
    from layerwise.interview.terminal import review as reviews
    from layerwise.interview.terminal.console import Leave
    from layerwise.progress import Progress

    with stoppable(), session:
        if session.state.phase is Phase.ANSWERING:
            if begins:
                terminal.introduce(desk, session.state)
            try:
                terminal.Mock(desk, session, sources, _grade, partial(_shell, desk)).run()
            except Leave:
                desk.say()
                desk.say("What you submitted is kept, and the clock stands still. Go on with: lab interview resume")
                return
        if reviews.rate_all(desk, session, sources, Progress()):
            reports.show(desk, find(session.sessions, session.number, sources))


def _after_the_time(sessions: Sessions, number: int | None) -> int:
    """The number of the session to show, else of the last. Raises InputError if it still runs: that would be
    feedback."""
    from layerwise.interview.state import Phase, load

    known = sessions.numbers()
    if number is None and not known:
        raise InputError("there is no session yet; begin one: lab interview mock")
    wanted = number if number is not None else known[-1]
    if load(sessions, wanted)[1].phase is Phase.ANSWERING:
        raise InputError(f"session {wanted} has not ended yet; go on with it: lab interview resume")
    return wanted


def _prepared(desk: Desk, plan: Plan, sources: Sources) -> bool:
    """Get ready what the tasks need, before the clock runs. Without a lab the candidate decides whether to begin."""
    from layerwise.interview import words

    try:
        _prepare(plan, sources)
    except (GraderError, LabError) as problem:
        desk.say(words.no_lab(problem), "yellow")
        return desk.yes("Begin all the same?")
    return True


def _prepare(plan: Plan, sources: Sources) -> None:
    from layerwise import prerequisites
    from layerwise.commands._watching import watching

    exercises = sources.exercises(plan)
    with watching() as watch:
        prerequisites.prepare(exercises, watch.seeding)


def _grade(exercise: Exercise, folder: Path) -> Report:
    """Grade what was handed in, and show nothing."""
    from grader.grade import grade
    from layerwise import prerequisites, workspace

    prerequisites.prepare([exercise], lambda *_: None)
    return grade(exercise, folder, learner=workspace.learner())


def _shell(desk: Desk, session: Session, task: Task, item: int, folder: Path) -> None:
    evidence = _evidence(session.state, task)
    _run_shell(desk, folder, session.folder, item, evidence, lambda: session.state.items[item].seconds)


def _evidence(state: State, task: Task) -> str:
    """What to look for in the output of the session's shell; empty if its commands are not to be recorded."""
    return task.about.evidence if state.timeline else ""


def _run_shell(desk: Desk, folder: Path, kept: Path, item: int, evidence: str, spent: Callable[[], float]) -> None:
    """The session's shell in a task's folder. With `evidence` its commands are recorded, in the session's folder `kept`
    and with the seconds `spent` on the item."""
    from layerwise.interview.terminal import shell

    records = bool(evidence) and shell.can_record(shell.program())
    if evidence and not records:
        desk.say(f"Only commands of bash and zsh can be recorded, and your shell is {Path(shell.program()).name}.")
    desk.say(shell.TOLD[records])
    if records:
        shell.record(folder, kept, item, evidence, spent)
    else:
        shell.run(folder)
