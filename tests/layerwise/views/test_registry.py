"""What a registry holds, in pictures and words: sharing to the byte, odd and broken things told, bounds kept."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import pytest

import layerwise as lw
from grader.facts.registry.repository import Repository
from layerwise.errors import LabError
from layerwise.views import registry as pictures
from layerwise.views import registry_tree
from layerwise.views.registry import Registry

OCI = "application/vnd.oci.image"
HOSTILE = ["<img src=x onerror=alert(1)>", "a\x1b[31mred", "line\nbreak", "right\u202eleft", "'\"&"]


class Store:
    """A registry made by hand: what it answers, by path."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, str, bytes]] = {"/v2/": (200, "application/json", b"{}")}
        self.names: dict[str, list[str]] = {}
        self.address = ""

    def put(self, repository: str, tag: str | None, document: Mapping[str, Any] | bytes, kind: str = "manifest") -> str:
        """A manifest under a tag, or under its digest alone. Its digest."""
        raw = document if isinstance(document, bytes) else json.dumps(document).encode()
        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        for which in filter(None, (digest, tag)):
            self.answers[f"/v2/{repository}/manifests/{which}"] = (200, f"{OCI}.{kind}.v1+json", raw)
        if tag:
            self.names.setdefault(repository, []).append(tag)
        return digest

    def image(
        self, repository: str, tag: str | None, layers: Sequence[bytes], platform: str = "linux/amd64", **more: Any
    ) -> str:
        os, _, architecture = platform.partition("/")
        diffs = [digest_of(layer) for layer in layers]
        config = {"os": os, "architecture": architecture, "rootfs": {"type": "layers", "diff_ids": diffs}}
        raw = json.dumps(config).encode()
        self.answers[f"/v2/{repository}/blobs/{digest_of(raw)}"] = (200, "application/octet-stream", raw)
        document = {
            "schemaVersion": 2,
            "config": descriptor(raw, f"{OCI}.config.v1+json"),
            "layers": [descriptor(layer, f"{OCI}.layer.v1.tar+gzip") for layer in layers],
        }
        return self.put(repository, tag, document | more)

    def index(self, repository: str, tag: str, entries: Sequence[Mapping[str, Any]]) -> str:
        return self.put(repository, tag, {"schemaVersion": 2, "manifests": list(entries)}, "index")

    def entry(self, repository: str, digest: str, platform: str, **annotations: str) -> dict[str, Any]:
        raw = self.answers[f"/v2/{repository}/manifests/{digest}"][2]
        os, _, architecture = platform.partition("/")
        return {
            **descriptor(raw, f"{OCI}.manifest.v1+json"),
            "platform": {"os": os, "architecture": architecture},
            "annotations": annotations,
        }

    def answer(self, path: str) -> tuple[int, str, bytes]:
        path = path.partition("?")[0]
        if path in self.answers:
            return self.answers[path]
        kind = "application/json"
        if path == "/v2/_catalog":
            return 200, kind, json.dumps({"repositories": sorted(self.names)}).encode()
        if (match := re.fullmatch(r"/v2/(.+)/tags/list", path)) and match[1] in self.names:
            return 200, kind, json.dumps({"name": match[1], "tags": self.names[match[1]] or None}).encode()
        return 404, kind, b'{"errors": [{"code": "NAME_UNKNOWN"}]}'

    def look(self, repository: str | list[str] | None = None) -> Registry:
        shown: Registry = lw.registry(self.address, repository)
        return shown


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def descriptor(data: bytes, kind: str) -> dict[str, Any]:
    return {"mediaType": kind, "digest": digest_of(data), "size": len(data)}


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, body = made.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="here"')
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.address = f"localhost:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield made
        server.shutdown()
        thread.join()


def flat(html: str) -> str:
    """What is read in it."""
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]*>", "", html, flags=re.DOTALL))


def test_what_is_shared_is_counted_once(store: Store) -> None:
    base, one, two = b"b" * 5000, b"1" * 300, b"2" * 200
    store.image("base/thing", "1", [base])
    store.image("mine/app", "1.0", [base, one])
    store.image("mine/app", "1.1", [base, two])
    view = store.look()
    held = view.holdings
    sizes = {f"{tag.repository}:{tag.name}": tag.size for tag in held.tags}
    configs = {name: size - 5000 for name, size in sizes.items()}
    assert view.size("mine/app:1.0") - view.own("mine/app:1.0") == 5000
    assert view.own("mine/app:1.0") == configs["mine/app:1.0"]
    assert held.named == sum(sizes.values())
    assert held.kept == held.named - 2 * 5000
    said = flat(view._repr_html_())
    assert "3 tags. Counted tag by tag 16 kB, each blob once 6" in said
    assert "sharing saves 10 kB" in said
    assert "5.0 kB shared with 1.1 and base/thing:1; pushed after them, it sends" in said
    assert "shared with 1.1 and base/thing:1; pushed after them" in repr(view)
    for word in ("lw-hollow", "lw-solid", "blobs that another tag here also has"):
        assert word in view._repr_html_()


def test_two_names_of_one_manifest_are_said_to_be(store: Store) -> None:
    for tag in ("1.0", "latest"):
        store.image("mine/app", tag, [b"1" * 100])
    view = store.look("mine/app")
    assert "image for linux/amd64; the same as latest" in repr(view)
    assert view.own("mine/app:1.0") == 0


def test_an_index_names_its_platforms_and_what_else_is_in_it(store: Store) -> None:
    name = "mine/moon"
    arm, amd = store.image(name, None, [b"arm"], "linux/arm64"), store.image(name, None, [b"amd"])
    statement = {"mediaType": "application/vnd.in-toto+json", "digest": digest_of(b"s"), "size": 1}
    statement["annotations"] = {"in-toto.io/predicate-type": "https://slsa.dev/provenance/v1"}
    config = descriptor(b"{}", f"{OCI}.config.v1+json")
    told = store.put(name, None, {"schemaVersion": 2, "config": config, "layers": [statement]})
    marks = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": amd}
    entries = [store.entry(name, amd, "linux/amd64"), store.entry(name, arm, "linux/arm64")]
    store.index(name, "1.0", [*entries, store.entry(name, told, "unknown/unknown", **marks)])
    view = store.look(name)
    assert "index: linux/amd64, linux/arm64 and 1 more" in repr(view)
    said = flat(view._repr_html_())
    assert "manifest: image for linux/arm64" in said
    assert f"manifest: provenance of {amd[:15]}" in said
    assert "unknown/unknown" not in said, "that is no platform"


@pytest.mark.parametrize(
    ("suffix", "said"),
    [(".sig", "signature of 1.0"), (".att", "attestations of 1.0"), (".sbom", "SBOM of 1.0"),
     ("", "signatures and the like of 1.0")],
)  # fmt: skip
def test_a_tag_that_is_about_another_says_so(store: Store, suffix: str, said: str) -> None:
    digest = store.image("mine/app", "1.0", [b"1"])
    store.image("mine/app", digest.replace(":", "-") + suffix, [b"signed"])
    view = store.look("mine/app")
    assert said in repr(view)
    assert said in flat(view._repr_html_())
    assert f"sha256-{digest[7:15]}…{suffix}" in repr(view)
    assert view.holdings.tags[-1].about == digest, "it stands last"


def test_a_signature_of_what_no_tag_names_any_more(store: Store) -> None:
    store.image("mine/app", f"sha256-{'ab' * 32}.sig", [b"signed"])
    assert "signature of a manifest that no tag here leads to" in repr(store.look())


def test_what_is_no_image_is_not_called_one(store: Store) -> None:
    document = {
        "schemaVersion": 2,
        "config": descriptor(b"{}", "application/vnd.oci.empty.v1+json"),
        "layers": [descriptor(b"db", "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip")],
        "artifactType": "application/vnd.aquasec.trivy.db",
    }
    store.put("mine/db", "2", document)
    assert "artifact (application/vnd.aquasec.trivy.db)" in repr(store.look())


def test_what_is_broken_is_told_beside_what_is_not(store: Store) -> None:
    name = "mine/app"
    store.image(name, "good", [b"1"])
    store.put(name, "nonsense", b"[1, 2")
    store.names[name] += ["gone"]
    store.image(name, "swapped", [b"2"])
    store.answers[f"/v2/{name}/manifests/torn"] = (500, "text/plain", b"")
    store.names[name] += ["torn"]
    entry = store.entry(name, store.image(name, None, [b"3"], "linux/arm64"), "linux/arm64")
    lost = {**entry, "digest": f"sha256:{'0' * 64}"}
    store.index(name, "half", [entry, lost])
    view = store.look(name)
    said = repr(view)
    assert re.search(r"good .* image for linux/amd64", said)
    assert re.search(r"nonsense .*not JSON", said)
    assert re.search(r"gone .*its manifest is missing", said)
    assert re.search(r"torn .*status 500", said)
    assert "index: linux/arm64 and 1 more (1 cannot be read)" in said
    assert "the index names it, but it is missing" in flat(view._repr_html_())


def test_one_repository_that_wants_a_login_does_not_hide_the_others(store: Store) -> None:
    store.image("mine/app", "1.0", [b"1"])
    store.names["other/app"] = ["1.0"]
    store.answers["/v2/other/app/tags/list"] = (401, "application/json", b"{}")
    view = store.look()
    assert f"other/app: the registry {store.address} needs a login" in repr(view)
    assert "needs a login" in flat(view._repr_html_())
    assert "image for linux/amd64" in repr(view)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (None, ["base/a", "les", "lesson06/a", "lesson06/b", "lesson06x/a"]),
        ("lesson06", ["lesson06/a", "lesson06/b"]),
        ("lesson06/", ["lesson06/a", "lesson06/b"]),
        ("lesson06/*", ["lesson06/a", "lesson06/b"]),
        ("*/a", ["base/a", "lesson06/a", "lesson06x/a"]),
        ("les", ["les"]),
        (["lesson06/b", "base/*"], ["base/a", "lesson06/b"]),
    ],
)
def test_names_prefixes_and_globs(store: Store, asked: str | list[str] | None, found: list[str]) -> None:
    for name in ("lesson06/a", "lesson06/b", "lesson06x/a", "les", "base/a"):
        store.image(name, "1", [name.encode()])
    assert [shelf.name for shelf in store.look(asked).holdings.shelves] == found


def test_a_registry_that_lists_nothing_shows_what_is_named(store: Store) -> None:
    store.image("mine/app", "1.0", [b"1"])
    store.answers["/v2/_catalog"] = (401, "application/json", b"{}")
    assert "image for linux/amd64" in repr(store.look("mine/app"))
    with pytest.raises(LabError, match="needs a login"):
        store.look()
    store.answers["/v2/_catalog"] = (405, "application/json", b"{}")
    with pytest.raises(LabError, match="does not list its repositories"):
        store.look("mine/*")


def test_repositories_with_no_tag_are_named(store: Store) -> None:
    assert repr(store.look()) == f"{store.address}: no repository holds a tag."
    store.names["mine/app"] = []
    assert "Listed, but without a tag: mine/app." in repr(store.look())
    assert "no repository holds a tag." in flat(store.look()._repr_html_())
    with pytest.raises(LabError, match="no tag in mine/app"):
        store.look("mine/app")


def test_each_trouble_is_said_in_one_plain_sentence(store: Store) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"localhost:{probe.getsockname()[1]}"
        with pytest.raises(LabError, match=f"the registry {nobody} does not answer") as down:
            lw.registry(nobody)
    assert down.value._render_traceback_() == [str(down.value)]  # type: ignore[attr-defined]
    with pytest.raises(LabError, match=r"no repository mine/app; see which there are: lw\.registry"):
        store.look("mine/app")
    store.names["mine/app"] = ["1"]
    store.answers["/v2/mine/app/tags/list"] = (401, "application/json", b"{}")
    with pytest.raises(LabError, match=f"needs a login .401.: docker login {store.address}"):
        store.look("mine/app")
    store.answers = dict.fromkeys(("/v2/", "/v2/_catalog"), (404, "text/plain", b"hello"))
    with pytest.raises(LabError, match="is not a registry"):
        lw.registry(store.address, "nobody/here")
    for wrong in ("http://localhost:5000", "localhost:5000/a", "", "a b"):
        with pytest.raises(LabError, match="is not the address of a registry"):
            lw.registry(wrong)
    for wrong in ("A", "a:1", "a@b", "", "a b"):
        with pytest.raises(LabError, match="is not the name of a repository"):
            store.look(wrong)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_spelt_out(store: Store, text: str) -> None:
    name = "mine/app"
    store.image(name, "1", [b"1"], f"linux/{text}")
    entry = store.entry(name, store.image(name, None, [b"2"]), f"{text}/arm64", **{text: text})
    store.index(name, "2", [entry])
    store.put(
        name, "3", {"schemaVersion": 2, "config": descriptor(b"", text), "layers": [], "artifactType": text * 100}
    )
    store.put(name, "4", {"schemaVersion": 2, "mediaType": text})
    view = store.look(name)
    for shown in (repr(view), view._repr_html_().rpartition("</style>")[2]):
        assert not any(char in shown.replace("\n", "") for char in "\x1b\u202e")
    html = view._repr_html_().rpartition("</style>")[2]
    assert text not in re.sub(r'<code title="[^"]*">', "", html), "the quotes that stand there are the picture's own"
    assert "<img" not in html


def test_hundreds_of_repositories_stay_a_page(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_tree, "MAX_REPOSITORIES", 50)
    monkeypatch.setattr(registry_tree, "MAX_TAGS", 60)
    monkeypatch.setattr(pictures, "MAX_ROWS", 600)
    base = [bytes([number]) * 100 for number in range(20)]
    for number in range(80):
        for tag in range(2):
            store.image(f"many/r{number:03}", f"{tag}", [*base, f"{number}.{tag}".encode()])
    view = store.look()
    assert len(view.holdings.tags) == 60
    assert len(view._repr_html_()) < 600_000
    said = repr(view)
    assert "and 1 tag not looked at" in said or "and 2 tags not looked at" in said
    assert "Not looked into: 30 more repositories." in said
    assert "more lines" in view._repr_html_()


def test_many_tags_and_a_wide_index(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_tree, "MAX_TAGS_EACH", 12)
    monkeypatch.setattr(registry_tree, "MAX_ITEMS", 5)
    entries = [
        store.entry("mine/app", store.image("mine/app", None, [b"x"], f"linux/a{n}"), f"linux/a{n}") for n in range(9)
    ]
    for number in range(15):
        store.index("mine/app", f"1.{number}", entries)
    view = store.look("mine/app")
    assert [tag.name for tag in view.holdings.tags] == [f"1.{number}" for number in range(12)], "1.10 comes after 1.9"
    assert "and 3 tags not looked at" in flat(view._repr_html_())
    assert "linux/a4 and 4 more" in repr(view)


@pytest.mark.lab
def test_the_lab_s_own() -> None:
    name, tag = "test-view/app", f"t-{uuid4().hex}"
    repository = Repository.parse(f"localhost:5000/{name}")
    layer, platform = f"of {tag}".encode(), {"os": "linux", "architecture": "amd64"}
    config = json.dumps(platform | {"rootfs": {"type": "layers", "diff_ids": []}, "comment": tag}).encode()
    descriptors = [repository.put_blob(data) for data in (config, layer)]
    document = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": descriptor(config, f"{OCI}.config.v1+json"),
        "layers": [descriptor(layer, f"{OCI}.layer.v1.tar+gzip")],
    }
    raw = json.dumps(document).encode()
    digest = repository.put_manifest(tag, raw, f"{OCI}.manifest.v1+json")
    try:
        view = lw.registry(repository=[name, "base/python"])
        assert [one.digest for one in view.holdings.tags if one.name == tag] == [digest]
        assert view.own(f"{name}:{tag}") == sum(one.size for one in descriptors)
        assert "base/python" in repr(view)
    finally:
        repository.delete(digest)
    with pytest.raises(LabError, match=r"needs a login|does not accept the login"):
        lw.registry("localhost:5001")
