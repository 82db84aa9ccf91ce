"""What an install is: its ecosystem, options, place and stage; and programs that install under another name."""

import pytest

from grader.facts.packages.installs import installs, steps_of
from tests.grader.facts.packages.reading import build, of_script, shown

ECOSYSTEMS = [
    *(("uv sync", "pip"), ("poetry install", "pip"), ("conda install a", "conda"), ("npx a", "npm"), ("yarn", "npm")),
    *(("apt install a", "apt"), ("apk add a", "apk"), ("yum install a", "dnf"), ("bundle", "gem"), ("go get a", "go")),
]


@pytest.mark.parametrize(("script", "ecosystem"), ECOSYSTEMS)
def test_ecosystems(script, ecosystem):
    assert [install.ecosystem for install in installs(build(f"RUN {script}"))] == [ecosystem]


def test_options():
    (install,) = installs(build("RUN pip install -qU --require-hashes --no-cache-dir=false -r a -r b --index-url=c d"))
    assert install.has("--require-hashes")
    assert install.has("--upgrade", "--nope")
    assert not install.has("--no-cache-dir")
    assert install.option("--index-url") == "c"
    assert install.options["--requirement"] == ("a", "b")
    assert install.option("--nope") == ""


def test_where_and_when():
    first = "RUN true \\\n && cd sub \\\n && pip install a \\\n && npm --prefix x ci\n"
    found = installs(build(f"{first}USER bob\nRUN <<E\n\ngem install b\nE"))
    assert [(i.manager, i.line, i.workdir, i.workdir_known, i.stage) for i in found] == [
        ("pip", 7, "/app/sub", True, "0"),
        ("npm", 8, "/app/sub/x", True, "0"),
        ("gem", 12, "/app", True, "0"),
    ]
    assert found[2].step.before.user == "bob"
    (install,) = installs(build("RUN pip install a", head="FROM debian\n"))
    assert (install.workdir, install.workdir_known) == ("/", False)


def test_of_a_step_a_stage_a_build():
    made = build(
        "RUN pip install a\nFROM debian\nRUN pip install b\nFROM debian AS c\nCOPY --from=0 / /\nRUN pip install d"
    )
    assert [shown(i) for i in installs(made)] == ["pip install: a", "pip install: d"]
    assert [shown(i) for i in installs(made.stages[1])] == ["pip install: b"]
    assert [shown(i) for i in installs(made.target.steps[-1])] == ["pip install: d"]
    assert installs(made)[1].stage == "c"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("python3 -c 'x' -m pip install a", []),
        ("python -Wm pip install a", []),
        ("python -X dev -m pip install a", ["pip install: a"]),
        ("pypy3 -m pip install a", ["pip install: a"]),
        ("gem3.1 install a", ["gem install: a"]),
        ("go1.22 install a.b/c@v1", ["go install: a.b/c@v1"]),
        ("pip-compile install a", []),
        ("npm2deb install a", []),
        ("cargo +1.80 install a", ["cargo install: a"]),
        ("pip", []),
        ("apt-get", []),
        ("pip install a && npm i b; gem install c", ["pip install: a", "npm install: b", "gem install: c"]),
    ],
)
def test_under_which_name(script, expected):
    assert of_script(script) == expected


def test_what_a_question_is_about():
    made = build("RUN one\nFROM debian\nRUN two")
    assert [step.instruction.original for step in steps_of(made)] == ["RUN two"]
    assert [step.line for step in steps_of(made.stages[0])] == [2, 3, 4, 5]
    assert list(steps_of(made.target.steps[0])) == [made.target.steps[0]]
