"""`rebuild`: after an edit, the right steps are reused and the right steps run again. Proved by experiment.

`cached` and `rerun` hold step patterns: see `grader.facts.build.step_patterns`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, Self

from pydantic import AfterValidator, Field, model_validator

from grader.checks import Told
from grader.errors import EngineFailure
from grader.facts.build import reach, step_patterns
from grader.facts.build import rebuild as experiment
from grader.facts.build.edits import Change
from grader.facts.build.rebuild import Cold, Rebuild, Speed
from grader.facts.build.steps import BuiltStep, StepStatus
from grader.facts.context import go_pattern
from grader.facts.context.ignore_file import clean_path
from grader.lib.schedule import Workload
from grader.lib.units import format_duration
from grader.verdict import CheckResult, Place, Status, Verdict

if TYPE_CHECKING:
    from grader.facts import Facts

ATTEMPTS = 2
"""How often to try before a step is judged not reused: a builder may drop its cache between two builds."""
TIMED_ATTEMPTS = 4
"""And before a rebuild is judged too slow: a busy machine takes its time now for this step and now for that one."""
PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds to wait before each further try, if steps ran again that the edit does not reach: until another build, which
made them run, has ended."""
_SHOWN = 8
"""The most steps named in a message."""


def _path(text: str) -> str:
    cleaned = clean_path(text.strip())
    if not text.strip() or cleaned.startswith(("!", "../", "/")) or cleaned in (".", ".."):
        raise ValueError(f"{text!r} is not a path or glob inside the build context")
    go_pattern.require(cleaned, text)
    return cleaned


Glob = Annotated[str, AfterValidator(_path)]
Pattern = Annotated[str, AfterValidator(step_patterns.check)]


SLOWED = 4.0
"""How many times longer a step takes at most because other submissions are graded at the same time."""


class Params(Told):
    """What to edit, and what then has to be.

    `edit`: files to change, as paths or globs in the build context. `change`: how to change them.
    `cached` and `rerun`: steps. `step`: what to call them, such as "the package install", if there is one pattern.
    `speedup`: how many times less work the rebuild must be than a build with nothing cached.
    """

    work: ClassVar[Workload] = Workload.BUILDS
    edit: tuple[Glob, ...] = Field(min_length=1)
    change: Change = "content"
    cached: tuple[Pattern, ...] = ()
    rerun: tuple[Pattern, ...] = ()
    step: str | None = Field(default=None, min_length=1, max_length=80)
    speedup: float | None = Field(default=None, gt=1, le=1000)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if not self.cached and not self.rerun and self.speedup is None:
            raise ValueError("expected at least one of cached, rerun, speedup")
        if self.step and len({*self.cached, *self.rerun}) != 1:
            raise ValueError("step is the name of one pattern: expected one in cached and rerun")
        if self.change == "touch" and self.rerun:
            raise ValueError("nothing runs again after a touch: expected cached, found rerun")
        if self.change == "add" and any(set("*?[\\") & set(path) for path in self.edit):
            raise ValueError("expected the path of the file to add in edit, found a glob")
        return self

    def name(self, pattern: str) -> str:
        """What to call the steps that a pattern matches: its first alternative, if the exercise has no name for it."""
        return self.step or f"'{pattern.partition(' | ')[0]}'"

    @property
    def timed(self) -> bool:
        return self.speedup is not None

    def counts_in_parallel(self, result: CheckResult) -> bool:
        """A speed-up counts if the other gradings cannot have made the difference between passed and failed."""
        cold, again = result.evidence.get("seconds_cold"), result.evidence.get("seconds_again")
        if self.speedup is None or not isinstance(cold, int | float) or not isinstance(again, int | float):
            return super().counts_in_parallel(result)
        is_fast, is_slow = cold >= self.speedup * again * SLOWED, cold * SLOWED < self.speedup * again
        return is_fast if result.status is Status.PASSED else is_slow

    @property
    def attempts(self) -> int:
        """How often to try before a step is judged not reused, or the rebuild too slow."""
        return TIMED_ATTEMPTS if self.timed else ATTEMPTS


class Shortfall(NamedTuple):
    """What is wrong, and the steps it is about. There are none if a pattern matches no step. `is_speed` tells that only
    the time was too long."""

    text: str
    steps: Sequence[BuiltStep] = ()
    is_speed: bool = False


def judge(facts: Facts, params: Params) -> Verdict:
    """The share of `cached` and `speedup` that holds after the edit, or nothing if a step of `rerun` did not run. With
    `rerun` alone, the share of `rerun` that ran."""
    cold = experiment.cold(facts) if params.speedup is not None else None
    tried: list[Rebuild] = []
    for attempt in range(1, params.attempts + 1):
        done = _rebuild(facts, params, attempt, cold)
        tried.append(done)
        lost = _lost(done, params)
        speed = experiment.speed(cold, *tried) if cold else None
        if speed and params.speedup and speed.times < params.speedup:
            lost.append(_too_slow(speed, params.speedup, done))
        if not any(finding.steps for finding in lost):
            break
    details = _details(done, speed)
    if problem := _shows_nothing(facts, params, done, cold):
        return Verdict.failed(problem, expected=_expected(params), details=details)
    kept = _not_rerun(facts, done, params)
    if not lost and not kept:
        reused = sum(1 for step in done.steps if step.state is StepStatus.REUSED)
        return Verdict.passed(
            f"After {_deed(done)}, {_count(len(done.ran), 'step')} ran again and {reused} "
            f"{'was' if reused == 1 else 'were'} reused.",
            details=details,
        )
    message = f"After {_deed(done)}: " + "; ".join(finding.text for finding in [*lost, *kept]) + "."
    is_of_steps = all(finding.steps and not finding.is_speed for finding in [*lost, *kept])
    return Verdict.share(
        _share(params, lost, kept),
        params.told(message) if is_of_steps else message,
        expected=_expected(params),
        found=", ".join(_line(step) for step in done.ran) + " ran again" if done.ran else "no step ran again",
        where=_places(facts, [*lost, *kept]),
        details=details,
    )


def _rebuild(facts: Facts, params: Params, attempt: int, cold: Cold | None) -> Rebuild:
    """Rebuild until only what the edit can reach ran again. What no edit can reach is no step to judge: if it still
    runs again, EngineFailure is raised. Other steps that should not have run are believed in the end."""
    for pause, retry in zip((*PAUSES, 0), count(), strict=False):
        number = attempt + retry * params.attempts  # each is measured once
        done = experiment.rebuild(facts, params.edit, params.change, number, cold)
        if not done.out_of_reach and not done.unexplained:
            return done
        time.sleep(pause)
    if not done.out_of_reach:
        return done
    lost = done.out_of_reach[0].step.line
    raise EngineFailure(
        f"the builder ran line {lost} again, which no edit reaches: another build without the cache was going on, or "
        "the cache was emptied. Grade again"
    )


def _share(params: Params, lost: Sequence[Shortfall], kept: Sequence[Shortfall]) -> float:
    wanted = len(params.cached) + (params.speedup is not None)
    if wanted:  # then `rerun` is the control: a step that never runs again is not cached but stale
        return 0 if kept else 1 - len(lost) / wanted
    return 1 - len(kept) / len(params.rerun)


def _shows_nothing(facts: Facts, params: Params, done: Rebuild, cold: Cold | None) -> str:
    """Why the edit proves nothing. Empty if it proves something."""
    names = _names(done.edited)
    if set(done.unseen) == set(done.edited):
        return f"The ignore file keeps {names} out of the build, so the edit proves nothing."
    # A touch should change nothing. It proves something only if an edit of the same file would change the build.
    edited = experiment.rebuild(facts, params.edit, "content", 1, cold) if done.change == "touch" else done
    if not edited.ran:
        return f"No step of the build uses {names}, so the edit proves nothing."
    if edited.undone:
        step, path = edited.undone[0]
        return (
            f"Line {step.step.line} gets {path} as it was before the edit, because a step undoes the edit. It would "
            "not undo a real one, so this edit proves nothing."
        )
    return ""


def _lost(done: Rebuild, params: Params) -> list[Shortfall]:
    """The patterns of `cached` whose steps were not reused."""
    findings: list[Shortfall] = []
    for pattern in params.cached:
        steps = matching(done, pattern)
        again = [step for step in steps if step.state is StepStatus.RAN]
        if again:
            cause = done.cause(again[0])
            why = ""
            if cause not in again:
                why = f", because line {cause.step.line}, which it builds on, changed"
            findings.append(Shortfall(f"{params.name(pattern)} ran again{why}", again))
        elif not steps:
            findings.append(_no_such_step(done, params, pattern))
    return findings


def _not_rerun(facts: Facts, done: Rebuild, params: Params) -> list[Shortfall]:
    """The patterns of `rerun` whose steps did not run again."""
    findings: list[Shortfall] = []
    for pattern in params.rerun:
        steps, name = matching(done, pattern), params.name(pattern)
        kept = [step for step in _judged(facts, done, steps) if step.state is StepStatus.REUSED]
        kept = [step for step in kept if not _has_the_same(facts, done, step)]
        if kept and not done.reads_edit(kept[0]):
            line, names = _line(kept[0]), _names(done.edited)
            findings.append(Shortfall(f"{name} did not run again, because {line} takes nothing from {names}", kept))
        elif kept:
            findings.append(
                Shortfall(f"{name} did not run again, so the image still holds what it made from the old files", kept)
            )
        elif not steps:
            findings.append(_no_such_step(done, params, pattern))
        elif params.change == "dependency" and _ignores(facts, done, steps):
            line, names = _line(steps[0]), _names(done.edited)
            text = f"{name} ran again, but {line} names the packages itself and takes nothing from {names}"
            findings.append(Shortfall(text, steps))
    return findings


def _has_the_same(facts: Facts, done: Rebuild, step: BuiltStep) -> bool:
    """Whether a reused step was right not to run: a step of another stage, which ran again, fetches what the list says
    (`pip wheel -r`), and it was the same as before."""
    if not done.reads_edit(step) or reach.names_all(step.step, done.scripts_of(step)):
        return False
    return any(
        other.step.stage.index != step.step.stage.index and done.reads_edit(other)
        for other in done.ran
        if reach.takes_list(other.step, done.scripts_of(other), facts.context, done.edited)
    )


def _ignores(facts: Facts, done: Rebuild, steps: Sequence[BuiltStep]) -> bool:
    """Whether the Dockerfile names everything that these steps install, and no step makes anything of the list."""
    if not all(reach.names_all(step.step, done.scripts_of(step)) for step in steps):
        return False
    others = [step for step in done.steps if done.reads_edit(step) and step.step.name == "RUN"]
    return not any(reach.uses(other.step, done.scripts_of(other), facts.context, done.edited) for other in others)


def _judged(facts: Facts, done: Rebuild, steps: Sequence[BuiltStep]) -> list[BuiltStep]:
    """Those of the steps that have to run again: all, unless one makes something of the edited file. Then a step that
    does not read the file, and does something else (it brings the package manager), need not."""
    context, read = facts.context, [step for step in steps if done.reads_edit(step)]
    if not any(reach.uses(one.step, done.scripts_of(one), context, done.edited) for one in read):
        return list(steps)
    return [
        one for one in steps if done.reads_edit(one) or not reach.is_other_work(one.step, done.scripts_of(one), context)
    ]


def _no_such_step(done: Rebuild, params: Params, pattern: str) -> Shortfall:
    steps = [step for step in done.steps if step.state is not StepStatus.NOTHING]
    shown = [f"{step.text[:60]}{'…' if len(step.text) > 60 else ''}" for step in steps[:_SHOWN]]
    more = f" and {len(steps) - _SHOWN} more" if len(steps) > _SHOWN else ""
    what = f"{params.step or 'a step such as ' + params.name(pattern)} was not found in the build"
    if not shown:
        return Shortfall(f"{what}, which has no steps")
    return Shortfall(f"{what}: its steps are {', '.join(shown)}{more}")


def _too_slow(speed: Speed, wanted: float, done: Rebuild) -> Shortfall:
    return Shortfall(
        f"the steps took {format_duration(speed.again)}, and with nothing cached {format_duration(speed.cold)}: "
        f"that is not {wanted:g} times faster",
        sorted(done.ran, key=lambda step: -step.seconds)[:1],
        is_speed=True,
    )


def matching(done: Rebuild, pattern: str) -> list[BuiltStep]:
    """The steps that a pattern matches. Raises EngineFailure if nobody can tell whether one of them ran."""
    steps = [step for step in done.steps if step.state is not StepStatus.NOTHING]
    found = [step for step in steps if step_patterns.means(pattern, step.step, done.scripts_of(step))]
    for step in found:
        if step.state is StepStatus.UNKNOWN:
            raise EngineFailure(f"the builder did not say whether line {step.step.line} ran again: grade again")
    return found


def _places(facts: Facts, findings: Sequence[Shortfall]) -> list[Place]:
    steps = {(step.step.line, step.text) for finding in findings for step in finding.steps}
    source = facts.submission.settings.dockerfile
    return [Place(file=source, line=line, step=text) for line, text in sorted(steps)]


def _deed(done: Rebuild) -> str:
    verb = {"touch": "touching", "add": "adding"}.get(done.change, "editing")
    return f"{verb} {_names(done.edited)}"


def _line(step: BuiltStep) -> str:
    return f"line {step.step.line}"


def _names(paths: Sequence[str]) -> str:
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _expected(params: Params) -> str:
    wanted = [f"{params.name(pattern)} reused" for pattern in params.cached]
    wanted += [f"{params.name(pattern)} run again" for pattern in params.rerun]
    if params.speedup is not None:
        wanted.append(f"{params.speedup:g} times faster than with nothing cached")
    return ", ".join(wanted)


def _details(done: Rebuild, speed: Speed | None) -> dict[str, Any]:
    """Each step and its state, for the report's picture of the rebuild."""
    details: dict[str, Any] = {
        "edited": list(done.edited),
        "change": done.change,
        "broke_at_line": done.ran[0].step.line if done.ran else None,
        "steps": [
            {
                "line": step.step.line,
                "text": step.text[:200],
                "state": str(step.state),
                "seconds": round(step.seconds, 2),
            }
            for step in done.steps
            if step.state is not StepStatus.NOTHING
        ],
    }
    if speed:
        details |= {"seconds_cold": round(speed.cold, 2), "seconds_again": round(speed.again, 2)}
    return details
