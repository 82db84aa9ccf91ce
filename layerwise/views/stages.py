"""Show the stages of a Dockerfile: what is copied from where, what ships, and what never does. Nothing is built.

lw.stages("apps/go")
lw.stages("apps/go", target="test")     for a build of that stage
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from grader.errors import SubmissionFault
from grader.facts import Facts
from grader.facts.dockerfile.resolved import BuildPlan
from grader.submission import Submission
from layerwise.errors import InputError
from layerwise.views.layers import legend
from layerwise.views.listing import fold, spelt, table, visible
from layerwise.views.live import NotebookError, plainly, static_html
from layerwise.views.settings import build_settings
from layerwise.views.stagegraph import Arrow, Fate, Graph, Kind, Node, graph, lanes
from layerwise.views.words import counted

MAX_STAGES = 60
MAX_LANES = 8
"""The most arrows that are drawn next to each other. Further ones are only described in words."""
MAX_PATHS = 6
"""The most paths of an arrow that are shown."""
MAX_ARROWS = 24
"""The most arrows into a stage that are shown."""
MAX_INSTRUCTIONS = 1200
"""The most instructions that are shown, for all stages together."""
LONGEST_INSTRUCTION = 300

CHIPS = {Fate.SHIPS: "ships", Fate.LENDS: "does not ship", Fate.UNUSED: "never built"}
FRAMES = {
    Fate.SHIPS: ("lw-ships", "ships"),
    Fate.LENDS: ("lw-stays", "does not ship"),
    Fate.UNUSED: ("lw-stays lw-idle", "never built: nothing needs it"),
}
LINES = {
    Kind.FROM: ("lw-arrow lw-by-from", "starts from"),
    Kind.COPY: ("lw-arrow lw-by-copy", "copies from"),
    Kind.MOUNT: ("lw-arrow lw-by-mount", "mounts while a step runs"),
}
TAKERS = {Kind.FROM: ("starts from it", "start from it"), Kind.COPY: ("copies from it", "copy from it"),
          Kind.MOUNT: ("mounts it", "mount it")}  # fmt: skip


def stages(
    folder: str | Path, file: str = "Dockerfile", target: str = "", args: Mapping[str, str] | None = None
) -> Stages:
    """Return the stages of a folder's Dockerfile, for a build of `target` (default: the last) with these arguments."""
    with plainly():
        settings = build_settings(folder, file, target, args)
        try:
            with Submission.open(Path(folder), settings) as submission, Facts(submission) as facts:
                plan = facts.plan
        except SubmissionFault as fault:
            raise NotebookError(spelt(str(fault), 1000)) from None
        if len(plan.stages) > MAX_STAGES:
            raise InputError(f"{spelt(file)} has {len(plan.stages)} stages, and at most {MAX_STAGES} can be drawn")
        return Stages(str(folder) if file == "Dockerfile" else f"{folder}, {file}", plan)


class Stages:
    """The stages of a build, which show themselves in a notebook."""

    def __init__(self, name: str, plan: BuildPlan) -> None:
        self.name = name
        self.plan = plan
        self.graph: Graph = graph(plan)
        self._room = max(5, MAX_INSTRUCTIONS // len(plan.stages))

    def names(self, fate: Fate | str) -> list[str]:
        """Return the names of the stages with the fate "ships", "lends" or "unused", as in the picture."""
        return [node.name for node in self.graph.stages if node.fate == fate]

    def __repr__(self) -> str:
        lines = [spelt(self._headline(), 1000)]
        for node in self.graph.nodes:
            where = f"  ({self._where(node)})" if node.stage else ""
            lines += ["", f"{spelt(node.name)}{where}: {spelt(self._became(node), 300)}"]
            lines += [f"  {sentence}" for sentence in self._sentences(node, spelt)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        kinds = {arrow.kind for arrow in self.graph.arrows}
        fates = {node.fate for node in self.graph.nodes}
        marks = [FRAMES[fate] for fate in Fate if fate in fates] + [LINES[kind] for kind in Kind if kind in kinds]
        return static_html(
            f'<div class="lw-box lw-image"><p class="lw-kicker">{visible(self._headline(), 1000)}</p>'
            f"{self._picture()}{legend(*marks)}{fold('Details: the same as a table', self._table())}</div>"
        )

    def _headline(self) -> str:
        total = len(self.graph.stages)
        counts = {fate: len(self.names(fate)) for fate in Fate}
        said = [f"{counts[Fate.SHIPS]} of {counted(total, 'stage')} {'ships' if counts[Fate.SHIPS] == 1 else 'ship'}"]
        if counts[Fate.LENDS]:
            said.append(f"{counts[Fate.LENDS]} only {'helps' if counts[Fate.LENDS] == 1 else 'help'} to build")
        if counts[Fate.UNUSED]:
            said.append(f"{counts[Fate.UNUSED]} {'is' if counts[Fate.UNUSED] == 1 else 'are'} never built")
        return f"{self.name}, built to {self.graph.target.name}: {', '.join(said)}."

    def _picture(self) -> str:
        places = lanes(self.graph.arrows)
        width = max(places.values(), default=-1) + 1
        drawn = 0 < width <= MAX_LANES
        edges = self._edges(places, width) if drawn else ""
        cards = "".join(self._card(node) for node in self.graph.nodes)
        note = "" if width <= MAX_LANES else (
            '<p class="lw-soft">Too many arrows to draw: see the lines in each stage.</p>'
        )  # fmt: skip
        style = f' style="--lw-lanes:{width}"' if drawn else ""
        return f'{note}<div class="lw-graph{" lw-railed" if drawn else ""}"{style} role="list">{edges}{cards}</div>'

    def _edges(self, places: Mapping[tuple[int, Kind], int], width: int) -> str:
        """One edge for each kind and pair. Those that are never built come first: the others are drawn over them."""
        pairs = {(arrow.source, arrow.user, arrow.kind) for arrow in self.graph.arrows if arrow.user > arrow.source}
        nodes = self.graph.nodes
        ordered = sorted(pairs, key=lambda pair: (nodes[pair[1]].fate is not Fate.UNUSED, pair))
        return "".join(
            f'<span class="lw-edge lw-by-{kind}{" lw-idle" if nodes[user].fate is Fate.UNUSED else ""}"'
            f' aria-hidden="true" style="grid-row:{2 * source + 3}/{2 * user + 2};'
            f'grid-column:{width - places[source, kind]}/{width + 1}"></span>'
            for source, user, kind in ordered
        )

    def _card(self, node: Node) -> str:
        frame, _ = FRAMES[node.fate]
        lines = "".join(f"<li>{sentence}</li>" for sentence in self._sentences(node, _code))
        where = f'<span class="lw-soft">{self._where(node)}</span>' if node.stage else ""
        return (
            f'<div class="lw-node {frame}{"" if node.stage else " lw-outside"}" role="listitem"'
            f' style="grid-row:{2 * node.place + 2}"><p class="lw-node-head"><strong>{visible(node.name)}</strong>'
            f'{where}<span class="lw-became">{visible(self._became(node), 300)}</span></p>'
            f"{f'<ul>{lines}</ul>' if lines else ''}{self._instructions(node)}</div>"
        )

    def _instructions(self, node: Node) -> str:
        if not node.stage or not node.stage.steps:
            return ""
        steps = node.stage.steps
        rows = [
            [
                str(step.line),
                f"<code>{visible(step.instruction.original, LONGEST_INSTRUCTION)}</code>"
                + (" <span class=lw-soft>by an ONBUILD of its base</span>" if step.triggered else ""),
            ]
            for step in steps[: self._room]
        ]
        left = len(steps) - len(rows)
        more = f'<p class="lw-soft">and {left:,} more</p>' if left else ""
        title = counted(len(steps), "instruction")
        return fold(title, table(("Line", "Instruction"), rows, numbers=(0,)) + more)

    def _where(self, node: Node) -> str:
        if node.stage is None:
            return "outside image"
        number = "" if node.name.endswith(f"stage {node.stage.index}") else f"stage {node.stage.index}, "
        return f"{number}line {node.stage.stage.line}"

    def _became(self, node: Node) -> str:
        """The fate of a node in words, and why."""
        chip = CHIPS[node.fate] if node.stage else CHIPS[node.fate].replace("built", "pulled")
        if node is self.graph.target:
            return f"{chip}: this is the image"
        if node.fate is Fate.UNUSED:
            return chip
        kinds = (Kind.FROM,) if node.fate is Fate.SHIPS else tuple(Kind)
        said = []
        for kind in kinds:
            if users := self.graph.takers(node, kind):
                some = [user.name for user in users[:MAX_PATHS]] + ["more"] * (len(users) > MAX_PATHS)
                said.append(f"{_listed(some)} {TAKERS[kind][len(users) > 1]}")
        return f"{chip}: {', '.join(said)}"

    def _sentences(self, node: Node, code: Callable[[str], str]) -> list[str]:
        """What a node takes, one line for each thing. `code` makes untrusted text safe to show."""
        arrows = self.graph.taken_by(node)
        said = [self._sentence(arrow, code) for arrow in arrows[:MAX_ARROWS]]
        if node.stage and node.stage.is_scratch:
            said.insert(0, f"starts from nothing (scratch), line {node.stage.stage.line}")
        if len(arrows) > MAX_ARROWS:
            said.append(f"and takes {len(arrows) - MAX_ARROWS:,} more")
        return said

    def _sentence(self, arrow: Arrow, code: Callable[[str], str]) -> str:
        source = self.graph.nodes[arrow.source]
        name = code(source.name) if source.stage else f"image {code(source.name.removeprefix('image '))}"
        where = f"line {arrow.line}" + (" (an ONBUILD of its base)" if arrow.triggered else "")
        if arrow.kind is Kind.FROM:
            return f"starts from {name}{self._said_of_base(arrow, code)}, {where}"
        paths = _listed([code(path) for path in arrow.paths[:MAX_PATHS]] + _more(arrow.paths[MAX_PATHS:]))
        if arrow.kind is Kind.COPY:
            return f"copies {paths} from {name} to {code(arrow.to)}, {where}"
        if not paths:
            return f"mounts {name}, {where}"
        if arrow.cache:
            return f"begins its cache at {code(arrow.to)} with {paths} of {name}, {where}"
        return f"mounts {paths} of {name} at {code(arrow.to)} while {where} runs"

    def _said_of_base(self, arrow: Arrow, code: Callable[[str], str]) -> str:
        stage = self.graph.nodes[arrow.user].stage
        if stage is None:
            return ""
        platform = f" for {code(stage.platform)}" if stage.platform else ""
        return platform + (f" (written {code(stage.stage.base)})" if "$" in stage.stage.base else "")

    def _table(self) -> str:
        rows = [
            [
                f"<code>{visible(node.name)}</code>",
                str(node.stage.index) if node.stage else "outside",
                str(node.stage.stage.line) if node.stage else "",
                str(len(node.stage.steps)) if node.stage else "",
                visible(self._became(node), 300),
                "; ".join(self._sentences(node, _code)) or "nothing",
            ]
            for node in self.graph.nodes
        ]
        return table(("Name", "Stage", "Line", "Instructions", "Becomes", "Takes"), rows, numbers=(1, 2, 3))


def _code(text: str) -> str:
    return f"<code>{visible(text)}</code>"


def _more(left: Sequence[str]) -> list[str]:
    return [f"{len(left):,} more"] if left else []


def _listed(words: Sequence[str]) -> str:
    """A list in words: "a, b and c"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""
