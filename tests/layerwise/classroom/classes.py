"""Classes of learners to test with: made-up reports in a real store, and folders as learners hand them in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from grader.exercise import Exercise, load
from grader.verdict import CheckResult, Report, Verdict
from layerwise.classroom import keys
from layerwise.classroom.gradebook import Entry, Gradebook, State
from layerwise.classroom.hand_in import HandIn
from layerwise.classroom.lateness import Lateness
from layerwise.classroom.layouts import recognise
from layerwise.classroom.store import Key, Store

MINICOURSE = Path(__file__).parents[1] / "minicourse"
TINY = load("01-tiny", MINICOURSE)
WORDS = load("02-words", MINICOURSE)
ENGINE = "26.1.5 containerd amd64"
HANDED_IN = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
LATE = Lateness(True, timedelta(days=1, hours=2), 0.8)

HOSTILE = (
    "=cmd()",
    "+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "＝1+1",
    "../x",
    "..",
    ".hidden",
    "-rf",
    "a/b",
    "<script>alert(1)</script>",
    "'\"&",
    "x" * 300,
    "\u202egnp.exe",
    "alice\u200b",
    "\u200balice",
    "alice\x1b[1m",
    "alice ",
    "Alice",
    "\x01",
    " ",
    "a\nb",
    "]]>",
    "é",
    "e\u0301",
)
"""Names that learners may give themselves."""


def checks(*fractions: float, title: str = "Check", message: str = "Seen.", points: float = 4.0) -> list[CheckResult]:
    """Checks that earned these fractions of their points."""
    return [
        CheckResult.of(
            Verdict.share(fraction, message), id=f"c{number}", kind="x", title=f"{title} {number}", max_points=points
        )
        for number, fraction in enumerate(fractions)
    ]


def report(exercise: Exercise = TINY, *fractions: float, **more: str | float) -> Report:
    """A report with a check for each fraction."""
    return Report(exercise.name, exercise.title, checks(*(fractions or (1.0, 0.5)), **more), {"version": "26.1.5"})  # type: ignore[arg-type]


def failed(exercise: Exercise = TINY) -> Report:
    """A report without a score, because the grader failed."""
    check = CheckResult.of(Verdict.error("The engine went away."), id="c0", kind="x", title="Check", max_points=4)
    return Report(exercise.name, exercise.title, [check])


class Class:
    """Entries with their verdicts in a store, made one by one."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)
        self.entries: list[Entry] = []

    def add(
        self,
        learner: str,
        made: Report | None = None,
        *,
        exercise: Exercise = TINY,
        state: State = State.GRADED,
        late: Lateness | None = None,
    ) -> Class:
        """Add an entry. Without a report, nothing was judged."""
        key = Key(exercise.name, "version", f"{len(self.entries)}", "grader", ENGINE)
        kept = self.store.keep(learner, key, made) if made else None
        hand_in = None
        if state is not State.MISSING:
            hand_in = HandIn(learner, exercise.name, Path("nowhere"), when=HANDED_IN)
        why = "the hand-in changed since" if state is State.STALE else ""
        self.entries.append(Entry(learner, exercise, state, hand_in, kept, key, why, late or Lateness()))
        return self

    @property
    def book(self) -> Gradebook:
        return Gradebook(self.entries, self.store)


def hand_in(
    folder: Path, learner: str, exercise: str, files: dict[str, str], *, when: datetime | None = HANDED_IN
) -> None:
    """Write what a learner hands in, in a folder of the learner's own."""
    for name, text in files.items():
        path = folder / learner / exercise / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if when:
        (folder / learner / exercise / "timestamp.txt").write_text(when.isoformat(), encoding="utf-8")


def keep(folder: Path, exercises: Path, reports: dict[tuple[str, str], Report]) -> None:
    """Put verdicts that hold into the store of a folder, by learner and exercise."""
    known = {exercise: load(exercise, exercises) for _, exercise in reports}
    layout = recognise(folder, [path.name for path in exercises.iterdir()])
    with Store.open(folder) as store:
        for one in layout.hand_ins:
            if made := reports.get((one.learner, one.exercise)):
                key = Key(
                    one.exercise,
                    keys.version_of(known[one.exercise]),
                    one.fingerprint(),
                    keys.grader_fingerprint(),
                    ENGINE,
                )
                store.keep(one.learner, key, made)
