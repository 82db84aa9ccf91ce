"""Names of packages, and SBOMs as many tools write them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from grader.facts.supply import purl
from grader.facts.supply.purl import Package
from grader.facts.supply.sbom import Bom, Format, NoBom, compare, of_document, read

URLS = {
    "pkg:pypi/flask@2.2.2": Package("pypi", "flask", "2.2.2"),
    "pkg:pypi/Zope.Interface@5.4.0": Package("pypi", "zope-interface", "5.4.0"),
    "pkg:PyPI/ruamel_yaml@1": Package("pypi", "ruamel-yaml", "1"),
    "pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=debian-13.1": Package("deb", "libc6", "2.41-12"),
    "pkg:deb/ubuntu/libc6@2.41-12": Package("deb", "libc6", "2.41-12"),
    "pkg:deb/libc6@2.41-12": Package("deb", "libc6", "2.41-12"),
    "pkg:deb/debian/zlib1g@1.3.dfsg%2Breally1.3.1-1?epoch=1": Package("deb", "zlib1g", "1:1.3.dfsg+really1.3.1-1"),
    "pkg:deb/debian/zlib1g@1:1.3.dfsg+really1.3.1-1": Package("deb", "zlib1g", "1:1.3.dfsg+really1.3.1-1"),
    "pkg:deb/debian/zlib1g@1%3A1.3": Package("deb", "zlib1g", "1:1.3"),
    "pkg:deb/debian/x@0:1.3": Package("deb", "x", "1.3"),
    "pkg:apk/alpine/musl@1.2.5-r9?arch=x86_64": Package("apk", "musl", "1.2.5-r9"),
    "pkg:npm/%40garden/seeds@1.2.3": Package("npm", "@garden/seeds", "1.2.3"),
    "pkg:npm/@garden/seeds@1.2.3": Package("npm", "@garden/seeds", "1.2.3"),
    "pkg:npm/lodash@4.17.21#lib": Package("npm", "lodash", "4.17.21"),
    "pkg:golang/github.com/Gorilla/mux@v1.8.1": Package("golang", "github.com/gorilla/mux", "1.8.1"),
    "pkg:golang/stdlib@1.24.4": Package("golang", "stdlib", "1.24.4"),
    "pkg:maven/org.apache.logging/log4j@2.17.1?type=jar": Package("maven", "org.apache.logging/log4j", "2.17.1"),
    "pkg:oci/tides@sha256%3Aabc": None,
    "pkg:generic/python@3.13": None,
    "pkg:pypi/flask": None,
    "pkg:pypi/@1.0": None,
    "pkg:": None,
    "flask==2.2.2": None,
    "": None,
}


@pytest.mark.parametrize("url", URLS)
def test_a_name_is_the_same_whoever_wrote_it(url: str) -> None:
    assert purl.parse(url) == URLS[url]


def cyclonedx(*components: object) -> dict[str, Any]:
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": list(components)}


def spdx(*packages: object) -> dict[str, Any]:
    return {"spdxVersion": "SPDX-2.3", "packages": list(packages)}


FLASK = Package("pypi", "flask", "2.2.2")
REFERENCE = {
    "referenceCategory": "PACKAGE-MANAGER",
    "referenceType": "purl",
    "referenceLocator": "pkg:pypi/flask@2.2.2",
}
# fmt: off
DOCUMENTS = [
    (cyclonedx({"type": "library", "purl": "pkg:pypi/flask@2.2.2"}), {FLASK}),
    (cyclonedx({"type": "application", "components": [{"purl": "pkg:pypi/flask@2.2.2"}]}), {FLASK}),
    (cyclonedx({"type": "library", "name": "flask", "version": "2.2.2"}), {FLASK._replace(type="")}),
    (cyclonedx({"type": "operating-system", "name": "debian", "version": "13"}), set()),
    (cyclonedx({"type": "container", "purl": "pkg:oci/tides@sha256:1"}), set()),
    (cyclonedx(None, 1, "x", [], {"purl": 7}, {"purl": ["pkg:pypi/a@1"]}, {"name": 1, "version": 2}), set()),
    ({"bomFormat": "CycloneDX", "components": {"a": 1}}, set()),
    ({"bomFormat": "CycloneDX"}, set()),
    (spdx({"name": "flask", "versionInfo": "2.2.2", "externalRefs": [{"referenceType": "cpe23Type"}, REFERENCE]}),
     {FLASK}),
    (spdx({"name": "flask", "versionInfo": "2.2.2"}), {FLASK._replace(type="")}),
    (spdx({"name": "debian", "versionInfo": "13", "primaryPackagePurpose": "OPERATING-SYSTEM"}), set()),
    (spdx(None, {"externalRefs": 3}, {"externalRefs": [None]}), set()),
    ({"spdxVersion": "SPDX-2.2"}, set()),
]
NONE = [
    (b"", "not JSON"),
    (b"SPDXVersion: SPDX-2.3", "not JSON"),
    (b"<bom/>", "not JSON"),
    (b"[" * 100_000, "not JSON"),
    (b"\xff\xfe", "not JSON"),
    (b"null", "neither CycloneDX nor SPDX"),
    (b"[]", "neither CycloneDX nor SPDX"),
    (b'{"components": []}', "neither CycloneDX nor SPDX"),
    (b'"SPDXVersion: SPDX-2.3"', "but not the JSON of version 2"),
    (b'{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": []}', "but not the JSON of version 2"),
]
# fmt: on


@pytest.mark.parametrize(("document", "packages"), DOCUMENTS)
def test_what_a_document_lists(document: dict[str, Any], packages: set[Package]) -> None:
    assert of_document(document).packages == packages
    assert read(json.dumps(document).encode()).packages == packages


@pytest.mark.parametrize(("data", "says"), NONE)
def test_what_is_no_sbom(data: bytes, says: str) -> None:
    with pytest.raises(NoBom, match=says):
        read(data)


def test_components_nested_far_too_deep() -> None:
    inner: dict[str, Any] = {"purl": "pkg:pypi/flask@2.2.2"}
    for _ in range(200):
        inner = {"components": [inner]}
    assert of_document(cyclonedx(inner)).packages == set()


def test_compared() -> None:
    held = frozenset({FLASK, Package("deb", "bash", "5.2"), Package("npm", "lodash", "4"), Package("", "odd", "1")})
    listed = {FLASK, Package("", "bash", "5.2"), Package("npm", "lodash", "3"), Package("npm", "odd", "1")}
    compared = compare(Bom(Format.CYCLONEDX, frozenset(listed)), held)
    assert compared.held == 4
    assert compared.missing == [Package("npm", "lodash", "4")]
    assert compared.strange == [Package("npm", "lodash", "3")]
