"""The package managers of distributions: apt, apk, dnf."""

import pytest

from tests.grader.facts.packages.reading import of_script

CASES = [
    ("apt-get install -y --no-install-recommends curl=8.1 git", "apt install: curl=8.1 git"),
    ("apt-get -o X=1 install -y foo", "apt install: foo"),
    ("apt-get -yqq -t stable install foo/stable", "apt install: foo/stable"),
    ("apt install ./x.deb y", "apt install: ~./x.deb y"),
    ("DEBIAN_FRONTEND=noninteractive apt-get install -y $PKGS $NOPE", "apt install: a b !$NOPE"),
    ("apt-get upgrade -y", "apt upgrade:"),
    ("apt-get update", None),
    ("apt-get clean", None),
    ("aptitude install -y a", "apt install: a"),
    ("xargs -a pkgs.txt apt-get install -y", "apt install: <list =pkgs.txt>"),
    ("apk add --no-cache a=1.2-r0 'b~=2'", "apk install: a=1.2-r0 b~=2"),
    ("apk --no-cache add -t .deps gcc", "apk install: gcc"),
    ("apk add --virtual=.deps -X https://x a", "apk install: a"),
    ("apk add ./x.apk", "apk install: ~./x.apk"),
    ("apk del a", None),
    ("dnf -y install a-1.2 b", "dnf install: a-1.2 b"),
    ("yum install -y --enablerepo x a", "dnf install: a"),
    ("microdnf install --nodocs a", "dnf install: a"),
    ("dnf groupinstall 'Dev Tools'", "dnf group install: Dev Tools"),
    ("dnf module install nodejs:20", "dnf module install: nodejs:20"),
]


@pytest.mark.parametrize(("script", "expected"), CASES, ids=[script for script, _ in CASES])
def test_installs(script, expected):
    assert of_script(script) == ([expected] if expected else [])
