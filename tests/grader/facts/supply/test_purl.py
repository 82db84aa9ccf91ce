"""Package URLs: the same package whichever tool wrote it."""

from __future__ import annotations

import pytest

from grader.facts.supply.purl import Package, of, parse


@pytest.mark.parametrize(
    ("text", "package"),
    [
        ("pkg:pypi/flask@2.2.2", Package("pypi", "flask", "2.2.2")),
        ("pkg:pypi/Flask_Login@1", Package("pypi", "flask-login", "1")),
        ("PKG:PyPI/flask@1", Package("pypi", "flask", "1")),
        ("pkg://pypi/flask@1", Package("pypi", "flask", "1")),
        ("pkg:npm/%40babel/core@7.0.0", Package("npm", "@babel/core", "7.0.0")),
        ("pkg:npm/@babel/core@7.0.0", Package("npm", "@babel/core", "7.0.0")),
        ("pkg:golang/github.com/A/b@v1.2.3#sub/path", Package("golang", "github.com/a/b", "1.2.3")),
        ("pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=debian-13", Package("deb", "libc6", "2.41-12")),
        ("pkg:deb/ubuntu/libc6@2.41-12", Package("deb", "libc6", "2.41-12")),
        ("pkg:deb/debian/shadow@4.17?epoch=1", Package("deb", "shadow", "1:4.17")),
        ("pkg:deb/debian/shadow@1:4.17?epoch=1", Package("deb", "shadow", "1:4.17")),
        ("pkg:deb/debian/x@0:1?epoch=0", Package("deb", "x", "1")),
        ("pkg:deb/debian/libstdc%2B%2B6@14.2.0%2Bdfsg", Package("deb", "libstdc++6", "14.2.0+dfsg")),
        ("pkg:apk/alpine/musl@1.2.5-r0", Package("apk", "musl", "1.2.5-r0")),
        (" pkg:gem/rails@8 ", Package("gem", "rails", "8")),
    ],
)
def test_what_it_names(text: str, package: Package) -> None:
    assert parse(text) == package


@pytest.mark.parametrize(
    "text",
    [
        "",
        "flask@1",
        "pkg:pypi/flask",
        "pkg:pypi/flask@",
        "pkg:pypi/@1",
        "pkg:flask@1",
        "http://pypi/flask@1",
        "pkg:oci/app@sha256:1",
        "pkg:docker/library/x@1",
        "pkg:generic/file@1",
        "pkg:github/a/b@1",
        "pkg:pypi/flask?a=b@1",
    ],
)
def test_what_names_nothing_that_is_installed(text: str) -> None:
    assert parse(text) is None


def test_without_a_url() -> None:
    assert of("pypi", "Flask_Login", "1") == parse("pkg:pypi/flask-login@1")
    assert of("", "Thing", "v1") == Package("", "thing", "v1")
    assert str(of("deb", "debian/libc6", "0:2")) == "libc6 2"
