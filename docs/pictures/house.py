"""Draw the house by what its modules import. `.venv/bin/python docs/pictures/house.py` writes house.svg next to it.

Rooms stand on the floors of tests/floors.py. An arrow from one room to another means that a module of the first imports
one of the second. Arrows that follow from others are left out: checks -> facts and facts -> lib imply checks -> lib.
Written here by hand: where on its floor a room is drawn, and what it is for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter
from html import escape
from pathlib import Path

from floorplan import Arrow, Box, Floorplan, path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.floors import FLOORS, graph, room  # noqa: E402

PICTURE = Path(__file__).with_name("house.svg")

WIDTH = 900
TALL, LOW = 44, 30
"""Height of a room with its words under its name, and of one with both on a line."""
GAP, INNER_GAP = 30, 18
"""Between two floors."""

FACTS, COMMANDS = "grader.facts", "layerwise.commands"
DRAWN_AS = {"layerwise.cli": COMMANDS}

ROOMS = {
    # from x, to x, its name in the picture, what it is for
    COMMANDS: (28, 872, "commands", "what lab can do: one file for each command"),
    "layerwise.homepage": (170, 428, "homepage", "progress, ways into lessons"),
    "layerwise.interview": (28, 284, "interview", "sessions, tasks, memory"),
    "layerwise.views": (170, 284, "views", "for notebooks"),
    "layerwise.classroom": (302, 428, "classroom", "grades of a class"),
    "layerwise": (116, 428, "workspace, progress, …", "a learner's work and scores"),
    "layerwise.pipeline": (28, 290, "pipeline", "build, scan, sign, release"),
    "layerwise.questions": (300, 428, "questions", "lessons, bank"),
    "layerwise.stack": (28, 428, "stack", "the lab: engine, registry, base images, JupyterLab"),
    "layerwise.errors": (28, 290, "errors", "why the lab cannot go on"),
    "grader.verify": (466, 682, "verify", "proves the exercises"),
    "grader.grade": (466, 682, "grade", "one submission, all its checks"),
    "grader.exercise": (466, 682, "exercise", "reads exercise.toml"),
    "grader.checks": (466, 682, "checks", "one file for each kind"),
    "grader.lint": (700, 834, "lint", "no build needed"),
    FACTS: (28, 808, "facts", "what can be known of a submission: each thing is measured once, when first asked for"),
    "grader.submission": (28, 560, "submission", "a private copy of the folder, with what the exercise plants in it"),
    "grader.reports": (690, 872, "reports", "one file for each format"),
    "grader.canary": (28, 284, "canary", "planted secrets"),
    "grader.settings": (304, 560, "settings", "how it is built"),
    "grader.verdict": (580, 872, "verdict", "status, points, evidence"),
    "grader.lib": (28, 872, "lib", "processes, cancelling, parallel work, folders, units"),
    "grader.errors": (28, 872, "errors", "what can go wrong, and whose fault it is"),
}
ON_ONE_LINE = (COMMANDS, "grader.lib", "grader.errors")

MEASURED = "build, image, …"
INNER = {
    # The same for the rooms in grader/facts. MEASURED are all that have no floor of their own.
    MEASURED: (36, 800, "", ""),
    "pins": (232, 604, "pins", "how firmly each thing is named"),
    "packages": (424, 800, "packages", "what is installed and downloaded"),
    "shell": (424, 800, "shell", "words, commands, scripts"),
    "context": (36, 412, "context", "what reaches the builder"),
    "dockerfile": (424, 800, "dockerfile", "syntax, stages, variables"),
}
PARTS = {
    # what is in MEASURED
    "facts.py": "Facts, and its memo",
    "build": "build and rebuild, by step",
    "image": "layers, files, secrets",
    "engine": "Docker, containers, HTTP",
    "registry": "manifests, tags, logins",
    "supply": "scan, SBOM, signature",
    "advisories": "known flaws, frozen",
    "inventory": "what is installed",
}
MEASURED_TALL = 20 + len(PARTS) // 4 * (TALL + 8)

STYLE = """
svg { --paper: #ffffff; --ink: #1f2328; --soft: #57606a; --arrow: #6e7781; --room: #ffffff;
      --lab: #e8f2fa; --lab-wall: #0072b2; --grader: #e9f5f0; --grader-wall: #00795a; }
@media (prefers-color-scheme: dark) {
  svg { --paper: #15191f; --ink: #e6edf3; --soft: #a9b3be; --arrow: #8b949e; --room: #1c2129;
        --lab: #14283a; --lab-wall: #56b4e9; --grader: #142b25; --grader-wall: #3fbf95; }
}
text { font: 12.5px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: var(--soft); }
.name { font: 600 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: var(--ink); }
.wing { font-size: 14px; font-weight: 600; fill: var(--ink); }
.paper { fill: var(--paper); }
polygon { stroke-width: 16; stroke-linejoin: round; }
.lab { fill: var(--lab); stroke: var(--lab); }
.grader { fill: var(--grader); stroke: var(--grader); }
.lab-room { fill: var(--room); stroke: var(--lab-wall); }
.grader-room { fill: var(--room); stroke: var(--grader-wall); }
.group { fill: none; stroke: var(--grader-wall); stroke-opacity: 0.45; }
.arrow { fill: none; stroke: var(--arrow); stroke-width: 1.5; marker-end: url(#head); }
.head { fill: var(--arrow); }
"""


def imports(room_of: Mapping[str, str]) -> list[Arrow]:
    """Which room imports which, by the room of each module, without the arrows that follow from others.

    Raises CycleError if there is a circle.
    """
    rooms: dict[str, set[str]] = {name: set() for name in room_of.values()}
    for module, used in graph("grader", "layerwise").items():
        if module in room_of:
            rooms[room_of[module]] |= {room_of[other] for other in used if other in room_of} - {room_of[module]}
    below: dict[str, set[str]] = {}
    for name in TopologicalSorter(rooms).static_order():
        below[name] = set().union(*({used} | below[used] for used in rooms[name]))
    return sorted(
        (name, used)
        for name, direct in rooms.items()
        for used in direct
        if not any(used in below[other] for other in direct - {used})
    )


def outer(module: str) -> str:
    """The room of the house that a module, or a room with a floor, is part of."""
    name = room(module)
    return FACTS if name.startswith(FACTS) else DRAWN_AS.get(name, name)


def inner(module: str) -> str:
    """The room of grader/facts that a module of it is part of."""
    name = room(module)
    return MEASURED if name == FACTS else name.removeprefix(f"{FACTS}.")


def house() -> str:
    """The picture, as SVG."""
    modules = [name for name in graph("grader", "layerwise") if name not in ("grader", "layerwise")]
    of_facts = {name: inner(name) for name in modules if outer(name) == FACTS}
    plan, drawn, top = Floorplan(WIDTH), list[str](), 52
    for floor in reversed(FLOORS):
        names = [name for name in dict.fromkeys(map(outer, floor)) if name not in plan.boxes]
        height = LOW if set(names) & set(ON_ONE_LINE) else TALL
        if FACTS in names:
            inside, bottom = facts(of_facts, top + 32)
            height = bottom + 8 - top
        for name in names:
            left, right, shown, words = ROOMS[name]
            plan.boxes[name] = Box(left, top, right, top + height)
            wing = "lab" if name.startswith("layerwise") else "grader"
            drawn.append(drawn_room(plan.boxes[name], wing, shown, words, on_a_line=name in (*ON_ONE_LINE, FACTS)))
        top += height + GAP if names else 0
    pairs = imports({name: outer(name) for name in modules})
    roof, wing_end, ground = (plan.boxes[name].bottom for name in (COMMANDS, "layerwise.errors", "grader.errors"))
    lab = [(22, 22), (878, 22), (878, roof + 6), (436, roof + 6), (436, wing_end + 6), (22, wing_end + 6)]
    high, low = roof + 28, wing_end + 28
    grader = [(458, high), (878, high), (878, ground + 6), (22, ground + 6), (22, low), (458, low)]
    height = ground + 50
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="title desc">',
            '<title id="title">The house: which room of Layerwise imports which</title>',
            f'<desc id="desc">{escape(in_words(pairs))} In facts: {escape(in_words(imports(of_facts)))}</desc>',
            f"<style>{STYLE}</style>",
            '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path class="head" d="M0 0.5L8 4L0 7.5z"/></marker>',
            f'<rect class="paper" width="{WIDTH}" height="{height}" rx="8"/>',
            polygon("lab", lab),
            polygon("grader", grader),
            '<text x="28" y="38" class="wing">layerwise</text><text x="116" y="38">what a person touches</text>',
            f'<text x="466" y="{roof + 47}" class="wing">grader</text>',
            f'<text x="466" y="{roof + 64}">the instrument</text>',
            *(f'<path class="arrow" d="{path(points)}"/>' for points in plan.arrows(pairs, GAP)),
            *drawn,
            *inside,
            f'<text x="28" y="{height - 15}">An arrow means “imports”. Arrows that follow from others are left out. '
            "None points up, and none makes a circle.</text>",
            "</svg>",
            "",
        ]
    )


def facts(room_of: Mapping[str, str], top: int) -> tuple[list[str], int]:
    """The rooms in grader/facts, drawn from `top` down, each above what it imports; and where they end."""
    pairs = imports(room_of)
    uses = {name: {used for one, used in pairs if one == name} for name in INNER}
    rank: dict[str, int] = {}
    for name in TopologicalSorter(uses).static_order():
        rank[name] = max((rank[used] + 1 for used in uses[name]), default=0)
    plan, drawn = Floorplan(WIDTH), list[str]()
    for number in sorted(set(rank.values()), reverse=True):
        for name, (left, right, shown, words) in INNER.items():
            if rank[name] == number:
                bottom = top + (MEASURED_TALL if name == MEASURED else LOW)
                box = plan.boxes[name] = Box(left, top, right, bottom)
                drawn += (
                    measured(box) if name == MEASURED else [drawn_room(box, "grader", shown, words, on_a_line=True)]
                )
        top = bottom + INNER_GAP
    lines = [f'<path class="arrow" d="{path(points)}"/>' for points in plan.arrows(pairs, INNER_GAP)]
    note = plan.boxes["packages"].bottom + INNER_GAP // 2 + 4
    return [*lines, *drawn, f'<text x="48" y="{note}">These read files, and ask no engine.</text>'], bottom


def measured(group: Box) -> list[str]:
    """The rooms of grader/facts that may use each other, four in a row."""
    note = "What was built, what it does and what a registry holds. These may use each other."
    drawn = [rectangle(group, "group"), f'<text x="{group.left + 12}" y="{group.top + 17}">{note}</text>']
    width = (group.right - group.left - 8) // 4
    for number, (name, words) in enumerate(PARTS.items()):
        left, top = group.left + 8 + number % 4 * width, group.top + 24 + number // 4 * (TALL + 8)
        drawn.append(drawn_room(Box(left, top, left + width - 8, top + TALL), "grader", name, words))
    return drawn


def drawn_room(box: Box, wing: str, name: str, words: str, *, on_a_line: bool = False) -> str:
    x, y = box.left + 12, box.top + (20 if on_a_line else 18)
    place = 'dx="10"' if on_a_line else f'x="{x}" y="{y + 17}"'
    return (
        f'{rectangle(box, f"{wing}-room")}<text x="{x}" y="{y}"><tspan class="name">{escape(name)}</tspan>'
        f"<tspan {place}>{escape(words)}</tspan></text>"
    )


def rectangle(box: Box, kind: str) -> str:
    size = f'width="{box.right - box.left}" height="{box.bottom - box.top}"'
    return f'<rect class="{kind}" x="{box.left}" y="{box.top}" {size} rx="6"/>'


def polygon(kind: str, points: Iterable[tuple[int, int]]) -> str:
    return f'<polygon class="{kind}" points="{" ".join(f"{x},{y}" for x, y in points)}"/>'


def in_words(pairs: Iterable[Arrow]) -> str:
    """The arrows as sentences, for those who hear the picture."""
    used: dict[str, list[str]] = {}
    for one, other in pairs:
        used.setdefault(one, []).append(other)
    return " ".join(f"{one} imports {', '.join(others)}." for one, others in used.items())


if __name__ == "__main__":
    PICTURE.write_text(house(), encoding="utf-8")
