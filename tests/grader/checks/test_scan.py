"""`scan`: near misses, cheats that hide packages from the scanner, and odd but right answers."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import ValidationError

from grader.checks.scan import Params, judge
from grader.errors import NotObservable, SubmissionFault
from grader.facts import Facts
from grader.facts.engine.engine import Engine
from grader.verdict import Status, Verdict
from tests.grader.conftest import facts_of
from tests.grader.facts.inventory.images import code

DEBIAN = "localhost:5000/base/debian:trixie-slim"
STATIC = "localhost:5000/base/distroless-static:debian13"
BUSYBOX = "localhost:5000/base/busybox:musl"
SITE = "/usr/lib/site-packages"
STRICT = {"critical": 0, "high": 0}
LODASH_JS = code("lodash")
GIVEAWAYS = {f"{file}.py": code(file) for file in ("flask/ctx", "yaml/constructor", "requests/adapters")}
GIVEAWAYS["quart/ctx.py"] = code("flask/ctx")
GIVEAWAYS["pip/_vendor/urllib3/poolmanager.py"] = code("urllib3/poolmanager")
"""What is in a few files of the real packages."""


def wheel(name: str, version: str, *modules: str) -> dict[str, str]:
    """What an installed wheel leaves in site-packages: its code, its METADATA, and the record of both."""
    info = f"{name}-{version}.dist-info"
    files = {module: f"# {name}: {module}\n{GIVEAWAYS.get(module, '')}" for module in modules}
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nA package.\nVersion: 99\n"
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')},1\n"
        for path, text in files.items()
    )
    return files | {f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}


def within(folder: str, files: Mapping[str, str]) -> dict[str, str]:
    return {f"{folder}/{path}": text for path, text in files.items()}


def node(name: str, version: str) -> dict[str, str]:
    package = json.dumps({"name": name, "version": version})
    return {f"{name}/package.json": package, f"{name}/index.js": f"// {name}\n", f"{name}/lib/a.js": "// a\n"}


def squashed(dockerfile: str) -> str:
    """The same in one layer, of which nothing tells how it came about."""
    return dockerfile.replace("\n", " AS b\n", 1) + "FROM scratch\nCOPY --from=b / /\n"


def paragraph(name: str, version: str, source: str) -> str:
    status = "Status: install ok installed\nMaintainer: X <x@example.org>\nArchitecture: amd64\n"
    return f"Package: {name}\n{status}Source: {source}\nVersion: {version}\nDescription: x\n y\n\n"


MINI_FILES = {
    "etc/debian_version": "13.8\n",
    "etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\nVERSION_ID="13"\n',
    "var/lib/dpkg/status": paragraph("base-files", "13.8+deb13u8", "base-files")
    + paragraph("libtinfo6", "6.5+20250216-2", "ncurses")
    + paragraph("ncurses-bin", "6.5+20250216-2", "ncurses"),
    "var/lib/dpkg/info/base-files.list": "/.\n/etc\n/etc/debian_version\n/etc/os-release\n/usr/share/base-files/x\n",
    "var/lib/dpkg/info/libtinfo6:amd64.list": "/usr/lib/x86_64-linux-gnu\n/usr/lib/x86_64-linux-gnu/libtinfo.so.6\n",
    "var/lib/dpkg/info/ncurses-bin.list": "/.\n/usr/bin\n/usr/bin/tput\n/usr/bin/tset\n",
    "usr/share/base-files/x": "x",
    "usr/lib/x86_64-linux-gnu/libtinfo.so.6": "not really\n",
    "usr/lib/x86_64-linux-gnu/libc.so.6": "not really\n",
    "usr/bin/tput": "#!/bin/sh\n",
    "usr/bin/tset": "#!/bin/sh\n# another\n",
}
OLD = wheel("Flask", "2.2.2", "flask/__init__.py", "flask/ctx.py", "flask/app.py")
NEW = wheel("Flask", "2.2.5", "flask/__init__.py", "flask/ctx.py", "flask/app.py", "flask/new.py")
FILES = {
    **within("mini", MINI_FILES),
    **within("old", OLD),
    **within("new", NEW),
    **within("own", {"own/__init__.py": "", "own/code.py": "", "requests/__init__.py": "", "requests/mine.py": ""}),
    **within("yaml", wheel("PyYAML", "5.3.1", "yaml/__init__.py", "yaml/constructor.py")),
    **within("pip", wheel("pip", "25.3", "pip/__init__.py", "pip/__main__.py", "pip/_vendor/urllib3/poolmanager.py")),
    **within("lodash", {**node("lodash", "4.17.11"), "lodash/lodash.js": LODASH_JS}),
    **within("mine", {"requests/__init__.py": "", "requests/adapters.py": "class Leave: pass\n", "main.py": ""}),
    **within("mine", {"lib/lodash/lodash.js": "module.exports = {}\n", "lib/semver/index.js": ""}),
    **within("fork", wheel("Quart", "0.20", "quart/__init__.py", "quart/ctx.py")),
    "app.json": json.dumps({"name": "app", "version": "1.0.0"}),
    **within("lodash-new", node("lodash", "4.17.21")),
    "lock": json.dumps({"packages": {"node_modules/lodash": {"version": "4.17.11"}}}),
    "empty": "",
    "fake": "Package: bash\nStatus: install ok installed\nVersion: 99\n",
}  # fmt: skip
STATUS = "/var/lib/dpkg/status"
LIST = "/var/lib/dpkg/info/ncurses-bin.list"
MINI = f"FROM {BUSYBOX}\nCOPY mini /\n"
"""Debian in a few files."""
CUT = f"RUN sed -i '/^Package: libtinfo6$/,/^$/d' {STATUS}\n"
GOBO = "RUN rm /etc/debian_version && sed -i s/debian/gobo/g /etc/os-release\n"
FLASK = f"FROM {STATIC}\nCOPY old {SITE}\n"
SHELL = f"FROM {BUSYBOX}\nCOPY old {SITE}\n"
UNLISTED = f"FROM {BUSYBOX} AS b\nCOPY old /x\nRUN rm -r /x/*.dist-info\nFROM {STATIC}\n"
CODE = f"RUN rm -rf {SITE}/Flask-2.2.2.dist-info\n"


class Case(NamedTuple):
    name: str
    dockerfile: str
    fraction: float
    says: str = ""
    max: Mapping[str, int] = STRICT
    params: Mapping[str, Any] = {}


def case(name: str, dockerfile: str, fraction: float, says: str = "", **more: Any) -> Case:
    limits = more.pop("max", STRICT)
    return Case(name, dockerfile, fraction, says, limits, more)


HIDDEN = "The scanner cannot see everything"
CASES = [
    # what is found
    case("clean", f"FROM {STATIC}\nCOPY own /app\n", 1, "finds 0 critical, 0 high: within"),
    case(
        "a flaw of the app",
        FLASK,
        0.5,
        "finds 1 high, more than is allowed. There is a fixed version for 1 of these 1.",
    ),
    case("one is allowed", FLASK, 1, max={"high": 1}),
    case("another severity is limited", FLASK, 1, max={"critical": 0, "medium": 0}),
    case("the gravest is over", FLASK.replace("old", "yaml"), 0, "finds 1 critical", max={"critical": 0, "low": 0}),
    case("brought up to date", FLASK.replace("old", "new"), 1),
    case("brought up to date in a later layer", f"{SHELL}RUN rm -rf {SITE}/*\nCOPY new {SITE}\n", 1),
    case("installed again over it", f"{SHELL}{CODE}COPY new {SITE}\n", 1),
    case("taken out in a later layer, with its code", f"{SHELL}RUN rm -rf {SITE}\n", 1),
    case("owner changed afterwards", f"{SHELL}RUN chown -R 7 {SITE} && chmod -R a+r {SITE}\n", 0.5, "1 high"),
    case("moved afterwards", f"{SHELL}RUN mv {SITE} /app\n", 0.5, "1 high"),
    case("built elsewhere", f"FROM {BUSYBOX} AS b\nCOPY old /x\nFROM {STATIC}\nCOPY --from=b /x {SITE}\n", 0.5),
    case(
        "only the builder has it",
        f"FROM {BUSYBOX} AS b\nCOPY old /x\nFROM {STATIC}\nCOPY --from=b /x/flask/app.py /app.py\n",
        1,
    ),
    case("npm", f"FROM {STATIC}\nCOPY lodash /app/node_modules/\n", 0, "1 critical, 1 high"),
    case("npm, brought up to date", f"FROM {STATIC}\nCOPY lodash-new /app/node_modules/\n", 1),
    # the system's own
    case("of the system, no version fixes it", f"FROM {DEBIAN}\n", 0.5, "finds 3 high, more than is allowed."),
    case("of the system, and unfixed ones do not count", f"FROM {DEBIAN}\n", 1, ignore_unfixed=True),
    case("of the app, which is fixed", f"FROM {DEBIAN}\nCOPY old {SITE}\n", 0.5, "1 high", ignore_unfixed=True),
    case("of the system, as it was known then", f"FROM {DEBIAN}\n", 1, snapshot="then"),
    case(
        "a package taken out by dpkg",
        f"FROM {DEBIAN}\nRUN dpkg --purge --force-all ncurses-base ncurses-bin\n",
        0.5,
        "finds 1 high",
    ),
    # no list at all
    case("a program alone", f"FROM {BUSYBOX} AS b\nFROM scratch\nCOPY --from=b /bin/busybox /app\n", 1),
    case(
        "a program alone, and a list is required",
        f"FROM {BUSYBOX} AS b\nFROM scratch\nCOPY --from=b /bin/busybox /app\n",
        0,
        "no list of packages",
        require_sbom=True,
    ),
    case(
        "a program in distroless",
        f"FROM {BUSYBOX} AS b\nFROM {STATIC}\nCOPY --from=b /bin/busybox /app\n",
        1,
        require_sbom=True,
    ),
    # cheats: Debian's lists
    case(
        "another source package in dpkg's list",
        f"{MINI}RUN sed -i 's/^Source: .*/Source: none/' {STATUS}\n",
        0,
        HIDDEN,
    ),
    case(
        "another maintainer in dpkg's list",
        f"{MINI}RUN sed -i 's/^Maintainer: .*/Maintainer: Docker <support@docker.com>/' {STATUS}\n",
        0,
        HIDDEN,
    ),
    case(
        "a second version, in small letters, that only the scanner heeds",
        f"{SHELL}RUN cd {SITE}/Flask-2.2.2.dist-info && sed -i '1i version: 99' METADATA && rm RECORD\n",
        0,
        HIDDEN,
    ),
    case(
        "the old folder gone behind a link, which the scanner overlooks",
        f"{SHELL}COPY new /new\nRUN rm -r {SITE} && ln -s /new {SITE}\n",
        1,
    ),
    case("dpkg's list deleted, and all else left", f"FROM {DEBIAN}\nRUN rm /var/lib/dpkg/status\n", 0, HIDDEN),
    case("dpkg's own list, small", MINI, 0.5, "finds 2 high"),
    case("dpkg's folder deleted", f"{MINI}RUN rm -rf /var/lib/dpkg\n", 0, HIDDEN),
    case("dpkg's list emptied", f"{MINI}RUN : > /var/lib/dpkg/status\n", 0, HIDDEN),
    case("dpkg's list replaced", f"{MINI}COPY fake /var/lib/dpkg/status\n", 0, HIDDEN),
    case("a package cut out of dpkg's list", MINI + CUT, 0, "no list names libtinfo6 6.5"),
    case(
        "a version raised in dpkg's list",
        f"{MINI}RUN sed -i 's/^Version: 6.5/Version: 99/' {STATUS}\n",
        0,
        " and 1 more, though their files",
    ),
    case("said to be removed", f"{MINI}RUN sed -i 's/ ok installed/ ok config-files/' {STATUS}\n", 0, HIDDEN),
    case("deleted in a builder", squashed(f"{MINI}RUN rm -rf /var/lib/dpkg\n"), 0, HIDDEN),
    case("cut out in a builder", squashed(MINI + CUT), 0, "no list names libtinfo6"),
    case(
        "taken out with its files", f"{MINI}{CUT}RUN rm /usr/lib/x86_64-linux-gnu/libtinfo.so.6\n", 0.5, "finds 1 high"
    ),
    case("another release", f"{MINI}RUN echo 12.0 > /etc/debian_version\n", 0, "no list names the system"),
    case("another system", f"{MINI}{GOBO}", 0.5, "finds 2 high"),  # the scanner keeps what the lower layer said
    case("another system, in a builder", squashed(MINI + GOBO), 0, HIDDEN),
    case("said to be Debian's own", f"{MINI}COPY old {SITE}\nRUN find {SITE} >> {LIST}\n", 0.5, "finds 3 high"),
    case(
        "said to be Debian's own, in a builder",
        squashed(f"{MINI}COPY old {SITE}\nRUN find {SITE} >> {LIST}\n"),
        0.5,
        "3 high",
    ),
    # cheats: Python's
    case("dist-info deleted", SHELL + CODE, 0, "no list names flask 2.2.2"),
    case("dist-info deleted, owner changed", f"{SHELL}RUN rm -r {SITE}/*.dist-info && chown -R 7 {SITE}\n", 0, HIDDEN),
    case(
        "dist-info deleted in the same layer",
        f"FROM {BUSYBOX} AS b\nCOPY old /x\nRUN rm -r /x/*.dist-info\nFROM {STATIC}\nCOPY --from=b /x {SITE}\n",
        0,
        "no list names flask",
    ),
    case("METADATA deleted", f"{SHELL}RUN rm {SITE}/*.dist-info/METADATA\n", 0, HIDDEN),
    case("METADATA emptied", f"{SHELL}COPY empty {SITE}/Flask-2.2.2.dist-info/METADATA\n", 0, HIDDEN),
    case(
        "version raised",
        f"{SHELL}RUN sed -i 's/^Version: 2.2.2/Version: 9/' {SITE}/*.dist-info/METADATA\n",
        0,
        "no list names flask 2.2.2",
    ),
    case(
        "version raised in a builder",
        f"FROM {BUSYBOX} AS b\nCOPY old /x\n"
        f"RUN sed -i 's/^Version: 2.2.2/Version: 9/' /x/*.dist-info/METADATA\nFROM {STATIC}\nCOPY --from=b /x {SITE}\n",
        0,
        HIDDEN,
    ),
    case(
        "and its folder with it",
        f"FROM {BUSYBOX} AS b\nCOPY old /x\n"
        "RUN cd /x && sed -i 's/^Version: 2.2.2/Version: 9/' Flask-2.2.2.dist-info/METADATA"
        f" && mv Flask-2.2.2.dist-info Flask-9.dist-info\nFROM {STATIC}\nCOPY --from=b /x {SITE}\n",
        1,
    ),
    case(
        "renamed",
        f"FROM {BUSYBOX} AS b\nCOPY old /x\nRUN sed -i 's/^Name: Flask/Name: Flagon/' /x/*.dist-info/METADATA\n"
        f"FROM {STATIC}\nCOPY --from=b /x {SITE}\n",
        0,
        HIDDEN,
    ),
    # cheats: Node's
    case(
        "package.json deleted",
        f"FROM {BUSYBOX}\nCOPY lodash /n/node_modules/\nRUN rm /n/node_modules/lodash/package.json\n",
        0,
        HIDDEN,
    ),
    case(
        "package.json edited",
        f"FROM {BUSYBOX}\nCOPY lodash /n/node_modules/\n"
        "RUN sed -i s/4.17.11/9.9.9/ /n/node_modules/lodash/package.json\n",
        0,
        "no list names lodash 4.17.11",
    ),
    case(
        "edited in a builder, beside npm's lock",
        f"FROM {BUSYBOX} AS b\nCOPY lodash /n/node_modules/\n"
        "COPY lock /n/node_modules/.package-lock.json\n"
        "RUN sed -i s/4.17.11/9.9.9/ /n/node_modules/lodash/package.json\n"
        f"FROM {STATIC}\nCOPY --from=b /n /n\n",
        0,
        HIDDEN,
    ),
    case(
        "deleted in a builder, npm",
        f"FROM {BUSYBOX} AS b\nCOPY lodash /n/node_modules/\nRUN rm /n/node_modules/lodash/package.json\n"
        f"FROM {STATIC}\nCOPY --from=b /n /n\n",
        0,
        "no list names lodash",
    ),
    case(
        "pruned with its code", f"FROM {BUSYBOX}\nCOPY lodash /n/node_modules/\nRUN rm -r /n/node_modules/lodash\n", 1
    ),
    # cheats: the code of flawed packages, without their lists, wherever it is
    case("without its list, in vendor/", f"{UNLISTED}COPY --from=b /x /app/vendor\n", 0, "no list names flask"),
    case(
        "without its list, in _vendor with an __init__.py",
        f"{UNLISTED}COPY --from=b /x /app/_vendor\nCOPY empty /app/__init__.py\nCOPY empty /app/_vendor/__init__.py\n",
        0,
        "no list names flask",
    ),
    case("without its list, renamed", f"{UNLISTED}COPY --from=b /x/flask /app/f\n", 0, "no list names flask"),
    case(
        "without its list, behind a link",
        f"FROM {BUSYBOX}\nCOPY old/flask /data\nRUN ln -s /data /flask && rm -rf /data/__pycache__\n",
        0,
        "no list names flask",
    ),
    case("claimed by another package's record", f"{UNLISTED}COPY --from=b /x {SITE}/pip/_vendor\nCOPY pip {SITE}\n", 0),
    case(
        "outside of node_modules",
        f"FROM {STATIC}\nCOPY lodash/lodash/lodash.js /app/lib/lodash/lodash.js\n",
        0,
        "no list names lodash",
    ),
    case(
        "outside of node_modules, below the app's own list",
        f"FROM {STATIC}\nCOPY app.json /app/package.json\nCOPY lodash/lodash/lodash.js /app/x/lodash.js\n",
        0,
        "no list names lodash",
    ),
    case(
        "with a list of another name",
        f"FROM {STATIC}\nCOPY app.json /a/node_modules/app/package.json\n"
        "COPY lodash/lodash/lodash.js /a/node_modules/app/lodash.js\n",
        0,
        "no list names lodash",
    ),
    case("outside of node_modules, with its list", f"FROM {STATIC}\nCOPY lodash /app/lib\n", 0, "1 critical, 1 high"),
    # odd but right
    case("modules of one's own with names of packages", f"FROM {STATIC}\nCOPY mine /app\n", 1),
    case(
        "an app that deletes its own package.json",
        f"FROM {BUSYBOX}\nCOPY app.json /app/package.json\nCOPY mine /app\nRUN rm /app/package.json\n",
        1,
    ),
    case("code of one's own in site-packages", f"FROM {STATIC}\nCOPY own {SITE}\n", 1),
    case("a package with others inside it", f"FROM {STATIC}\nCOPY pip {SITE}\n", 1),
    case("a package that grew out of another", f"FROM {STATIC}\nCOPY fork {SITE}\n", 1),
]


def judged(facts: Facts, case: Case) -> Verdict:
    return judge(facts, Params(max=dict(case.max), **case.params))


@pytest.mark.lab
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_cases(case: Case, submit: Callable[..., Path], engine: Engine) -> None:
    with facts_of(submit({**FILES, "Dockerfile": case.dockerfile}), engine) as facts:
        verdict = judged(facts, case)
    assert verdict.fraction == case.fraction, verdict
    assert case.says in verdict.message, verdict


@pytest.mark.lab
def test_the_same_image_twice(submit: Callable[..., Path], engine: Engine) -> None:
    """With a clock of another year: nothing of it is looked at."""
    verdicts = []
    for _ in range(2):
        with facts_of(submit({**FILES, "Dockerfile": f"FROM {DEBIAN}\nCOPY old {SITE}\n"}), engine) as facts:
            verdicts.append(judge(facts, Params(max=STRICT)))
    assert verdicts[0] == verdicts[1]
    assert verdicts[0].details["snapshot"] == "now, 2026-06-30"
    assert verdicts[0].details["found"] == {
        "critical": 0,
        "high": 4,
        "medium": 1,
        "low": verdicts[0].details["found"]["low"],
    }
    assert any(
        "CVE-2023-30861 high: Flask 2.2.2, fixed in 2.2.5, 2.3.2." in (place.text or "") for place in verdicts[0].where
    )
    assert any("no fixed version (affected)" in (place.text or "") for place in verdicts[0].where)


# Exceptions


WHY = "no cookies are used by the service"


def entry(id_: str = "CVE-2023-30861", why: str = WHY, until: str = "2026-09-01", more: str = "") -> str:
    return f"  - id: {id_}\n    statement: {why}\n    expired_at: {until}\n{more}"


EXCEPTIONS = [
    ("right", entry(), 1.0, ""),
    ("the last day it may have", entry(until="2026-12-27"), 1.0, ""),
    ("in quotes", entry(until='"2026-09-01"'), 1.0, ""),
    ("for its place", entry(more=f"    paths: ['{SITE[1:]}/**']\n"), 1.0, ""),
    ("for its package", entry(more="    purls: ['pkg:pypi/flask']\n"), 1.0, ""),
    ("for its place, in many ways", entry(more=f"    paths: ['{'**/' * 100}METADATA']\n"), 1.0, ""),
    ("for a place that only begins so", entry(more="    paths: ['**/Flask-2.2.2.dist-info']\n"), 0.5, "finds 1 high"),
    ("for another place", entry(more="    paths: ['app/*']\n"), 0.5, "finds 1 high"),
    ("for another package", entry(more="    purls: ['pkg:pypi/fla']\n"), 0.5, "finds 1 high"),
    ("a day too long", entry(until="2026-12-28"), 0.5, "more than 180 days"),
    ("for ever", entry(until="9999-12-31"), 0.5, "more than 180 days"),
    ("expired", entry(until="2026-06-30"), 0.5, "it expired on 2026-06-30"),
    ("no date", "  - id: CVE-2023-30861\n    statement: no cookies are used by the service\n", 0.5, "no expired_at"),
    ("no day of a calendar", entry(until="2026-02-31"), None, "cannot be read: day is out of range"),
    ("no reason", entry(why="''"), 0.5, "gives no reason"),
    ("a word for a reason", entry(why="todo"), 0.5, "gives no reason"),
    ("a long word for a reason", entry(why="x" * 50), 0.5, "gives no reason"),
    (
        "not allowed",
        entry("CVE-2025-69720") + entry("CVE-2020-14343"),
        0.5,
        "this exercise allows no exception for it. 1 more is not applied either",
    ),
    ("a list of ids", "  - CVE-2023-30861\n", None, "has no id"),
    ("another list", None, 0.5, "finds 1 high"),
    ("no YAML", "  - id: [\n", None, "is not YAML"),
    ("a program", "  - !!python/object/apply:os.system ['touch /tmp/ran']\n", None, "is not YAML"),
    ("far too nested", "  - " + "[" * 30_000, None, "nests lists deeper than 20"),
    ("a bomb of aliases", "  - &a {id: x}\n  - {<<: [*a, *a]}\n", None, "uses an alias"),
    ("too large", "#" * 70_000, None, "larger than 64 KiB"),
]


@pytest.fixture(scope="module")
def flask(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image with one flaw, saved."""
    folder = tmp_path_factory.mktemp("flask")
    for name, text in {**within("old", OLD), "Dockerfile": FLASK}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with facts_of(folder, engine) as facts, engine.save_image(facts.build.image) as chunks:
        (folder / "saved.tar").write_bytes(b"".join(chunks))
    return folder / "saved.tar"


@pytest.mark.lab
@pytest.mark.parametrize(
    ("text", "fraction", "says"), [case[1:] for case in EXCEPTIONS], ids=[case[0] for case in EXCEPTIONS]
)
def test_exceptions(
    text: str | None, fraction: float | None, says: str, flask: Path, submit: Callable[..., Path]
) -> None:
    listed = "misconfigurations:\n  - id: AVD-1\n" if text is None else f"vulnerabilities:\n{text}"
    folder = submit({"Dockerfile": "FROM scratch\n", ".trivyignore.yaml": listed})
    params = Params(max=STRICT, exceptions=".trivyignore.yaml", allowed=("CVE-2023-30861",))
    with facts_of(folder) as built, Facts(built.submission, archive=flask) as facts:
        if fraction is None:
            with pytest.raises(SubmissionFault, match=says):
                judge(facts, params)
            return
        verdict = judge(facts, params)
    assert verdict.fraction == fraction, verdict
    assert says in verdict.message, verdict
    assert verdict.details.get("excepted", 0) == (fraction == 1.0)


@pytest.mark.lab
def test_an_archive_alone(flask: Path) -> None:
    with Facts(None, archive=flask) as facts:
        assert judge(facts, Params(max=STRICT)).fraction == 0.5
        assert judge(facts, Params(max=STRICT, snapshot="then", require_sbom=True)).status is Status.PARTIAL
        with pytest.raises(NotObservable):
            judge(facts, Params(max=STRICT, exceptions=".trivyignore.yaml"))


@pytest.mark.lab
def test_no_file_of_exceptions_is_no_exception(flask: Path, submit: Callable[..., Path]) -> None:
    with facts_of(submit(Dockerfile="FROM scratch\n")) as built, Facts(built.submission, archive=flask) as facts:
        assert judge(facts, Params(max=STRICT, exceptions=".trivyignore.yaml")).fraction == 0.5


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"max": {}},
        {"max": {"grave": 0}},
        {"max": {"high": -1}},
        {"max": {"high": 0.5}},
        {"max": 3},
        {"max": STRICT, "allowed": ["CVE-1"]},
        {"max": STRICT, "snapshot": "today"},
        {"max": STRICT, "ignore_unfixed": "yes"},
    ],
)
def test_parameters_that_make_no_sense(params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Params(**params)
