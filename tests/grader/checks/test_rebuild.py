"""`rebuild`: what is reused and what runs again, seen in real builds: near misses, cheats, odd but right answers."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import secrets
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pytest
from pydantic import ValidationError

from grader.checks import rebuild
from grader.errors import EngineFailure, SubmissionFault
from grader.facts.build import edits
from grader.facts.build import rebuild as experiment
from grader.facts.build.build_log import BuildLog, Vertex
from grader.facts.build.buildx import buildx
from grader.facts.build.edits import Change
from grader.facts.build.steps import match
from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve
from grader.facts.engine.engine import Engine
from grader.settings import BuildSettings
from grader.verdict import Status, Verdict
from tests.grader.conftest import facts_of
from tests.tables import cases

if TYPE_CHECKING:
    from grader.facts import Facts

# Package managers that put together the files they are given: what counts here is when they run. The grader is not
# to read them as scripts that the Dockerfile wrote.
PIP = base64.b64encode(b'#!/bin/sh\nfor f; do [ ! -f "$f" ] || cat "$f"; done > /installed\n').decode()
TOOLS = f"""RUN set -e; \\
    echo {PIP} | base64 -d > /bin/pip; \\
    chmod +x /bin/pip; \\
    for name in pip3 npm uv python; do ln /bin/pip /bin/$name; \\
    done
"""
FILES = {
    "app.py": "print('hello')\n",
    "requirements.txt": "flask==3.0.0\n",
    "src/a.py": "a = 1\n",
    "src/b.py": "b = 2\n",
}
LIST = "COPY requirements.txt .\n"
INSTALL = "pip install -r requirements.txt"
RIGHT = f"{LIST}RUN {INSTALL}\nCOPY . .\n"
WRONG = f"COPY . .\nRUN {INSTALL}\n"
BOUND = "RUN --mount=type=bind,source=requirements.txt,target=/r.txt pip install -r /r.txt\nCOPY . .\n"
SECOND = f"FROM {{base}}\n{TOOLS}WORKDIR /app\n"
APP = {"edit": ["app.py"], "cached": ["pip install"]}
NAMED = {**APP, "cached": ["pip install | uv sync"], "step": "the package install"}
SAID = "Every edit installs all packages again."
DEPENDENCY = {"edit": ["requirements.txt"], "change": "dependency", "rerun": ["pip install"]}
TOML = "import sys, tomllib; tomllib.load(open(sys.argv[1], 'rb'))"
NOTE = {"edit": ["notes/today.md"], "change": "add"}
TAKEN = f"{SECOND}COPY --from=first /src ./\nRUN {INSTALL}\n"
EARLY = "RUN pip install flask==3.0.0\n"
WHEELS = "pip wheel -w /w -r requirements.txt && mkdir /w && echo a > /w/a.whl"
SUM = hashlib.sha256(FILES["app.py"].encode()).hexdigest()
SLOW = "RUN --mount=type=cache,target=/c [ -f /c/x ] || { sleep 2; touch /c/x; }\n"


def runs(command: str) -> str:
    """The right order, its dependencies installed by another command."""
    return RIGHT.replace(f"RUN {INSTALL}", f"RUN {command}")


class Case(NamedTuple):
    """A Dockerfile after `FROM base AS first`, tools and `WORKDIR /app` (so it begins at line 8); parameters; the share
    of the points; words of the message."""

    name: str
    body: str
    params: Mapping[str, Any]
    share: float
    says: str = ""
    files: Mapping[str, str] = {}


CASES = [
    Case("dependencies first", RIGHT, APP, 1, "1 step ran again and 4 were reused"),
    Case("source first", WRONG, APP, 0, "ran again, because line 8, which it builds on, changed"),
    Case("the control", RIGHT, DEPENDENCY, 1),
    Case("the control, source first", WRONG, DEPENDENCY, 1),
    # Near misses
    Case("a file of the source too early", f"COPY requirements.txt app.py ./\nRUN {INSTALL}\nCOPY . .\n", APP, 0),
    Case("source in a lower layer", "COPY app.py /tmp/\n" + RIGHT, APP, 0, "line 8"),
    Case("the source mounted", "RUN --mount=target=/src pip install -r /src/requirements.txt\n", APP, 0),
    Case("one of two tools", RIGHT + "RUN npm ci\n", {**APP, "cached": ["pip install", "npm ci"]}, 0.5, "'npm ci' ran"),
    Case("one of two installs", RIGHT + "RUN pip install more\n", APP, 0, "ran again"),
    Case(
        "another tool",
        RIGHT,
        {**APP, "cached": ["npm ci"]},
        0,
        "a step such as 'npm ci' was not found in the build: its steps are",
    ),
    Case("a file that is not there", RIGHT, {**APP, "edit": ["main.py"]}, 0, "has no file main.py"),
    Case(
        "held back",
        RIGHT,
        APP,
        0,
        "keeps app.py out of the build, so the edit proves nothing",
        {".dockerignore": "app.py\n"},
    ),
    Case("in a script", "COPY . .\nRUN sh install.sh\n", APP, 0, "'pip install' ran again", {"install.sh": INSTALL}),
    Case("a root in other words", "WORKDIR //\n" + WRONG, APP, 0, "because line 9, which it builds on, changed"),
    Case(
        "a copy of another file",
        RIGHT,
        {**APP, "cached": ["COPY src"]},
        0,
        "a step such as 'COPY src' was not found in the build",
    ),
    Case(
        "a copy from the stage that changed",
        "COPY . .\n" + SECOND + "COPY --from=first /app /app\nRUN pip install x\n",
        APP,
        0,
        "because line 8, which it builds on, changed",
    ),
    # In the exercise's own words
    Case("a step with a name", WRONG, NAMED, 0, "After editing app.py: the package install ran again, because line 8"),
    Case(
        "many patterns without one", WRONG, {**APP, "cached": ["pip install | uv sync"]}, 0, "'pip install' ran again"
    ),
    Case(
        "a sentence for it", WRONG, {**NAMED, "failure": SAID}, 0, f"{SAID} After editing app.py: the package install"
    ),
    Case(
        "a named step that is not there",
        "COPY . .\n",
        {**NAMED, "failure": SAID},
        0,
        "After editing app.py: the package install was not found in the build: its steps are",
    ),
    # Cheats
    Case("never invalidated", "RUN pip install flask==3.0.0\nCOPY . .\n", DEPENDENCY, 0, "did not run again"),
    Case(
        "cached at the price of the control",
        "RUN pip install flask\nCOPY . .\n",
        {**DEPENDENCY, "edit": ["requirements.txt"], "cached": ["WORKDIR"]},
        0,
        "did not run again",
    ),
    Case(
        "no source at all",
        f"{LIST}RUN {INSTALL}\n",
        APP,
        0,
        "No step of the build uses app.py, so the edit proves nothing",
    ),
    Case("an echo", "RUN echo pip install\n" + WRONG, APP, 0, "ran again"),
    Case("only an echo", "RUN echo pip install\nCOPY . .\n", APP, 0, "was not found in the build"),
    Case("a comment", "RUN true # pip install\nCOPY . .\n", APP, 0, "was not found in the build"),
    Case(
        "a comment in a continuation",
        "RUN true \\\n# pip install\n && true\nCOPY . .\n",
        APP,
        0,
        "was not found in the build",
    ),
    Case(
        "a stage nobody needs",
        "FROM {base} AS unused\nRUN pip install x\nFROM first\nCOPY . .\n",
        APP,
        0,
        "was not found in the build",
    ),
    Case("a stage that ships nothing", "RUN pip install x\nFROM first\n" + WRONG, APP, 0, "ran again"),
    Case(
        "data in a heredoc",
        "RUN <<END cat > /notes\npip install\nEND\nCOPY . .\n",
        APP,
        0,
        "was not found in the build",
    ),
    Case("a decoy beside the real one", "RUN pip install nothing\n" + WRONG, APP, 0, "ran again"),
    Case(
        "a decoy beside a script",
        f"{LIST}RUN {INSTALL}\nCOPY . .\nRUN chmod +x more && ./more\n",
        APP,
        0,
        "ran again",
        {"more": INSTALL},
    ),
    Case("a decoy that is a rehearsal", f"{LIST}RUN {INSTALL} --dry-run\n{WRONG}", APP, 0, "ran again"),
    Case("only a rehearsal", f"{LIST}RUN {INSTALL} --dry-run\nCOPY . .\n", APP, 0, "was not found in the build"),
    Case(
        "kept in a cache mount",
        "COPY . .\nRUN --mount=type=cache,target=/c,id=layerwise-test-kept [ -f /c/x ] && "
        f"cp /c/x /installed || {{ {INSTALL} && cp /installed /c/x; }}\n",
        APP,
        0,
        "ran again",
    ),
    Case("text like BuildKit's own", "RUN echo '[first 5/6] RUN pip install'\n" + WRONG, APP, 0, "ran again"),
    Case(
        "the control, past a stage that drops what changed",
        f"FROM {{base}} AS names\n{LIST}RUN grep -o '^[a-z]*' requirements.txt > /r.txt\n{SECOND}"
        f"COPY --from=names /r.txt requirements.txt\nRUN {INSTALL}\nCOPY . .\n",
        DEPENDENCY,
        0,
        "did not run again",
    ),
    Case("a variable that busts nothing", "ARG CACHEBUST=1\n" + WRONG, APP, 0, "ran again"),
    Case("an environment variable", "ENV pip install\nCOPY . .\n", APP, 0, "was not found in the build"),
    Case(
        "the manifest alone from a stage",
        f"COPY . .\n{SECOND}COPY --from=first /app/app.py /app/requirements.txt ./\nRUN {INSTALL}\n",
        APP,
        0,
    ),
    Case(
        "the grader's mark cut out before",
        f"COPY . /src\nRUN sed -i '/edited [0-9a-f]\\{{24\\}}/d' /src/*.py\n{TAKEN}",
        APP,
        0,
        "'pip install' ran again",
    ),
    Case(
        "the old file put back before",
        f"COPY . /src\nRUN echo \"print('hello')\" > /src/app.py\n{TAKEN}",
        APP,
        0,
        "gets app.py as it was before the edit",
    ),
    Case(
        "put back, and written in another way",
        f"COPY . /src\nRUN echo \"print('hello') \" > /src/app.py\n{TAKEN}",
        APP,
        0,
        "gets app.py as it was before the edit",
    ),
    Case(
        "put back, and mounted",
        f"COPY . /src\nRUN echo \"print('hello')\" > /src/app.py\n{SECOND}"
        "RUN --mount=from=first,source=/src,target=/s pip install -r /s/requirements.txt\nCOPY requirements.txt .\n",
        APP,
        0,
        "gets app.py as it was before the edit",
    ),
    Case(
        "put back, behind a file that came through",
        f"COPY . /src\nRUN echo \"print('hello')\" > /src/app.py\n{TAKEN}COPY src /more\n",
        {**APP, "edit": ["app.py", "src/*"]},
        0,
        "ran again",
    ),
    Case(
        "names early, the list read by nobody", EARLY + LIST + "RUN pip install -U pip\n", DEPENDENCY, 0, "line 8 takes"
    ),
    Case(
        "names early, the list only printed",
        EARLY + LIST + "RUN cat requirements.txt && pip install -U pip\n",
        DEPENDENCY,
        0,
        "takes nothing from requirements.txt",
    ),
    Case(
        "names early, then another list",
        EARLY + "COPY . .\nRUN pip install -r more.txt\n",
        DEPENDENCY,
        0,
        "takes nothing",
        {"more.txt": "six\n"},
    ),
    Case(
        "names early, the list for show",
        EARLY + LIST + f"RUN {INSTALL} --dry-run; pip install x\n",
        DEPENDENCY,
        0,
        "takes",
    ),
    Case(
        "names early, the list as a limit",
        EARLY + LIST + "RUN pip install -c requirements.txt uv\n",
        DEPENDENCY,
        0,
        "takes",
    ),
    Case("names after the list", f"{LIST}{EARLY}COPY . .\n", DEPENDENCY, 0, "line 9 names the packages itself"),
    Case(
        "names, and the list printed",
        LIST + "RUN cat requirements.txt && pip install flask==3.0.0\n",
        DEPENDENCY,
        0,
        "names the packages itself",
    ),
    Case(
        "wheels of the list for show",
        f"{LIST}RUN {WHEELS}\n{SECOND}COPY --from=first /w /w\n{EARLY}",
        DEPENDENCY,
        0,
        "did not run again",
    ),
    Case(
        "a program that verifies its sources",
        f"COPY . .\nRUN echo '{SUM}  app.py' | sha256sum -c\n",
        {**APP, "cached": ["WORKDIR"]},
        0,
        "verifies its sources (sha256sum -c)",
    ),
    # Odd but right
    Case(
        "uv brought by pip",
        f"RUN pip install uv==0.9.5\n{LIST}RUN uv pip install -r requirements.txt\nCOPY . .\n",
        {**DEPENDENCY, "rerun": ["pip install | uv pip install"]},
        1,
    ),
    Case(
        "wheels of the list, the same as before",
        f"{LIST}RUN {WHEELS}\n{SECOND}RUN --mount=from=first,source=/w,target=/w pip install /w/a.whl\nCOPY . .\n",
        DEPENDENCY,
        1,
    ),
    Case(
        "wheels by name, from a folder that the list filled",
        f"{LIST}RUN {WHEELS}\n{SECOND}COPY --from=first /w /w\nRUN pip install --no-index -f /w flask\n",
        DEPENDENCY,
        1,
    ),
    Case(
        "a list that a shell splits into words",
        LIST + "RUN ! grep -q ';' requirements.txt && pip install $(cat requirements.txt)\n",
        DEPENDENCY,
        1,
    ),
    Case("names, and the list as a limit", LIST + "RUN pip install -c requirements.txt flask\n", DEPENDENCY, 1),
    Case("pip itself first", "RUN pip install -U pip\n" + RIGHT, DEPENDENCY, 1),
    Case(
        "another list first",
        "COPY more.txt .\nRUN pip install -r more.txt\n" + RIGHT,
        DEPENDENCY,
        1,
        "",
        {"more.txt": "six"},
    ),
    Case(
        "the list by another",
        EARLY + "COPY . .\nRUN pip install -r all.txt\n",
        DEPENDENCY,
        1,
        "",
        {"all.txt": "-r requirements.txt\n"},
    ),
    Case(
        "a list that the build makes",
        EARLY + LIST + "RUN cp requirements.txt /r.txt && pip install -r /r.txt\n",
        DEPENDENCY,
        1,
    ),
    Case(
        "a compiler that makes the same",
        f"COPY . .\nRUN wc -l requirements.txt > /program\n{SECOND}COPY --from=first /program /\n{RIGHT}",
        APP,
        1,
    ),
    Case(
        "a stage that drops comments",
        f"COPY . /src\nRUN sed -i '/^#/d' /src/a.toml\n{TAKEN}",
        {**APP, "edit": ["a.toml"]},
        1,
        "",
        {"a.toml": "a = 1\n"},
    ),
    Case(
        "a build that minds any new statement",
        f"{RIGHT}RUN ! grep -v '^#' app.py | grep -vq '^print'\n",
        APP,
        1,
    ),
    Case(
        "ONBUILD in a stage without steps",
        f"ONBUILD COPY requirements.txt .\nONBUILD RUN {INSTALL}\nONBUILD COPY . .\nFROM first\nCMD x\n",
        APP,
        1,
    ),
    Case(
        "ONBUILD in a stage without steps, the control",
        f"ONBUILD COPY requirements.txt .\nONBUILD RUN {INSTALL}\nONBUILD COPY . .\nFROM first\nCMD x\n",
        DEPENDENCY,
        1,
    ),
    Case("python -m pip", runs(f"python -m {INSTALL}"), APP, 1),
    Case("python -Im pip", runs(f"python -Im {INSTALL}"), APP, 1),
    Case("python -mpip", runs(f"python -m{INSTALL}"), APP, 1),
    Case("pip3 by its path", runs(f"/bin/{INSTALL.replace('pip', 'pip3')}"), APP, 1),
    Case("in a shell of its own", runs(f"sh -c '{INSTALL}'"), APP, 1),
    Case("in a heredoc", runs(f"<<END\nset -e\n{INSTALL}\nEND"), APP, 1),
    Case("in exec form", runs('["pip", "install", "-r", "requirements.txt"]'), APP, 1),
    Case("options between the words", runs("pip --quiet install --no-cache-dir -r requirements.txt"), APP, 1),
    Case(
        "in a script of its own",
        "COPY requirements.txt install.sh ./\nRUN sh install.sh\nCOPY . .\n",
        APP,
        1,
        "",
        {"install.sh": INSTALL},
    ),
    Case("one tool or another", runs("uv sync --locked"), {**APP, "cached": ["pip install | uv sync"]}, 1),
    Case("a bind mount", BOUND, APP, 1),
    Case("a bind mount, the control", BOUND, DEPENDENCY, 1),
    Case("a cache mount, the control", RIGHT.replace("RUN pip", "RUN --mount=type=cache,target=/c pip"), DEPENDENCY, 1),
    Case("two stages", RIGHT + "FROM {base}\nCOPY --from=first /installed /installed\nCOPY app.py /\n", APP, 1),
    Case("twin steps of two stages", RIGHT + SECOND + RIGHT + "COPY --from=first /installed /\n", APP, 1),
    Case(
        "a copy whose content stays",
        f"COPY . .\n{SECOND}COPY --from=first /app/requirements.txt .\nRUN {INSTALL}\n",
        {**APP, "cached": ["COPY --from=first", "pip install"]},
        1,
    ),
    Case(
        "what an ONBUILD does",
        f"ONBUILD COPY requirements.txt .\nONBUILD RUN {INSTALL}\nFROM first\nCOPY . .\n",
        APP,
        1,
    ),
    Case("a copy that links", RIGHT.replace("COPY .", "COPY --link ."), {**APP, "rerun": ["COPY . ."]}, 1),
    Case(
        "an ADD of an address",
        "ADD http://{registry}/v2/ /tmp/\n" + RIGHT,
        {**APP, "cached": ["ADD", "pip install"]},
        1,
    ),
    Case(
        "a variable",
        "ARG LIST=requirements.txt\nCOPY $LIST .\nRUN pip install -r $LIST\nCOPY . .\n",
        {**DEPENDENCY, "rerun": ["COPY requirements.txt", "pip install"]},
        1,
    ),
    Case(
        "another platform's name",
        RIGHT.replace("COPY . .", "COPY . .\nFROM --platform=$BUILDPLATFORM first\nCOPY app.py /"),
        APP,
        1,
    ),
    Case(
        "the source by a glob",
        f"{LIST}RUN {INSTALL}\nCOPY src src\n",
        {**APP, "edit": ["src/*.py"]},
        1,
        "editing src/a.py, src/b.py",
    ),
    Case(
        "a folder that takes no part",
        f"{LIST}RUN {INSTALL}\nCOPY src src\n",
        APP,
        0,
        "No step of the build uses app.py",
    ),
    # Touch and add
    Case("touched", WRONG, {**APP, "change": "touch", "cached": ["COPY .", "pip install"]}, 1, "After touching app.py"),
    Case(
        "touched, held back",
        WRONG,
        {**APP, "change": "touch"},
        0,
        "keeps app.py out of the build",
        {".dockerignore": "app.py\n"},
    ),
    Case(
        "touched, and taken by no step",
        f"{LIST}RUN {INSTALL}\n",
        {**APP, "change": "touch"},
        0,
        "No step of the build uses app.py",
    ),
    Case("added", RIGHT, {**NOTE, "cached": ["pip install"], "rerun": ["COPY . ."]}, 1, "After adding notes/today.md"),
    Case(
        "added, held back",
        RIGHT,
        {**NOTE, "rerun": ["COPY . ."]},
        0,
        "keeps notes/today.md out of the build",
        {".dockerignore": "notes\n"},
    ),
    Case("added where one is", RIGHT, {"edit": ["app.py"], "change": "add", "rerun": ["COPY . ."]}, 1, "adding app-"),
    # An edit must not break the build
    Case(
        "JSON stays JSON",
        RIGHT + "RUN grep -q x-edited a.json || grep -q name a.json\n",
        {**APP, "edit": ["a.json"]},
        1,
        "",
        {"a.json": '{"name": 1}'},
    ),
    Case(
        "a build that minds",
        RIGHT + "RUN test $(wc -c < app.py) -lt 20\n",
        APP,
        0,
        "but no longer after an edit of app.py",
    ),
    # Speed
    Case("much less work", "RUN sleep 2\n" + RIGHT, {**APP, "speedup": 2}, 1),
    Case("as much work as before", WRONG + "RUN sleep 1\n", {**APP, "speedup": 3}, 0, "not 3 times faster"),
    Case("a cache mount that pays", "COPY app.py .\n" + SLOW, {"edit": ["app.py"], "speedup": 2}, 1),
    Case(
        "a step with a cache mount, out of reach", SLOW + "COPY app.py .\n", {**APP, "cached": ["RUN"], "speedup": 2}, 1
    ),
    Case(
        "a cache mount, and the edit is not looked at",
        "COPY src src\n" + SLOW + "COPY requirements.txt .\n",
        {"edit": ["app.py"], "rerun": ["RUN"], "speedup": 2},
        0,
        "No step of the build uses app.py",
    ),
    Case(
        "a cache mount for nothing",
        "COPY app.py .\n" + SLOW.replace("/c/x", "/x"),
        {"edit": ["app.py"], "speedup": 2},
        0,
        "not 2 times",
    ),
]


def judged(folder: Path, case: Case, engine: Engine, base: str) -> Verdict:
    body = case.body.replace("{base}", base).replace("{registry}", base.partition("/")[0])
    text = f"FROM {base} AS first\n{TOOLS}WORKDIR /app\n{body}"
    for name, content in {**FILES, **case.files, "Dockerfile": text}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    with facts_of(folder, engine) as facts:
        try:
            return rebuild.judge(facts, rebuild.Params.model_validate(dict(case.params)))
        except SubmissionFault as fault:
            return Verdict.failed(str(fault))


LONG = (
    *("an echo", "only an echo", "a comment", "a comment in a continuation", "only a rehearsal"),
    *("an environment variable", "a copy of another file", "another tool", "text like BuildKit's own"),
    *("many patterns without one", "a named step that is not there", "one of two installs"),
    *("names early, then another list", "names early, the list as a limit", "names early, the list for show"),
)
"""Cases whose rule has fast tests in tests/grader/facts/build/test_step_patterns.py, or another case here."""


@pytest.mark.engine
@pytest.mark.parametrize("case", cases(CASES, LONG))
def test_cases(case: Case, tmp_path: Path, engine: Engine, base: str, nothing_left: None) -> None:
    verdict = judged(tmp_path, case, engine, base)
    assert (verdict.fraction, verdict.message) == (case.share, verdict.message)
    assert case.says in verdict.message


@pytest.mark.engine
@pytest.mark.parametrize("body", [RIGHT, RIGHT.replace("COPY . .", "COPY app.py .")])
def test_a_file_that_is_a_link(body: str, tmp_path: Path, engine: Engine, base: str) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "app.py").symlink_to("src/a.py")
    for params in (APP, DEPENDENCY):
        verdict = judged(tmp_path, Case("", body, params, 1), engine, base)
        assert (verdict.fraction, verdict.message) == (1, verdict.message)


@pytest.mark.engine
def test_a_build_beside_this_one_is_not_taken_for_it(tmp_path: Path, engine: Engine, base: str) -> None:
    """While another build goes on, BuildKit tells of the steps that one has run as if they ran in every other build."""
    step = f"RUN echo {secrets.token_hex(8)} && pip install early\n"
    other = {"Dockerfile": f"FROM {base} AS first\n{TOOLS}WORKDIR /app\n{step}RUN sleep 60\n"}
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "Dockerfile").write_text(other["Dockerfile"])
    argv = [*buildx(), "build", "--builder=default", "--progress=plain", "--output=type=cacheonly", "other"]
    beside = subprocess.Popen(
        argv, cwd=tmp_path, env={**os.environ, "DOCKER_HOST": engine.host}, stderr=subprocess.PIPE, text=True
    )
    try:
        assert beside.stderr
        assert any("RUN sleep 60" in line for line in beside.stderr)  # the step before it has run
        verdict = judged(tmp_path / "own", Case("", step + "COPY . .\n", APP, 1), engine, base)
        assert beside.poll() is None
    finally:
        beside.kill()
        beside.communicate()
    assert (verdict.fraction, verdict.message) == (1, verdict.message)


@pytest.mark.engine
def test_a_cold_build_at_the_same_time_makes_nothing_run_again(tmp_path: Path, engine: Engine, base: str) -> None:
    """BuildKit runs a step once for all builds that want it, without the cache if one of them is without it. Docker
    26.1 may even crash then."""
    step = f"RUN echo {secrets.token_hex(8)}; sleep 0.3\n"
    text = f"FROM {base} AS first\n{TOOLS}WORKDIR /app\n{step}"
    for name, more in {"other": "", "own": "RUN pip install early\nCOPY app.py .\n"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "app.py").write_text("print('hello')\n")
        (tmp_path / name / "Dockerfile").write_text(text + more)
    stopped = threading.Event()

    def keep_building() -> None:
        while not stopped.is_set():
            with facts_of(tmp_path / "other", engine) as facts:
                experiment.cold(facts)

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(keep_building)
        try:
            with facts_of(tmp_path / "own", engine) as facts:
                verdict = rebuild.judge(facts, rebuild.Params.model_validate(APP))
        finally:
            stopped.set()
        other.result()
    assert (verdict.fraction, verdict.message) == (1, verdict.message)


ALONE = "RUN pip install early"
"""A step that builds on the base image alone."""
LISTED = "COPY list ./"
"""A step that takes another file of the context than the edited one."""


@pytest.mark.parametrize("first", [ALONE, LISTED])
@pytest.mark.parametrize(
    ("lost", "attempts"), [(0, [1]), (1, [1, 3]), (4, [1, 3, 5, 7, 9])], ids=["at rest", "once", "nearly always"]
)
def test_what_the_edit_cannot_reach_is_built_until_it_is_reused(
    first: str, lost: int, attempts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = play_rebuilds(monkeypatch, lost, first)
    rebuild.judge(FACTS, rebuild.Params.model_validate(APP))
    assert asked == attempts


def test_what_the_edit_cannot_reach_runs_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    play_rebuilds(monkeypatch, 1000, ALONE)
    with pytest.raises(EngineFailure, match="line 2 again, which no edit reaches"):
        rebuild.judge(FACTS, rebuild.Params.model_validate(APP))


FACTS = cast("Facts", SimpleNamespace(submission=SimpleNamespace(settings=BuildSettings())))


def test_what_runs_again_and_again_is_believed_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file may come another way than the Dockerfile shows, such as through a link."""
    asked = play_rebuilds(monkeypatch, 1000, LISTED)
    verdict = rebuild.judge(FACTS, rebuild.Params.model_validate({**APP, "cached": [LISTED]}))
    assert (verdict.fraction, len(asked)) == (0, 10)


def play_rebuilds(monkeypatch: pytest.MonkeyPatch, lost: int, first: str) -> list[int]:
    """Rebuilds in the first `lost` of which a step that the edit does not reach runs again. Returns the attempts, as
    they come."""
    below = "" if first == ALONE else "RUN pip install early\n"
    plan = resolve(parse(f"FROM alpine\n{first}\n{below}COPY app.py .\n"))
    copied = [step for step in plan.reachable[0].steps if step.name == "COPY"][-1]
    asked: list[int] = []

    def played(facts: object, edit: object, change: Change, attempt: int, cold: object) -> experiment.Rebuild:
        asked.append(attempt)
        is_reused = len(asked) > lost
        inputs: tuple[str, ...] = ("from",) if first == ALONE else ("from", "context")
        vertexes = [
            Vertex("from", "[1/4] FROM docker.io/library/alpine:latest", (), 1.0, 1.0),
            Vertex("context", "[internal] load build context", (), 1.0, 1.0),
            Vertex("first", f"[2/4] {first}", inputs, 1.0, 2.0, 1.0, is_reused),
        ]
        if below:
            vertexes.append(Vertex("run", f"[3/4] {below.strip()}", ("first",), 1.0, 2.0, 1.0, is_reused))
        last = vertexes[-1].digest
        vertexes.append(Vertex("copy", "[4/4] COPY app.py .", (last, "context"), 2.0, 3.0, 1.0))
        log = BuildLog(True, 1.0, tuple(vertexes))
        return experiment.Rebuild(change, ("app.py",), (), match(log, plan), log, {}, frozenset({id(copied)}))

    monkeypatch.setattr(experiment, "rebuild", played)
    monkeypatch.setattr(rebuild.time, "sleep", lambda seconds: None)
    return asked


@pytest.mark.engine
def test_evidence_shows_each_step(tmp_path: Path, engine: Engine, base: str) -> None:
    verdict = judged(tmp_path, Case("", WRONG, APP, 0), engine, base)
    assert verdict.status is Status.FAILED
    steps = verdict.details["steps"]
    assert [(step["line"], step["state"]) for step in steps] == [
        (2, "reused"),
        (7, "reused"),
        (8, "ran"),
        (9, "ran"),
    ]
    assert verdict.details["broke_at_line"] == 8
    assert [place.line for place in verdict.where] == [9]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"edit": []},
        {"edit": ["app.py"]},
        {"edit": ["app.py"], "cached": [" "]},
        {"edit": ["../app.py"], "cached": ["RUN"]},
        {"edit": ["/app.py"], "cached": ["RUN"]},
        {"edit": ["[a"], "cached": ["RUN"]},
        {"edit": ["a"], "change": "rename", "cached": ["RUN"]},
        {"edit": ["a"], "change": "touch", "rerun": ["RUN"]},
        {"edit": ["*.py"], "change": "add", "rerun": ["RUN"]},
        {"edit": ["a"], "speedup": 1},
        {"edit": ["a"], "cached": ["ENV A=1"]},
        {"edit": ["a"], "cached": ["pip install |"]},
        {"edit": ["a"], "cached": ["pip", "npm"], "step": "the install"},
        {"edit": ["a"], "cached": ["pip"], "rerun": ["npm"], "step": "the install"},
        {"edit": ["a"], "speedup": 2, "step": "the install"},
        {"edit": ["a"], "cached": ["pip"], "failure": "no sentence"},
    ],
)
def test_parameters_that_make_no_sense(params: Mapping[str, Any]) -> None:
    with pytest.raises(ValidationError):
        rebuild.Params.model_validate(dict(params))


@pytest.mark.parametrize(
    ("name", "content", "check"),
    [
        ("app.py", "def f():\n    return 1", [sys.executable, "-m", "py_compile"]),
        ("run.sh", "if true; then\n  echo hi\nfi", ["sh", "-n"]),
        ("package.json", '{"name": "x"}', [sys.executable, "-m", "json.tool"]),
        ("list.json", "[1, 2]", [sys.executable, "-m", "json.tool"]),
        ("pyproject.toml", "[project]\nname = 'x'", [sys.executable, "-c", TOML]),
    ],
)
def test_an_edited_file_stays_valid_and_is_never_the_same(
    name: str, content: str, check: list[str], tmp_path: Path
) -> None:
    seen = set()
    for _ in range(3):
        path = tmp_path / name
        path.write_text(content)
        before = path.stat()
        edits.apply(tmp_path, name, "content")
        subprocess.run([*check, str(path)], check=True, timeout=30, stdout=subprocess.DEVNULL)
        assert path.stat().st_size != before.st_size
        assert path.stat().st_mtime != before.st_mtime
        seen.add(path.read_bytes())
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("a>1 \\\n  ,<2\nb==1", "b==1 ; "),
        ("a @ https://example.org/a.zip\nb==1", "b==1 ; "),
        ("flask==3.0.0", "flask==3.0.0 ; "),
        ("Flask[async] == 3.0.0  # web", "Flask[async] == 3.0.0 ; "),
        ('a==1; python_version > "3"', 'a==1 ; (python_version > "3") and '),
        ("a==1 \\\n    --hash=sha256:00", "a==1 ; "),
        ("a==1 --hash=sha256:00", "a==1 ; "),
        ("# only a comment\na", "a ; "),
        ("-r other.txt\na~=2.0", "a~=2.0 ; "),
    ],
)
def test_a_requirement_is_changed_where_it_counts(line: str, wanted: str, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(line + "\n")
    edits.apply(tmp_path, "requirements.txt", "dependency")
    edited = (tmp_path / "requirements.txt").read_text()
    assert wanted in edited
    assert re.search(r' != "[a-z]+\d+"', edited)
    assert edited.count("\\\n") == line.count("\\\n")
    assert ("--hash" in line) == ("--hash" in edited)
    assert edited.count("\n") == line.count("\n") + 1


def test_pip_accepts_an_edited_requirement(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("pip>=1\n")
    edits.apply(tmp_path, "requirements.txt", "dependency")
    argv = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "-r", str(tmp_path / "requirements.txt")]
    subprocess.run(argv, check=True, timeout=60, capture_output=True)


def test_an_edited_manifest_keeps_what_it_said(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"dependencies": {"a": "1.0.0"}}')
    edits.apply(tmp_path, "package.json", "dependency")
    assert json.loads((tmp_path / "package.json").read_text())["dependencies"] == {"a": "1.0.0"}


def test_no_edit_goes_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "outside.py").write_text("x")
    (tmp_path / "inside" / "link.py").symlink_to("../outside.py")
    (tmp_path / "inside" / "folder").symlink_to("..")
    with pytest.raises(SubmissionFault):
        edits.apply(tmp_path / "inside", "link.py", "content")
    with pytest.raises(SubmissionFault):
        edits.apply(tmp_path / "inside", "folder/new.py", "add")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inside", "outside.py"]
