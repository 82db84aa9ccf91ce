"""Downloads: what is fetched, where it goes, and what executes it as it arrives."""

import pytest

from grader.facts.packages.downloads import downloads
from tests.grader.facts.packages.reading import build

SUM = "0123456789abcdef" * 4
COMMIT = "0123456789" * 4
DOWNLOADS = [
    # script, then of the first download: url, output, piped to, verified
    ("curl -fsSL https://x/a.tgz -o /tmp/a.tgz", "https://x/a.tgz", "/tmp/a.tgz", "", False),
    ("curl -fsSLO https://x/a.tgz", "https://x/a.tgz", "a.tgz", "", False),
    ("curl -H 'A: https://no' --retry 3 https://x/a > f", "https://x/a", "f", "", False),
    ("curl --output-dir /t -o f https://x/$V", "https://x/2.0", "/t/f", "", False),
    ("wget https://x/a.tgz", "https://x/a.tgz", "a.tgz", "", False),
    ("wget -P /t -q https://x/a.tgz", "https://x/a.tgz", "/t/a.tgz", "", False),
    ("wget -qO /f https://x/a", "https://x/a", "/f", "", False),
    ("wget -O- https://x/a | tar xz", "https://x/a", "", "tar", False),
    ("curl https://x/a | sh", "https://x/a", "", "sh", False),
    ("curl https://x/a | sudo -E bash -s -- -y", "https://x/a", "", "bash", False),
    ("curl https://x/a | tee f | sh", "https://x/a", "f", "tee", False),
    ('sh -c "$(curl -fsSL https://x/a)"', "https://x/a", "", "sh", False),
    ("bash <(curl -s https://x/a)", "https://x/a", "", "bash", False),
    ('eval "$(wget -qO- https://x/a)"', "https://x/a", "", "eval", False),
    ("curl https://x/a | python3 -", "https://x/a", "", "python3", False),
    (f"curl -o f https://x/a && echo '{SUM}  f' | sha256sum -c - && tar xf f", "https://x/a", "f", "", True),
    (f"curl -o /t/f https://x/a && echo '{SUM} */t/f' | sha256sum --check --status", "https://x/a", "/t/f", "", True),
    (f"curl -o f https://x/a; echo '{SUM}  f' | sha256sum -c -; tar xf f", "https://x/a", "f", "", False),
    (f"set -e; curl -o f https://x/a; echo '{SUM}  f' | sha256sum -c -; tar xf f", "https://x/a", "f", "", True),
    (f"curl -o f https://x/a && echo '{SUM}  f' | sha256sum -c - || true", "https://x/a", "f", "", False),
    (f"curl -o f https://x/a && echo '{SUM}  f' | sha256sum -c - || exit 1", "https://x/a", "f", "", True),
    (f"curl -o f https://x/a && (echo '{SUM}  f' | sha256sum -c) && x", "https://x/a", "f", "", True),
    (f"curl -o f https://x/a && echo '{SUM}  /etc/passwd' | sha256sum -c -", "https://x/a", "f", "", False),
    (f"echo '{SUM}  f' | sha256sum -c - ; curl -o f https://x/a", "https://x/a", "f", "", False),
    (f"curl -o f https://x/a && echo '{SUM}  f' | sha256sum -c - | tee log", "https://x/a", "f", "", False),
    ("curl -o f https://x/a && sha256sum f", "https://x/a", "f", "", False),
    ("curl -o f https://x/a && sha256sum -c SHA256SUMS", "https://x/a", "f", "", True),
    ("curl -o f https://x/a && grep ' f$' SUMS | sha512sum -c -", "https://x/a", "f", "", True),
    ("curl -o f https://x/a && shasum -a 256 -c f.sha256", "https://x/a", "f", "", True),
    ("curl -o f https://x/a && md5sum -c f.md5", "https://x/a", "f", "", False),
    (f'curl -o f https://x/a && [ "$(sha256sum f | cut -c-64)" = {SUM} ]', "https://x/a", "f", "", True),
    (
        "wget https://x/a.tar https://x/a.tar.asc && gpg --batch --verify a.tar.asc a.tar",
        "https://x/a.tar",
        "a.tar",
        "",
        True,
    ),
    ("curl -o f https://x/a && gpg --import f", "https://x/a", "f", "", False),
    ("curl -o f https://x/a && cosign verify-blob --key k f", "https://x/a", "f", "", True),
    ("aria2c -d /t -o f https://x/a", "https://x/a", "/t/f", "", False),
    (f"aria2c --checksum=sha-256={SUM} https://x/a", "https://x/a", "a", "", True),
    ("git clone https://x/a.git", "https://x/a.git", "a", "", False),
    (f"git clone https://x/a.git /d && cd /d && git checkout {COMMIT}", "https://x/a.git", "/d", "", True),
]


@pytest.mark.parametrize(
    ("script", "url", "output", "piped_to", "verified"), DOWNLOADS, ids=[row[0] for row in DOWNLOADS]
)
def test_downloads(script, url, output, piped_to, verified):
    first = downloads(build(f"RUN {script}"))[0]
    assert (first.url, first.output, first.piped_to, first.verified) == (url, output, piped_to, verified)


RUN_UNSEEN = [
    ("curl https://x | sh", True),
    ("curl https://x | python3.13 -", True),
    ("bash <(curl https://x)", True),
    ("curl https://x | tar x", False),
    ("curl -o f https://x && sh f", False),
]


@pytest.mark.parametrize(("script", "expected"), RUN_UNSEEN)
def test_what_is_executed_as_it_arrives(script, expected):
    assert [download.runs_unseen for download in downloads(build(f"RUN {script}"))] == [expected]


CLONES = [
    ("git clone -b v1 https://x/a", "v1", False),
    ("git clone --depth=1 --branch v1 https://x/a d", "v1", False),
    (f"git clone https://x/a && git -C a checkout -q {COMMIT}", COMMIT, True),
    (f"git clone https://x/a && cd a && git reset --hard {COMMIT}", COMMIT, True),
    (f"git clone --revision={COMMIT} https://x/a", COMMIT, True),
    ("git clone https://x/a && cd a && git checkout main", "main", False),
    ("git clone https://x/a && git clone https://x/b && git checkout v2", "", False),
    ("git -c a=b clone https://x/a", "", False),
]


@pytest.mark.parametrize(("script", "ref", "commit"), CLONES)
def test_clones(script, ref, commit):
    first = downloads(build(f"RUN {script}"))[0]
    assert (first.tool, first.ref, first.commit, first.verified) == ("git", ref, commit, commit)


def test_a_url_that_is_not_known():
    first, second = downloads(build("RUN curl -O https://x/$NOPE && curl $URL | sh"))
    assert (first.url, first.known, second.url, second.known, second.runs_unseen) == (
        "https://x/",
        False,
        "",
        False,
        True,
    )


def test_nothing_is_fetched():
    assert not downloads(build("RUN curl --version && wget --help && git fetch && echo curl https://x"))


MORE = [
    ("curl -I https://x/a", []),
    ("wget --spider https://x/a", []),
    ("curl --url https://x/a -o a https://x/b -o b", [("https://x/a", "a"), ("https://x/b", "b")]),
    ("curl -OO https://x/a https://x/b", [("https://x/a", "a"), ("https://x/b", "b")]),
    ("curl -K list", [("list", "list")]),
    ("wget -i list", [("list", "list")]),
    ("wget x.com/a", [("x.com/a", "a")]),
    ("wget https://x/a?b=c", [("https://x/a?b=c", "a")]),
    ("curl -o - https://x/a", [("https://x/a", "")]),
    ("curl FTP://x/a -O", [("FTP://x/a", "a")]),
    ("git fetch https://x/a main", [("https://x/a", ".")]),
    ("git submodule update --remote", [("git submodule update --remote", ".")]),
    ("git submodule update", []),
]


@pytest.mark.parametrize(("script", "expected"), MORE)
def test_what_and_where(script, expected):
    assert [(download.url, download.output) for download in downloads(build(f"RUN {script}"))] == expected
