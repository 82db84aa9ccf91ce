"""`lab classroom late` and `extend`: when work is due, and what being late costs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from layerwise.commands._class_folder import FOLDER, opened, seconds
from layerwise.errors import InputError

if TYPE_CHECKING:
    from layerwise.classroom.store import Policy, Store


@click.command()
@FOLDER
@click.option("--due", multiple=True, metavar="EX=WHEN", help="When an exercise is due. Can be given several times.")
@click.option("--grace", metavar="D", help="How late is not late yet.")
@click.option("--penalty", metavar="PERCENT", help="What late work loses of its points.")
@click.option(
    "--per", metavar="D", help="For how long that is: it is lost again for each D that begins. [default: 1 day]"
)
def late(folder: Path, due: tuple[str, ...], grace: str | None, penalty: str | None, per: str | None) -> None:
    """Set or show when work is due, and what being late costs.

    WHEN is a date and a time of day, such as 2026-05-01T23:59, in the time zone of this machine if it names none.
    Scores stay as they are: what lateness costs is taken off when they are shown or exported.

    \b
    lab classroom late class/
    lab classroom late class/ --due 05-drop-root=2026-05-01T23:59
    lab classroom late class/ --grace "15 min" --penalty 10 --per "1 day"
    """
    from dataclasses import replace

    from layerwise.classroom.store import Store

    _require(folder)
    times = dict(_due(text) for text in due)
    changes = {
        **({"grace": seconds("--grace", grace)} if grace is not None else {}),
        **({"penalty": _percent(penalty)} if penalty is not None else {}),
        **({"per": seconds("--per", per, above_zero=True)} if per is not None else {}),
    }
    with Store.open(folder) as store:
        if changes:
            store.set_policy(replace(store.policy(), **changes))
        for exercise, when in times.items():
            store.set_due(exercise, when)
        for line in _shown(store):
            click.echo(line)


@click.command()
@FOLDER
@click.argument("learner")
@click.argument("exercise")
@click.option("--until", required=True, metavar="WHEN", help="The new due time, such as 2026-05-08T23:59.")
def extend(folder: Path, learner: str, exercise: str, until: str) -> None:
    """Give LEARNER more time for EXERCISE.

    LEARNER is the name that `lab classroom status` shows. Somebody who has not handed in anything yet can have more
    time as well.

    \b
    lab classroom extend class/ alice 05-drop-root --until 2026-05-08T23:59
    """
    from grader.reports import safe
    from layerwise import workspace
    from layerwise.classroom.names import labels
    from layerwise.classroom.store import Store

    _require(folder)
    if not learner.strip():
        raise InputError("the name of the learner is empty")
    name = workspace.find(exercise).name
    when = _when("--until", until)
    with Store.open(folder) as store:
        known = _known(folder, exercise, store)
        if learner not in known:  # a name as it is shown, without what cannot be typed
            learner = next((one for one, label in labels(known).items() if label == learner), learner)
        store.extend(learner, name, when)
    if learner not in known:
        click.echo(f"lab: warning: {_unknown(safe.line(learner, 60), learner, known)}", err=True)
    click.echo(f"{safe.line(learner, 60)} has time for {name} until {_time(when)}.")


def _require(folder: Path) -> None:
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder} with what a class handed in")


def _due(text: str) -> tuple[str, datetime]:
    """The exercise and the time in `EX=WHEN`."""
    from layerwise import workspace

    exercise, equals, when = text.partition("=")
    if not equals:
        raise InputError(f"--due: expected EXERCISE=WHEN, such as 05-drop-root=2026-05-01T23:59, found {text!r}")
    return workspace.find(exercise.strip()).name, _when("--due", when)


def _when(option: str, text: str) -> datetime:
    """A time with a zone. A date alone is refused: nobody can tell whether the day itself still counts."""
    wanted = "a date and a time of day, such as 2026-05-01T23:59"
    try:
        when = datetime.fromisoformat(text.strip())
        if not 2000 <= when.year < 3000:
            raise ValueError(text)
        when = when if when.tzinfo else when.astimezone()
    except (ValueError, OverflowError, OSError):
        raise InputError(f"{option}: expected {wanted}, found {text!r}") from None
    with suppress(ValueError):
        date.fromisoformat(text.strip())
        raise InputError(f"{option}: expected {wanted}, found only a date, {text!r}")
    return when


def _percent(text: str) -> float:
    from grader.lib.units import parse_number

    try:
        found = parse_number(text.strip().removesuffix("%"))
    except ValueError:
        found = -1.0
    if not 0 <= found <= 100:
        raise InputError(f"--penalty: expected a percentage from 0 to 100, found {text!r}")
    return found


def _shown(store: Store) -> Iterator[str]:
    """Policy, due times and extensions, in lines for a person."""
    from grader.reports import safe

    yield _policy(store.policy())
    due, extensions = store.due(), store.extensions()
    if not due and not extensions:
        yield "No exercise has a due time yet: lab classroom late FOLDER --due EXERCISE=WHEN"
    for exercise, when in sorted(due.items()):
        yield f"{exercise} is due {_time(when)}."
    for (learner, exercise), when in sorted(extensions.items()):
        yield f"{safe.line(learner, 60)} has time for {exercise} until {_time(when)}."


def _policy(policy: Policy) -> str:
    from datetime import timedelta

    from grader.reports.reading import amount
    from layerwise.classroom.lateness import span

    if not policy.penalty:
        return "Late work costs nothing."
    per = span(timedelta(seconds=policy.per)).removeprefix("1 ")
    grace = f", after {span(timedelta(seconds=policy.grace))} of grace" if policy.grace else ""
    return f"Late work loses {amount(policy.penalty)}% of its points for each {per} that begins{grace}."


def _time(when: datetime) -> str:
    return when.astimezone().isoformat(sep=" ", timespec="minutes")


def _known(folder: Path, exercise: str, store: Store) -> list[str]:
    """Everybody who handed something in, or has a verdict or an extension already."""
    found = {learner for learner, _ in [*store.latest(), *store.extensions()]}
    for only in (None, exercise):
        try:
            with opened(folder, only) as (layout, _, _):
                found.update(layout.learners)
            break
        except InputError:  # nobody has handed in anything yet, or only the exercise tells whose the files are
            continue
    return sorted(found)


def _unknown(shown: str, learner: str, known: list[str]) -> str:
    from difflib import get_close_matches

    from grader.reports import safe

    near = get_close_matches(learner, known, n=1, cutoff=0.5)
    hint = f"; did you mean {safe.line(near[0], 60)}?" if near else "."
    return f"nobody called {shown} has handed in anything or has a score{hint} The extension is kept."
