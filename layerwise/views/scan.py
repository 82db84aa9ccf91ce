"""Show what a scanner finds in an image: the severity, the layer and package, and the version that fixes it.

lw.scan("soup:1")                       with the frozen advisories
lw.scan("soup:1", snapshot="then")      with the advisories of an earlier day
lw.scan("soup:1").versus(lw.scan("soup:2"))
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from grader.facts.advisories.frozen import SnapshotName
from grader.facts.supply.scan import GRAVEST_FIRST, Scan, Vulnerability, scan_image
from layerwise.errors import InputError
from layerwise.views.anatomy import Anatomy, load
from layerwise.views.layers import HOLLOW, LONGEST_INSTRUCTION, SOLID, bar, legend
from layerwise.views.listing import fold, spelt, table, visible
from layerwise.views.live import plainly, static_html
from layerwise.views.words import counted

SNAPSHOTS: tuple[SnapshotName, ...] = ("then", "now")
MAX_SHOWN = 60
"""The most findings of a layer that are listed, the most severe first."""
MAX_LAYERS = 40
"""The most layers whose findings are listed, from the top."""
MAX_ROWS = 400
"""The most findings in the table."""
_SQUARES = {"CRITICAL": "■■■■", "HIGH": "■■■□", "MEDIUM": "■■□□", "LOW": "■□□□", "UNKNOWN": "□□□□"}
UNFIXED = "no fix yet"
_WONT = {"will_not_fix": "will not be fixed", "fix_deferred": "fix put off", "end_of_life": "end of life"}


def scan(image: str, snapshot: SnapshotName = "now") -> Scanned:
    """Scan an image on the engine with the frozen advisories of "then" or of "now"."""
    with plainly():
        if snapshot not in SNAPSHOTS:
            raise InputError(f"there is no snapshot {spelt(str(snapshot))!r}: it is 'then' or 'now'")
        anatomy = load(image)
        return Scanned(anatomy, scan_image(anatomy.image, snapshot))


class Scanned:
    """The findings of an image, which show themselves in a notebook."""

    def __init__(self, anatomy: Anatomy, found: Scan) -> None:
        self.anatomy = anatomy
        self.found = found

    @property
    def findings(self) -> Sequence[Vulnerability]:
        """All findings, the most severe first."""
        return self.found.findings

    def of(self, *severities: str) -> Sequence[Vulnerability]:
        """Return the findings of these severities, as in `of("CRITICAL", "HIGH")`."""
        return [finding for finding in self.findings if finding.severity in severities]

    def versus(self, other: Scanned) -> Versus:
        """Return a comparison with another scan: of the same image on another day, or of another image."""
        return Versus(self, other)

    @property
    def name(self) -> str:
        """The image, and the day of the advisories."""
        return f"{self.anatomy.name}, as known on {self.found.date}"

    def __repr__(self) -> str:
        lines = [spelt(self._headline(), 1000)]
        for severity, base, own in self._counts():
            lines.append(f"  {_SQUARES[severity]} {severity:8} {len(base) + len(own):4}  {self._split(base, own)}")
        for place, group in self._by_layer():
            lines += ["", self._where(place)]
            lines += [f"  {_line(finding)}" for finding in group[:MAX_SHOWN]]
            lines += _left(len(group) - MAX_SHOWN)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        layers = self._by_layer()
        most = max((len(base) + len(own) for _, base, own in self._counts()), default=0)
        grades = "".join(self._grade(*counts, most) for counts in self._counts())
        cards = "".join(self._layer(place, group) for place, group in layers[:MAX_LAYERS])
        marks = ([HOLLOW] if self.anatomy.base_layers else []) + [SOLID]
        stack = f'<div class="lw-stack">{cards}</div>' if cards else ""
        return static_html(
            f'<div class="lw-box lw-image"><p class="lw-kicker">{visible(self._headline(), 1000)}</p>{grades}'
            f"{legend(*marks) if most else ''}{stack}{fold('Details: the same as a table', self._table())}</div>"
        )

    def _headline(self) -> str:
        grave = len(self.of("CRITICAL", "HIGH"))
        unfixed = sum(not finding.fixed for finding in self.findings)
        said = f"{self.name}: {counted(len(self.findings), 'finding')}"
        if self.findings:
            said += f", {grave} critical or high, {unfixed} with {UNFIXED}"
        read = f"{counted(len(self.found.packages), 'package')} listed"
        return f"{said}. {read}. Frozen advisories, for teaching."

    def _counts(self) -> list[tuple[str, list[Vulnerability], list[Vulnerability]]]:
        """For each severity that occurs, the findings of the base and those of the image itself."""
        found = []
        for severity in GRAVEST_FIRST:
            some = self.of(severity)
            if some:
                base = [finding for finding in some if self._is_base(finding.layer)]
                found.append((severity, base, [finding for finding in some if not self._is_base(finding.layer)]))
        return found

    def _is_base(self, layer: int | None) -> bool:
        return layer is not None and layer < self.anatomy.base_layers

    def _split(self, base: Sequence[Vulnerability], own: Sequence[Vulnerability]) -> str:
        parts = [f"{len(some)} {word}" for some, word in ((base, "base"), (own, "own")) if some]
        unfixed = sum(not finding.fixed for finding in (*base, *own))
        return ", ".join(parts + ([f"{unfixed} {UNFIXED}"] if unfixed else []))

    def _grade(self, severity: str, base: Sequence[Vulnerability], own: Sequence[Vulnerability], most: int) -> str:
        bars = "".join(bar(len(some), most, base=some is base) for some in (base, own) if some)
        return (
            f'<div class="lw-pair lw-severity"><span class="lw-grade">{_grade(severity)}</span>'
            f'<span class="lw-joined">{bars}</span><span class="lw-size">{len(base) + len(own)}</span>'
            f'<span class="lw-soft lw-parts">{self._split(base, own)}</span></div>'
        )

    def _by_layer(self) -> list[tuple[int | None, list[Vulnerability]]]:
        """The findings by layer, from the top. Those that belong to no layer come first."""
        ordered = sorted(self.findings, key=lambda finding: (finding.layer is not None, -(finding.layer or 0)))
        return [(place, list(group)) for place, group in groupby(ordered, key=lambda finding: finding.layer)]

    def _where(self, place: int | None) -> str:
        if place is None:
            return "In no single layer"
        whose = "base" if self._is_base(place) else "own"
        made = self.anatomy.image.layers[place].instruction
        return f"Layer {place + 1}, {whose}: {spelt(made, LONGEST_INSTRUCTION) or 'not recorded'}"

    def _layer(self, place: int | None, group: Sequence[Vulnerability]) -> str:
        grades = ", ".join(
            f"{sum(one.severity == severity for one in group)} {severity.lower()}"
            for severity in GRAVEST_FIRST
            if any(one.severity == severity for one in group)
        )
        own = not self._is_base(place)
        rows = "".join(_row(finding) for finding in group[:MAX_SHOWN])
        left = "".join(f'<p class="lw-soft">{visible(line)}</p>' for line in _left(len(group) - MAX_SHOWN))
        head = "<tr><th>Severity</th><th>Finding</th><th>Package</th><th>Fixed in</th></tr>"
        return (
            f'<details class="lw-layer"{" open" if own else ""}><summary class="lw-plain"><span class="lw-place">'
            f'{"" if place is None else place + 1}</span><span class="lw-made"><code>'
            f'{visible(self._where(place))}</code><span class="lw-soft">{grades}</span></span></summary>'
            f'<div class="lw-inside"><table class="lw-findings"><thead>{head}</thead>'
            f"<tbody>{rows}</tbody></table>{left}</div></details>"
        )

    def _table(self) -> str:
        rows = [
            [
                finding.severity,
                f"<code>{visible(finding.id, 60)}</code>",
                visible(finding.package, 60),
                visible(finding.installed, 60),
                visible(fixed_in(finding), 80),
                "base" if self._is_base(finding.layer) else "own",
                "" if finding.layer is None else str(finding.layer + 1),
                visible(finding.title),
            ]
            for finding in self.findings[:MAX_ROWS]
        ]
        heads = ("Severity", "Finding", "Package", "Installed", "Fixed in", "From", "Layer", "Title")
        left = "".join(f"<p>{line}</p>" for line in _left(len(self.findings) - MAX_ROWS))
        return table(heads, rows, numbers=(6,)) + left


class Versus:
    """A comparison of two scans, which shows itself in a notebook.

    Findings are the same if their id and package are equal. The versions may differ.
    """

    def __init__(self, before: Scanned, after: Scanned) -> None:
        self.before = before
        self.after = after
        old, new = ({_key(finding) for finding in one.findings} for one in (before, after))
        self.gone = [finding for finding in before.findings if _key(finding) not in new]
        self.new = [finding for finding in after.findings if _key(finding) not in old]
        self.same = [finding for finding in after.findings if _key(finding) in old]
        """The findings of both, as in the later scan."""

    def __repr__(self) -> str:
        lines = [spelt(self._headline(), 1000)]
        for sign, word, some in self._groups():
            lines += ["", f"{sign} {counted(len(some), 'finding')} {word}"]
            if word != "in both":
                lines += [f"  {_line(finding)}" for finding in some[:MAX_SHOWN]] + _left(len(some) - MAX_SHOWN)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        parts = []
        for sign, word, some in self._groups():
            rows = "".join(_row(finding) for finding in some[:MAX_SHOWN])
            left = "".join(f'<p class="lw-soft">{visible(line)}</p>' for line in _left(len(some) - MAX_SHOWN))
            listed = f'<table class="lw-findings"><tbody>{rows}</tbody></table>{left}'
            title = f"{sign} {counted(len(some), 'finding')} {word}"
            parts.append(fold(title, listed) if word == "in both" else f'<p class="lw-under">{title}</p>{listed}')
        return static_html(
            f'<div class="lw-box lw-image"><p class="lw-kicker">{visible(self._headline(), 1000)}</p>'
            f"{''.join(parts)}</div>"
        )

    def _headline(self) -> str:
        images = {one.anatomy.image.id for one in (self.before, self.after)}
        same = " The same image, to the byte." if len(images) == 1 else ""
        return f"First {self.before.name}; second {self.after.name}.{same}"

    def _groups(self) -> list[tuple[str, str, Sequence[Vulnerability]]]:
        groups = (
            ("−", "only in the first", self.gone),
            ("+", "only in the second", self.new),
            ("=", "in both", self.same),
        )
        return [group for group in groups if group[2]] or [("=", "in either", ())]


def fixed_in(finding: Vulnerability) -> str:
    """The versions that fix it, in words, or that there is none."""
    return finding.fixed or _WONT.get(finding.status, UNFIXED)


def _key(finding: Vulnerability) -> tuple[str, str, str]:
    return finding.id, finding.package.lower(), finding.ecosystem


def _line(finding: Vulnerability) -> str:
    """A finding in one line of text."""
    package = spelt(f"{finding.package} {finding.installed}", 44)
    grave = f"{_SQUARES[finding.severity]} {finding.severity:8}"
    return f"{grave} {spelt(finding.id, 30):16} {package:34} {spelt(fixed_in(finding), 60)}"


def _grade(severity: str) -> str:
    return f'<span class="lw-squares" aria-hidden="true">{_SQUARES[severity]}</span> {severity.lower()}'


def _row(finding: Vulnerability) -> str:
    fixed = visible(fixed_in(finding), 80)
    kind = "" if finding.fixed else ' class="lw-unfixed"'
    return (
        f'<tr{kind}><td class="lw-grade">{_grade(finding.severity)}</td>'
        f'<td title="{visible(finding.title, 300)}"><code>{visible(finding.id, 60)}</code></td>'
        f"<td>{visible(finding.package, 60)} {visible(finding.installed, 60)}</td><td>{fixed}</td></tr>"
    )


def _left(count: int) -> list[str]:
    return [f"  and {count:,} more"] if count > 0 else []
