"""A pack for an interviewer: a sheet and files for the candidate, and a rubric with model answers to keep.

The same plan makes the same pack, byte for byte.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from grader.reports.reading import amount, points
from layerwise.errors import InputError, LabError
from layerwise.interview import answers
from layerwise.interview.plan import Item, Plan, Sources, dimension_of
from layerwise.interview.tasks import Task
from layerwise.questions.bank import BankQuestion

PRACTICE = (
    "What somebody grades alone is practice, and no proctoring: nobody sees who wrote it, or with whose help. Watch "
    "the candidate work, or talk about what came back."
)


def write(plan: Plan, sources: Sources, output: Path) -> None:
    """Write the pack to a folder that is new or empty, completely or not at all.

    Raises InputError if the folder holds something, and LabError if it cannot be written.
    """
    try:
        if output.exists() and (not output.is_dir() or any(output.iterdir())):
            raise InputError(f"{output} is not empty; give a new folder")
        output.parent.mkdir(parents=True, exist_ok=True)
        half = Path(tempfile.mkdtemp(prefix=".lab-pack-", dir=output.parent))
    except OSError as problem:
        raise LabError(f"cannot write {output}: {problem.strerror}") from None
    try:
        half.chmod(0o755)
        _fill(plan, sources, half)
        if output.exists():
            output.rmdir()
        half.rename(output)
    except OSError as problem:
        raise LabError(f"cannot write {output}: {problem.strerror or problem}") from None
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _fill(plan: Plan, sources: Sources, folder: Path) -> None:
    candidate, interviewer = folder / "candidate", folder / "interviewer"
    candidate.mkdir()
    interviewer.mkdir()
    tasks = {item: sources.task(item) for item in plan.items if item.kind == "task"}
    for item, task in tasks.items():
        shutil.copytree(task.exercise.starter, candidate / item.name, symlinks=True, copy_function=shutil.copy)
        shutil.copytree(
            task.exercise.solution, interviewer / f"{item.name}-solution", symlinks=True, copy_function=shutil.copy
        )
    _write(candidate / "sheet.md", _sheet(plan, sources, tasks))
    _write(interviewer / "rubric.md", _rubric(plan, sources, tasks))


def _write(file: Path, lines: Iterator[str]) -> None:
    file.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _head(number: int, item: Item) -> str:
    kind = f"question, {item.level}" if item.kind == "question" else f"task: {item.text}"
    return f"## {number}. {kind} ({points(item.points)}, about {item.minutes} min)"


def _sheet(plan: Plan, sources: Sources, tasks: dict[Item, Task]) -> Iterator[str]:
    yield f"# Interview: {plan.minutes} minutes, {points(plan.points)}"
    yield ""
    yield "Take the items in any order. Say what you do, and why: a hypothesis, the command that shows it, what you saw"
    yield "and how you verified the cure are worth points of their own. Hand the folder of each task back as it is."
    for number, item in enumerate(plan.items, 1):
        yield from ("", _head(number, item), "")
        if item.kind == "question":
            yield from _asked(sources.bank[item.name])
        else:
            exercise = tasks[item].exercise
            yield from (f"Files: `{item.name}/`", "", exercise.story, "", "Judged:", "")
            yield from (f"- {amount(check.points)}: {check.title}" for check in exercise.checks)
            yield f"- {len(item.rubric)}: your diagnosis"


def _asked(question: BankQuestion) -> Iterator[str]:
    yield question.ask
    if question.options:
        yield ""
    for number, option in enumerate(answers.shown_options(question), 1):
        yield f"{number}. {question.options[option]}"
    if question.unit:
        yield f"\n(in {question.unit})"


def _rubric(plan: Plan, sources: Sources, tasks: dict[Item, Task]) -> Iterator[str]:
    yield f"# For the interviewer: {plan.minutes} minutes, {points(plan.points)}, seed {plan.seed}"
    yield ""
    yield PRACTICE
    yield ""
    yield f"`lab interview pack --seed {plan.seed} --minutes {plan.minutes} --output FOLDER` makes this pack again."
    for number, item in enumerate(plan.items, 1):
        yield from ("", _head(number, item), "")
        yield from _question(sources.bank[item.name]) if item.kind == "question" else _task(item, tasks[item])


def _points(item: Item | BankQuestion) -> Iterator[str]:
    yield "### A point each"
    yield ""
    yield from (f"- [ ] {point.evidence} ({point.dimension})" for point in item.rubric)


def _question(question: BankQuestion) -> Iterator[str]:
    yield from (question.ask, "")
    if question.right is not None:
        yield from (f"**Right:** {question.say(question.right)}", "")
    yield from _points(question)
    yield from ("", "### Good answer", "", question.short, "", "### Strong answer", "", question.strong, "")
    yield from ("### Weak answers, and why they are wrong", "")
    for wrong in question.wrong:
        said = question.say(wrong.answer)
        yield f"- “{said}” {wrong.why}"
    yield from _follow_up(question.follow_up)


def _task(item: Item, task: Task) -> Iterator[str]:
    about, exercise = task.about, task.exercise
    yield from ("Grade what comes back:", "")
    yield f"    lab grade {item.name} FOLDER --seed {item.seed}"
    yield from ("", f"Our solution: `{item.name}-solution/`", "")
    yield from ("### What it is", "", about.cause, "", "This shows it:", "")
    yield from (f"    {line}" for line in about.command.splitlines())
    yield from ("", "The first useful evidence is output that matches:", "", f"    {about.evidence}", "")
    yield from _points(item)
    yield from ("", "### What the grader judges", "")
    for check in exercise.checks:
        yield f"- {amount(check.points)}: {check.title} ({dimension_of(check.kind)})"
    for name, text in (("Weak", about.answers.weak), ("Good", about.answers.good), ("Strong", about.answers.strong)):
        yield from ("", f"### {name} answer", "", text)
    yield from ("", "### Why?", "")
    for why in about.why:
        yield f"- {why.ask} *{why.answer}*"
    yield from _follow_up(about.follow_up)


def _follow_up(asks: tuple[str, ...]) -> Iterator[str]:
    yield from ("", "### Go on with", "")
    yield from (f"- {ask}" for ask in asks)
