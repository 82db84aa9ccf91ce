"""Follow-up questions that are drawn from what was handed in: from the checks that cost points, and what they saw."""

from __future__ import annotations

from collections.abc import Iterator

from grader.reports import evidence, safe
from grader.verdict import CheckResult, Report, Status

MOST = 4
"""The most questions about one hand-in."""

TEMPLATES = {
    "build": "Your build failed{where}. What does the first line of the error say, and which instruction is it about?",
    "rebuild": "“{title}” did not hold{where}. Which step is the first that went wrong, and what is its key made of?",
    "context": "What reaches the builder is not what should{where}. How do you list what was really sent?",
    "size": "The size came to {found}. Which layer holds most of it, and which command shows that?",
    "layers": "The layers are not within bounds{where}. Which bytes are shipped and never seen, and why are they?",
    "user": "The effective user was not what it should be ({found}). What can somebody do who takes that process over?",
    "pinning": "Something is still open{where}. Who can change what you get there, and when would you notice?",
    "secrets": "Something secret can be found{where}. Where else would you look, and what becomes of what was shipped?",
    "scan": "The scanner still finds something{where}. Which finding would you mend first, and which could wait?",
    "stages": "A tool stayed in what ships{where}. What does it cost there, other than bytes?",
    "stop": "The container did not stop in time. Which process got SIGTERM, and what did it do with it?",
    "health": "The health check did not tell the truth. What does it try, and as which user?",
    "http": "The service did not answer as it should ({found}). How do you find out where it listens?",
    "command": "“{title}” did not hold: the command gave {found}. How would you find out why, inside the container?",
    "files": "The files are not as they should be{where}. Which instruction decides that?",
    "metadata": "The config of the image is not as it should be{where}. Which instruction writes it, and who reads it?",
    "pushed": "The registry does not serve what this folder builds. What does a tag promise, and what does a digest?",
    "platforms": "A platform is missing or does not run{where}. What is in the index, and how do you look?",
    "signed": "The signature did not hold. What exactly is signed, and by which key?",
    "sbom": "The list of what is inside did not hold{where}. What is it made from, and what can it not see?",
    "answers": "A written answer was not right{where}. Which command would have shown the right one?",
}
"""By the kind of the check. `{where}` is the first place that the check names, `{found}` what it saw."""
OTHER = "“{title}” did not hold{where}. How would you find out why?"


def drawn(report: Report | None) -> tuple[str, ...]:
    """Questions about the checks that cost points, the most expensive first."""
    if report is None:
        return ()
    lost = [check for check in report.checks if check.status in (Status.FAILED, Status.PARTIAL)]
    worst_first = sorted(lost, key=lambda check: check.points - check.max_points)
    return tuple(dict.fromkeys(map(_question, worst_first[:MOST])))


def _question(check: CheckResult) -> str:
    found = safe.line(check.evidence.get("found") or "something else", 120)
    seen = next(_places(check), "")
    return TEMPLATES.get(check.kind, OTHER).format(
        title=safe.line(check.title, 120), found=found, where=f" ({seen})" if seen else ""
    )


def _places(check: CheckResult) -> Iterator[str]:
    """Where a check saw something, with what it found there."""
    for place in evidence.places(check.evidence):
        spot = evidence.spot(place)
        seen = ": ".join(part for part in (spot.where, spot.text) if part)
        if seen:
            yield safe.line(seen, 160)
