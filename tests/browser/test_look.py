"""The pictures in JupyterLab's own themes: every text can be read, and nothing runs over an edge."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import pytest
from jupyterlab.commands import get_app_dir
from playwright.sync_api import Page

from grader.facts.build.build_log import BuildLog
from grader.facts.build.steps import match
from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve
from grader.facts.supply.scan import GRAVEST_FIRST, Scan, Vulnerability
from grader.reports.html import card
from layerwise.questions.question import Question
from layerwise.views import timeline
from layerwise.views.ask import Outcome
from layerwise.views.chain import BREAKS, HOLDS, UNSEEN, Link
from layerwise.views.diff import Diff
from layerwise.views.layers import Layers
from layerwise.views.live import static_html
from layerwise.views.registry import Registry
from layerwise.views.registry_tree import Holdings, Item, Part, Shelf, Tag
from layerwise.views.scan import Scanned
from layerwise.views.signature import Signature
from layerwise.views.sizes import Sizes
from layerwise.views.stages import Stages
from tests.browser.conftest import barriers
from tests.grader.reports.samples import ALL
from tests.layerwise.views.archives import anatomy

pytestmark = pytest.mark.browser

CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
THEMES = ("light", "dark", "dark-high-contrast")
TOKEN = "ghp_" + "A8dK2mQ9xZ4vN7bT1cR5yW3eU6iO0pLsJhGf"
DIGEST = f"sha256:{'5a' * 32}"
LONG = "a-name-that-goes-on-and-on/" * 6 + "end"
DOCKERFILE = f"""FROM registry.example:5000/{LONG}:1 AS build
RUN --mount=type=cache,target=/root/.cache go build -o /{LONG} && {"go vet ./... && " * 20} true
FROM a:1 AS never
RUN x
FROM a:1 AS certs
RUN y
FROM scratch
COPY --from=build /{LONG} /{LONG} /usr/bin/
RUN --mount=from=certs,source=/etc/ssl,target=/mnt cp -r /mnt /etc/ssl
"""


def _builds() -> str:
    """Steps with all that can become of one."""
    plan = resolve(parse(DOCKERFILE.encode()))
    steps = match(BuildLog(True, 0, []), plan)
    drawn = [
        timeline.Line(step, state, 1, 2, broke=state == "ran")
        for step, state in zip(steps * len(timeline.WORDS), timeline.WORDS, strict=False)
    ]
    return static_html(f'<div class="lw-box lw-image">{timeline.picture(drawn, 4)}{timeline.details(drawn)}</div>')


def _images() -> str:
    base, more = {"etc/passwd": b"1" * 9999, LONG: b"1" * 999}, {"key": TOKEN.encode(), f"b/{LONG}": b"22"}
    one = anatomy(base, more, {".wh.key": b"", "etc/passwd": b"2"}, base=1, history=[(f"RUN {LONG}" * 5, True)] * 3)
    other = anatomy(base, config={"Env": [f"LONG={LONG}"]})
    views = [Layers(one), Diff(one, other)]
    return "".join(static_html(view.html()) for view in views) + Sizes([one, other])._repr_html_()


def _outcomes() -> str:
    about = {"id": "one", "ask": "Which `one`, of all?", "options": ["this", f"`{LONG}`"], "why": "Since *that* is."}
    question = Question.model_validate({**about, "answer": 1})
    return "".join(Outcome(question, given)._repr_mimebundle_()["text/html"] for given in (0, 1))


def _registry() -> str:
    """Shared and own, an index, a signature, what cannot be read, a repository that is closed."""
    config, base, own = Part(DIGEST, 2000, "config"), Part(f"{DIGEST}b", 40_000_000, "layer"), Part(LONG, 9, "layer")
    image, gone = Item(DIGEST, 999, "image", "linux/amd64", [config, base]), Item(DIGEST, 9, "manifest", "", fault=LONG)
    tags = [
        Tag(LONG, "1.0", DIGEST, items=[image]),
        Tag(LONG, "latest", DIGEST, items=[image]),
        Tag(LONG, "1.1" + "-rc" * 40, f"{DIGEST}c", True, [Item(LONG, 9, "image", LONG, [base, own]), gone], 7),
        Tag(LONG, f"{DIGEST.replace(':', '-')}.sig", f"{DIGEST}d", items=[Item(DIGEST, 9, LONG, "", [own])]),
        Tag(LONG, "torn", fault=LONG),
    ]
    shelves = [Shelf(LONG, tags, 3), Shelf("closed", fault=f"the registry {LONG} needs a login")]
    return Registry(Holdings("localhost:5000", LONG, shelves, [LONG] * 9, 4))._repr_html_()


def _scans() -> str:
    """Each severity, of the base and own, mended and not."""
    one = anatomy({"a": b"1"}, {"b": b"2"}, base=1, history=[("", True), (f"RUN {LONG}", True)])
    kinds = [
        Vulnerability(id=f"CVE-2026-{number}", package=LONG if number % 2 else "tar", installed="6.5+20250216-2",
                fixed="" if number % 2 else "2.2.5, 2.3.2, 3.0.1", severity=severity, status="affected", title=LONG,
                ecosystem="debian", path="", layer=number % 2, published="", purl="", url="")
        for number, severity in enumerate(GRAVEST_FIRST * 2)
    ]  # fmt: skip
    day = datetime.date(2026, 6, 30)
    first, second = (Scanned(one, Scan("now", day, "debian 13", (), (), tuple(kinds[start:]))) for start in (0, 2))
    return first._repr_html_() + first.versus(second)._repr_html_()


def _signatures() -> str:
    """Links with all that can become of one."""
    digests = tuple(f"sha256:{number:064d}" for number in range(9))
    links = [
        Link("key", HOLDS, "found", digests[:1]),
        Link("name", HOLDS, f"{LONG} is a tag; now it names this", digests),
        Link("signature", BREAKS, f"there is no signature for {LONG}"),
        Link("payload", UNSEEN, "an earlier link broke"),
    ]
    return Signature(f"localhost:5000/{LONG}@{DIGEST}", LONG, links)._repr_html_()


PICTURES: dict[str, Callable[[], str]] = {
    "stages": lambda: Stages("app", resolve(parse(DOCKERFILE.encode())))._repr_html_(),
    "images": _images,
    "builds": _builds,
    "outcomes": _outcomes,
    "registry": _registry,
    "scans": _scans,
    "signatures": _signatures,
    "reports": lambda: static_html(f'<div class="lw-box">{"".join(map(card, ALL.values()))}</div>'),
}


def show(page: Page, html: str, theme: str = "light") -> None:
    """The picture in an output of JupyterLab's, everything unfolded."""
    style = Path(get_app_dir()) / "themes" / "@jupyterlab" / f"theme-{theme}-extension" / "index.css"
    page.set_content(
        f'<style>{style.read_text(encoding="utf-8")}</style><body data-jp-theme-light="{str(theme == "light").lower()}"'
        f' style="margin:0;background:var(--jp-layout-color0)">{html.replace("<details", "<details open")}</body>'
    )


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("picture", PICTURES)
def test_every_text_stands_out_from_what_is_behind_it(page: Page, picture: str, theme: str) -> None:
    show(page, PICTURES[picture](), theme)
    assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("picture", PICTURES)
def test_everybody_can_use_it(page: Page, picture: str) -> None:
    show(page, PICTURES[picture]())
    assert barriers(page, ".lw") == []


def test_a_barrier_is_found(page: Page) -> None:
    show(page, static_html('<button></button><p style="color:#999">faint</p>'))
    assert [line.partition(":")[0] for line in barriers(page, ".lw")] == ["button-name", "color-contrast"]


def test_a_text_that_does_not_is_found(page: Page) -> None:
    show(page, static_html('<p style="color:#999">faint</p><p style="opacity:0.4">thin</p><p>plain</p>'))
    assert [line.rpartition(" ")[2] for line in page.evaluate(CONTRAST)] == ["faint", "thin"]


@pytest.mark.parametrize("width", [1280, 700, 380])
@pytest.mark.parametrize("picture", PICTURES)
def test_nothing_runs_over_the_edge(page: Page, picture: str, width: int) -> None:
    """Wide tables scroll by themselves; the rest finds room."""
    page.set_viewport_size({"width": width, "height": 900})
    show(page, PICTURES[picture]())
    over = page.evaluate(
        """() => [...document.querySelectorAll(".lw-box *:not(.lw-wide *, .lw-heard, .lw-heard *)")].filter((node) => {
            const edge = node.closest(".lw-box").getBoundingClientRect()
            const own = node.getBoundingClientRect()
            return own.width && (own.right > edge.right + 1 || own.left < edge.left - 1)
        }).map((node) => `${node.tagName}.${node.className}: ${node.textContent.slice(0, 40)}`)"""
    )
    assert over == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    squeezed = page.evaluate(
        """() => [...document.querySelectorAll(".lw-files td:nth-child(2), .lw-track, .lw-made, .lw-joined")]
            .map((node) => node.getBoundingClientRect().width).filter((width) => width && width < 120)"""
    )
    assert squeezed == [], "a path, a bar and an instruction need some room"
