"""`rebuild`: after an edit, what should be reused was reused and what should run again ran again. Shown by doing it.

`cached` and `rerun` hold step patterns: see `grader.facts.steppattern`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, Self

from pydantic import AfterValidator, Field, model_validator

from grader.beside import Work
from grader.checks import CheckParams
from grader.errors import EngineFailure
from grader.facts import gopattern, steppattern
from grader.facts import rebuild as experiment
from grader.facts.edits import Change
from grader.facts.ignore import clean_path
from grader.facts.rebuild import Cold, Rebuild, Speed
from grader.facts.steps import BuiltStep, State
from grader.units import format_duration
from grader.verdict import Place, Verdict

if TYPE_CHECKING:
    from grader.facts import Facts

ATTEMPTS = 2
"""How often the experiment is made before a step counts as lost: a builder may drop its cache between two builds."""
_SHOWN = 8
"""Steps named in a message."""


def _path(text: str) -> str:
    cleaned = clean_path(text.strip())
    if not text.strip() or cleaned.startswith(("!", "../", "/")) or cleaned in (".", ".."):
        raise ValueError(f"{text!r} is no path or glob inside the build context")
    gopattern.require(cleaned, text)
    return cleaned


Glob = Annotated[str, AfterValidator(_path)]
Pattern = Annotated[str, AfterValidator(steppattern.check)]


class Params(CheckParams):
    """`edit`: files to change, as paths or globs in the build context; `change`: how. `cached` and `rerun` name steps;
    `speedup`: how many times less work the rebuild must be than a build with nothing cached."""

    work: ClassVar[Work] = Work.BUILDS
    edit: tuple[Glob, ...] = Field(min_length=1)
    change: Change = "content"
    cached: tuple[Pattern, ...] = ()
    rerun: tuple[Pattern, ...] = ()
    speedup: float | None = Field(default=None, gt=1, le=1000)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if not self.cached and not self.rerun and self.speedup is None:
            raise ValueError("expected at least one of cached, rerun, speedup")
        if self.change == "touch" and self.rerun:
            raise ValueError("nothing runs again after a touch: expected cached, found rerun")
        if self.change == "add" and any(set("*?[\\") & set(path) for path in self.edit):
            raise ValueError("expected the path of a file to add in edit, found a glob")
        return self

    @property
    def timed(self) -> bool:
        return self.speedup is not None


class Finding(NamedTuple):
    """What is not as it should be, and the steps it is about: none where no step is meant by a pattern."""

    text: str
    steps: Sequence[BuiltStep] = ()


def judge(facts: Facts, params: Params) -> Verdict:
    """The share of `cached` and `speedup` that holds after the edit, none where a step of `rerun` did not run; with
    `rerun` alone, the share of it."""
    cold = experiment.cold(facts) if params.speedup is not None else None
    for attempt in range(1, ATTEMPTS + 1):
        done = experiment.rebuild(facts, params.edit, params.change, attempt, cold)
        lost = _lost(done, params.cached)
        speed = experiment.speed(cold, done) if cold else None
        if speed and params.speedup and speed.times < params.speedup:
            lost.append(_too_slow(speed, params.speedup, done))
        if not any(finding.steps for finding in lost):
            break
    details = _details(done, speed)
    if problem := _shows_nothing(facts, params, done, cold):
        return Verdict.failed(problem, expected=_expected(params), details=details)
    kept = _not_rerun(done, params.rerun)
    if not lost and not kept:
        reused = sum(1 for step in done.steps if step.state is State.REUSED)
        return Verdict.passed(
            f"After {_deed(done)}, {_count(len(done.ran), 'step')} ran again and {reused} "
            f"{'was' if reused == 1 else 'were'} reused.",
            details=details,
        )
    return Verdict.share(
        _share(params, lost, kept),
        f"After {_deed(done)}: " + "; ".join(finding.text for finding in [*lost, *kept]) + ".",
        expected=_expected(params),
        found=", ".join(_line(step) for step in done.ran) + " ran again" if done.ran else "no step ran again",
        where=_places(facts, [*lost, *kept]),
        details=details,
    )


def _share(params: Params, lost: Sequence[Finding], kept: Sequence[Finding]) -> float:
    wanted = len(params.cached) + (params.speedup is not None)
    if wanted:  # then `rerun` is the control: what never runs again is not cached but stale
        return 0 if kept else 1 - len(lost) / wanted
    return 1 - len(kept) / len(params.rerun)


def _shows_nothing(facts: Facts, params: Params, done: Rebuild, cold: Cold | None) -> str:
    """Why the edit proves nothing, or an empty text."""
    names = _names(done.edited)
    if set(done.unseen) == set(done.edited):
        return f"The ignore file holds {names} back: no edit of it reaches the builder, so nothing was shown."
    # A touch should change nothing, and shows something only of a file whose content counts.
    edited = experiment.rebuild(facts, params.edit, "content", 1, cold) if done.change == "touch" else done
    if not edited.ran:
        return f"No step takes {names} in: an edit of it changes nothing in the build, so nothing was shown."
    return ""


def _lost(done: Rebuild, patterns: Sequence[str]) -> list[Finding]:
    """Patterns of steps that should have been reused and were not."""
    findings: list[Finding] = []
    for pattern in patterns:
        steps = matching(done, pattern)
        again = [step for step in steps if step.state is State.RAN]
        if again:
            cause = done.cause(again[0])
            why = ""
            if cause not in again:
                why = f", because what it stands on changed at line {cause.step.line}"
            findings.append(Finding(f"'{pattern}' ran again{why}", again))
        elif not steps:
            findings.append(_no_such_step(done, pattern))
    return findings


def _not_rerun(done: Rebuild, patterns: Sequence[str]) -> list[Finding]:
    """Patterns of steps that should have run again and did not."""
    findings: list[Finding] = []
    for pattern in patterns:
        steps = matching(done, pattern)
        kept = [step for step in steps if step.state is State.REUSED]
        if kept:
            findings.append(
                Finding(f"'{pattern}' did not run again, so the image keeps what it made of the old files", kept)
            )
        elif not steps:
            findings.append(_no_such_step(done, pattern))
    return findings


def _no_such_step(done: Rebuild, pattern: str) -> Finding:
    steps = [step for step in done.steps if step.state is not State.NOTHING]
    shown = [f"{step.text[:60]}{'…' if len(step.text) > 60 else ''}" for step in steps[:_SHOWN]]
    more = f" and {len(steps) - _SHOWN} more" if len(steps) > _SHOWN else ""
    there = f": there are {', '.join(shown)}{more}" if shown else ": there is none at all"
    return Finding(f"no step of the build is a '{pattern}'{there}")


def _too_slow(speed: Speed, wanted: float, done: Rebuild) -> Finding:
    return Finding(
        f"its steps took {format_duration(speed.again)}, and {format_duration(speed.cold)} with nothing cached: "
        f"not {wanted:g} times faster",
        sorted(done.ran, key=lambda step: -step.seconds)[:1],
    )


def matching(done: Rebuild, pattern: str) -> list[BuiltStep]:
    """The steps a pattern means. EngineFailure where it cannot be told whether one of them ran."""
    steps = [step for step in done.steps if step.state is not State.NOTHING]
    found = [step for step in steps if steppattern.means(pattern, step.step, done.scripts.get(id(step.step), ()))]
    for step in found:
        if step.state is State.UNKNOWN:
            raise EngineFailure(f"the builder did not tell whether line {step.step.line} ran again: grade again")
    return found


def _places(facts: Facts, findings: Sequence[Finding]) -> list[Place]:
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
    wanted = [f"'{pattern}' reused" for pattern in params.cached]
    wanted += [f"'{pattern}' run again" for pattern in params.rerun]
    if params.speedup is not None:
        wanted.append(f"{params.speedup:g} times faster than with nothing cached")
    return ", ".join(wanted)


def _details(done: Rebuild, speed: Speed | None) -> dict[str, Any]:
    """Each step with what became of it, for the report's picture of the rebuild."""
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
            if step.state is not State.NOTHING
        ],
    }
    if speed:
        details |= {"seconds_cold": round(speed.cold, 2), "seconds_again": round(speed.again, 2)}
    return details
