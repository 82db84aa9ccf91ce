"""What is attached to a digest: found under each of its places, and what is damaged, foreign or too much."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from grader.facts.registry import referrers as module
from grader.facts.registry.documents import OCI_INDEX, OCI_MANIFEST, Manifest
from grader.facts.registry.referrers import (
    BUNDLES,
    ENVELOPE,
    PAYLOAD,
    SIGNATURE,
    STATEMENT,
    Form,
    Referrer,
    attached_to,
    inside_index,
    marked,
)
from tests.grader.facts.registry.played import HERE, A, B, Shelf
from tests.grader.registries import Said

TAG = A.replace(":", "-")
BUNDLE = f"{BUNDLES}.v0.3+json"


def attach(
    shelf: Shelf, layers: Sequence[dict[str, Any]], *tags: str, subject: str = "", **more: Any
) -> dict[str, Any]:
    """Put up a manifest that holds these layers; the descriptor that names it."""
    about = {"subject": {"mediaType": OCI_MANIFEST, "digest": subject, "size": 1}} if subject else {}
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": shelf.blob(b"{}", "x/config"),
        "layers": layers,
    }
    raw = json.dumps(document | about | more).encode()
    return {"mediaType": OCI_MANIFEST, "digest": shelf.manifest(raw, *tags), "size": len(raw)}


def found(shelf: Shelf) -> Sequence[Referrer]:
    return attached_to(shelf.repository, A)


def test_nothing(shelf: Shelf) -> None:
    assert found(shelf) == []


@pytest.mark.parametrize(("suffix", "form"), [(".sig", Form.SIMPLE), (".att", Form.ENVELOPE), (".sbom", Form.DOCUMENT)])
def test_under_a_tag(shelf: Shelf, suffix: str, form: Form) -> None:
    layers = [shelf.blob(b"one", "x/one", annotations={SIGNATURE: "c2ln"}), shelf.blob(b"two", "x/two")]
    attach(shelf, layers, TAG + suffix)
    assert found(shelf) == [
        Referrer(TAG + suffix, form, " x/one", b"one", "c2ln"),
        Referrer(TAG + suffix, form, " x/two", b"two"),
    ]


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        (BUNDLE, Form.BUNDLE),
        (ENVELOPE, Form.ENVELOPE),
        (STATEMENT, Form.STATEMENT),
        ("text/spdx+json", Form.DOCUMENT),
        (PAYLOAD, Form.SIMPLE),
    ],
)
@pytest.mark.parametrize("listed", [True, False])
def test_by_its_subject(shelf: Shelf, kind: str, form: Form, listed: bool) -> None:
    entry = attach(shelf, [shelf.blob(b"data", kind)], subject=A, artifactType="x/artifact")
    if listed:
        page = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}).encode()
        shelf.player.answers[f"GET {HERE}/referrers/{A}"] = Said(200, page)
    else:
        shelf.index([entry], TAG)
    assert found(shelf) == [Referrer(entry["digest"], form, f"x/artifact {kind}", b"data")]


@pytest.mark.parametrize("subject", ["", B])
def test_a_list_that_names_what_is_about_something_else(shelf: Shelf, subject: str) -> None:
    shelf.index([attach(shelf, [shelf.blob(b"data", BUNDLE)], subject=subject)], TAG)
    assert found(shelf) == []


def test_a_list_that_names_what_is_not_there(shelf: Shelf) -> None:
    shelf.index([{"mediaType": OCI_MANIFEST, "digest": B, "size": 1}], TAG)
    assert found(shelf) == []


def test_what_is_damaged_is_told_and_hides_nothing_else(shelf: Shelf) -> None:
    shelf.player.answers[f"GET {HERE}/manifests/{TAG}.sig"] = Said(200, b"<html>")
    missing = {"mediaType": "x", "digest": B, "size": 5}
    attach(shelf, [missing, shelf.blob(b"good", "x")], f"{TAG}.att")
    first, second, third = found(shelf)
    assert (first.form, first.data) == (Form.SIMPLE, b"")
    assert "not JSON" in first.damaged
    assert "has no blob" in second.damaged
    assert (third.data, third.damaged) == (b"good", "")


def test_a_list_of_referrers_that_makes_no_sense(shelf: Shelf) -> None:
    shelf.player.answers[f"GET {HERE}/referrers/{A}"] = Said(200, b'{"manifests": 5}')
    (only,) = found(shelf)
    assert "list of referrers is malformed" in only.damaged


def test_no_more_than_so_many_and_so_much(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_EACH", 3)
    monkeypatch.setattr(module, "MAX_TOTAL", 25)
    attach(shelf, [shelf.blob(bytes([letter]) * 10, "x") for letter in b"abcde"], f"{TAG}.sbom")
    things = found(shelf)
    assert [(len(one.data), bool(one.damaged)) for one in things[:3]] == [(10, False), (10, False), (0, True)]
    assert [(one.unread, one.form, one.damaged) for one in things[3:]] == [
        (True, Form.DOCUMENT, "5 things are attached there, and only the first 3 were read")
    ]


def test_too_many_referrers(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_EACH", 1)
    layers = [shelf.blob(text, BUNDLE) for text in (b"one", b"two")]
    shelf.index([attach(shelf, layers[:1], subject=A), attach(shelf, layers, subject=A)], TAG)
    assert [one.unread for one in found(shelf)] == [False, True]
    shelf.index([attach(shelf, layers, subject=A)], TAG)
    assert [one.unread for one in found(shelf)] == [False, True]


def test_what_buildkit_puts_beside_the_images_of_an_index(shelf: Shelf) -> None:
    note = attach(shelf, [shelf.blob(b"statement", STATEMENT)])
    image = shelf.image({"os": "linux"}, [b"a layer"])
    marks = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image["digest"]}
    digest = shelf.index([image, note | {"annotations": marks}, note])
    index = shelf.repository.manifest(digest)
    assert isinstance(index, Manifest)
    assert [(one.place, one.form, one.data) for one in inside_index(shelf.repository, index)] == [
        (note["digest"], Form.STATEMENT, b"statement")
    ]


def test_which_tags_mark_a_digest() -> None:
    tags = [
        "1.0",
        TAG,
        f"{TAG}.sig",
        f"{TAG}.att",
        f"{B.replace(':', '-')}.sig",
        f"{TAG}.txt",
        f"{TAG}0",
        "sha256-abc.sig",
    ]
    assert marked(tags, [".sig"]) == [A, B]
    assert marked(tags, [".sbom"]) == []
    assert marked(tags, ["", ".att"]) == [A]
