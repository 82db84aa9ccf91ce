"""One requirement, and the lines of a file, as pip reads them."""

from __future__ import annotations

import pytest

from grader.facts.pins.model import Tier
from grader.facts.pins.requirements import Source, parse_requirement, read_lines

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SHA = "sha256=" + "a" * 64
INDEX, URL, VCS, LOCAL = Source.INDEX, Source.URL, Source.VCS, Source.LOCAL
NONE, VERSION, DIGEST = Tier.NONE, Tier.VERSION, Tier.DIGEST

# text: name, source, tier, version, marker
REQUIREMENTS: dict[str, tuple[str, Source, Tier, str, str]] = {
    "flask": ("flask", INDEX, NONE, "", ""),
    "Flask_Login==0.6.3": ("flask-login", INDEX, VERSION, "0.6.3", ""),
    "flask[async, dotenv] == 3.0.0": ("flask", INDEX, VERSION, "3.0.0", ""),
    "flask (==3.0.0)": ("flask", INDEX, VERSION, "3.0.0", ""),
    "flask===3.0-custom": ("flask", INDEX, VERSION, "3.0-custom", ""),
    "flask==1!3.0+local.1": ("flask", INDEX, VERSION, "1!3.0+local.1", ""),
    "flask>=2,==3.0.0": ("flask", INDEX, VERSION, "3.0.0", ""),
    "flask==3.*": ("flask", INDEX, NONE, "", ""),
    "flask~=3.0": ("flask", INDEX, NONE, "", ""),
    "flask!=3.0": ("flask", INDEX, NONE, "", ""),
    "flask==3.0.0 --hash=sha256:aa --hash=sha256:bb": ("flask", INDEX, DIGEST, "3.0.0", ""),
    "flask==3.0.0 -C key=value": ("flask", INDEX, VERSION, "3.0.0", ""),
    # Markers
    "flask==3.0.0;": ("flask", INDEX, VERSION, "3.0.0", ""),
    "flask==3.0.0;os.name=='nt'": ("flask", INDEX, VERSION, "3.0.0", 'os_name == "nt"'),
    "flask ; (python_version>'3') --hash=sha256:aa": ("flask", INDEX, NONE, "", 'python_version > "3"'),
    "flask; platform_version != 'a/b'": ("flask", INDEX, NONE, "", 'platform_version != "a/b"'),
    f"https://x.org/a.zip#{SHA} ; os_name=='nt'": ("", URL, DIGEST, "", 'os_name == "nt"'),
    f"https://x.org/a.zip;a=b#{SHA}": ("", URL, DIGEST, "", ""),
    f"flask @ git+https://x.org/f@{COMMIT};os_name=='nt'": ("flask", VCS, DIGEST, "", 'os_name == "nt"'),
    "./sub[dev] ; os_name=='nt'": ("", LOCAL, VERSION, "", 'os_name == "nt"'),
    # What is in no index
    f"git+https://x.org/f@{COMMIT}#egg=Flask": ("flask", VCS, DIGEST, "", ""),
    "git+https://x.org/f@v1": ("", VCS, NONE, "", ""),
    "https://x.org/f.zip": ("", URL, NONE, "", ""),
    f"https://x.org/Flask-3.0.0-py3-none-any.whl#{SHA}": ("flask", URL, DIGEST, "3.0.0", ""),
    "flask@https://x.org/f.zip": ("flask", URL, NONE, "", ""),
    "flask @ file:///src/f": ("flask", LOCAL, VERSION, "", ""),
    "dist/flask-3.0.0-py3-none-any.whl": ("flask", LOCAL, VERSION, "3.0.0", ""),
    "flask-3.0.0.tar.gz": ("", LOCAL, VERSION, "", ""),
    ".": ("", LOCAL, VERSION, "", ""),
    # What pip refuses
    "flask=3.0.0": ("", INDEX, NONE, "", ""),
    "flask 3.0.0": ("", INDEX, NONE, "", ""),
    "flask==3.0.0 ; windows": ("", INDEX, NONE, "", ""),
    "": ("", INDEX, NONE, "", ""),
}


@pytest.mark.parametrize("text", REQUIREMENTS)
def test_what_a_requirement_asks_for(text: str) -> None:
    read = parse_requirement(text)
    assert (read.name, read.source, read.tier, read.version, read.marker) == REQUIREMENTS[text]
    assert bool(read.why) == (read.tier is Tier.NONE)


def test_extras_are_named_as_the_index_names_them() -> None:
    assert parse_requirement("flask[Dot_Env,async]==3").extras == ("async", "dot-env")
    assert parse_requirement("./sub[Dot_Env]").extras == ("dot-env",)


@pytest.mark.parametrize(
    ("specifier", "version", "expected"),
    [
        ("", "3.0.0", True),
        (">=3", "3.0.0", True),
        (">=3", "2.9", False),
        (">=3,<4", "3.1rc1", True),
        ("==3.*", "3.0", True),
        (">=3", "", True),
        (">=3", "2004d", False),
    ],
)
def test_whether_a_version_will_do(specifier: str, version: str, expected: bool) -> None:
    pin = parse_requirement(f"flask==={version}" if version else f"git+https://x.org/f@{COMMIT}#egg=flask")
    assert parse_requirement(f"flask{specifier}").is_met_by(pin) == expected


@pytest.mark.parametrize(
    "text", ["flask ; " + "(" * 100_000, "flask==" + "9" * 5_000, "flask>=" + "9" * 5_000, "[" * 100_000, "a@" * 50_000]
)
def test_what_no_honest_hand_wrote_is_read_to_its_end(text: str) -> None:
    read = parse_requirement(text)
    assert isinstance(read.is_met_by(parse_requirement("flask==3")), bool)


def test_the_lines_of_a_file() -> None:
    text = (
        "# web\n"
        "flask==3.0.0 ; python_version >= '3.9' \\\n"
        "    --hash=sha256:aa\\\n"
        "# via app \\\n"
        "jinja2==3.1.0 # templates\n"
        "--requirement more.txt\n"
        "-c c.txt\n"
        "--extra-index-url=https://x.org/simple\n"
        "${WHAT}\n"
        "a==${V}\n"
        "b==1 ; sys_platform == '${SYS}'\n"
    )
    lines = list(read_lines(text))
    assert [(line.number, line.option, line.value) for line in lines if line.option] == [
        (6, "-r", "more.txt"),
        (7, "-c", "c.txt"),
        (8, "--extra-index-url", "https://x.org/simple"),
    ]
    asked = {line.number: line.requirement for line in lines if line.requirement}
    assert {number: (one.name, one.tier, one.why) for number, one in asked.items()} == {
        2: ("flask", DIGEST, ""),
        5: ("jinja2", VERSION, ""),
        9: ("", NONE, "it depends on a variable"),
        10: ("", NONE, "it depends on a variable"),
        11: ("b", NONE, "it depends on a variable"),
    }
