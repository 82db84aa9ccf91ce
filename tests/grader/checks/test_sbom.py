"""`sbom`: the ways an SBOM is attached, and those in which it is not the image's own, with Cosign 2 and 3."""

from __future__ import annotations

import copy
import io
import json
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from pydantic import ValidationError

from grader.checks import sbom
from grader.errors import GraderError, SubmissionFault
from grader.facts.registry import referrers
from grader.facts.registry.documents import OCI_INDEX, OCI_MANIFEST
from grader.facts.registry.repository import Repository
from grader.facts.supply import sbom as supplied
from grader.facts.supply import trivy
from grader.facts.supply.signature import NoPublicKey
from grader.verdict import Status, Verdict
from tests import cosigns
from tests.cosigns import Signer, image, push, push_index, push_manifest
from tests.grader.conftest import facts_of

pytestmark = pytest.mark.lab
ONE_WILL_DO = pytest.mark.parametrize("signer", ["2"], indirect=True)
"""For what happens without Cosign."""

EMPTY = "application/vnd.oci.empty.v1+json"
CYCLONEDX = "application/vnd.cyclonedx+json"
SPDX = "application/spdx+json"
IN_TOTO = "application/vnd.in-toto+json"
DEBS = {"libc6": "2.41-12", "zlib1g": "1:1.3.dfsg+really1.3.1-1+b1", "bash": "5.2.37-2+b5", "tzdata": "2025b-4"}
PIPS = {"Flask": "2.2.2", "zope.interface": "5.4.0"}
NPMS = {"@garden/seeds": "1.2.3", "lodash": "4.17.21"}


def layer(debs: Mapping[str, str] = DEBS, pips: Mapping[str, str] = PIPS, npms: Mapping[str, str] = NPMS) -> bytes:
    """A layer in which these are installed, as far as a scanner looks."""
    files = {"etc/os-release": 'ID=debian\nVERSION_ID="13"\n', "etc/debian_version": "13.1\n"}
    files["var/lib/dpkg/status"] = "\n".join(
        f"Package: {name}\nStatus: install ok installed\nVersion: {version}\nArchitecture: amd64\n"
        for name, version in debs.items()
    )
    for name, version in pips.items():
        path = f"usr/lib/python3/dist-packages/{name}-{version}.dist-info/METADATA"
        files[path] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    for name, version in npms.items():
        files[f"app/node_modules/{name}/package.json"] = json.dumps({"name": name, "version": version})
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


OLDER = layer(debs={**DEBS, "bash": "5.1-2"}, pips={"Flask": "2.0.0", "zope.interface": "5.4.0"})
BASE = layer(pips={}, npms={})


class Bench(NamedTuple):
    """What a case works with. `made` are SBOMs that Trivy made of the image of `layer()`, by format."""

    served: Repository
    signer: Signer
    third: Signer
    folder: Path
    made: Mapping[str, Any]

    def push(self, tag: str = "1.0", content: bytes | None = None) -> str:
        return push(self.served, tag, layers=[content or layer()])

    def attest(self, digest: str, document: Any, kind: str = "cyclonedx", key: str = "mine") -> None:
        self.signer.attest(f"{self.served}@{digest}", kind, document, key)

    def refer(self, digest: str, data: bytes, kind: str = CYCLONEDX, layer_kind: str = "") -> None:
        """Attach a document as ORAS does, on a registry without a list of its own."""
        manifest = self.served.manifest(digest)
        assert manifest is not None
        subject = {"mediaType": manifest.media_type, "digest": digest, "size": len(manifest.raw)}
        named = self.served.put_blob(data, layer_kind or kind).to_dict()
        config = self.served.put_blob(b"{}", EMPTY).to_dict()
        about = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": kind, "config": config}
        about |= {"layers": [named], "subject": subject}
        entry = {"mediaType": OCI_MANIFEST, "digest": push_manifest(self.served, None, about)}
        entry |= {"size": len(json.dumps(about)), "artifactType": kind}
        tag = digest.replace(":", "-")
        listed = self.served.manifest(tag)
        before = json.loads(listed.raw)["manifests"] if listed else []
        push_manifest(self.served, tag, {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*before, entry]})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """SBOMs of the image of `layer()`, as Trivy makes them."""
    folder = tmp_path_factory.mktemp("made")
    found = {}
    with cosigns.repository() as served:
        digest = push(served, layers=[layer()])
        for kind in ("cyclonedx", "spdx-json"):
            command = [str(trivy.program()), "image", "--quiet", f"--format={kind}", f"--cache-dir={folder}"]
            done = subprocess.run([*command, f"{served}@{digest}"], capture_output=True, check=True, timeout=120)
            found[kind.removesuffix("-json")] = json.loads(done.stdout)
    return found


@pytest.fixture
def bench(
    signer: Signer, third: Signer, made: Mapping[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    folder = tmp_path / "submission"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "cosign.pub").write_bytes(signer.public("mine"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "cosign").symlink_to(signer.cosign)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{trivy.program().parent}:/usr/bin:/bin")
    with cosigns.repository() as served:
        yield Bench(served, signer, third, folder, copy.deepcopy(made))


def judge(bench: Bench, **params: Any) -> Verdict:
    wanted = {"repository": "localhost:5000/{learner}/tides", "tag": "1.0", "format": "cyclonedx", **params}
    with facts_of(bench.folder, learner=cosigns.LEARNER) as facts:
        return sbom.judge(facts, sbom.Params.model_validate(wanted))


# What is done before grading, one function a case.


def attested(bench: Bench) -> None:
    bench.attest(bench.push(), bench.made["cyclonedx"])


def attested_in_a_bundle(bench: Bench) -> None:
    digest = bench.push()
    bench.third.attest_bundle(f"{bench.served}@{digest}", "cyclonedx", bench.made["cyclonedx"])


def attested_as_spdx(bench: Bench) -> None:
    bench.attest(bench.push(), bench.made["spdx"], "spdxjson")


def both_formats(bench: Bench) -> None:
    digest = bench.push()
    bench.attest(digest, bench.made["spdx"], "spdxjson")
    bench.attest(digest, bench.made["cyclonedx"])


def another_first(bench: Bench) -> None:
    """A second attestation mends a first one that was wrong."""
    digest = bench.push()
    bench.attest(digest, {"bomFormat": "CycloneDX", "components": []})
    bench.attest(digest, bench.made["cyclonedx"])


def another_keys_first(bench: Bench) -> None:
    digest = bench.push()
    bench.attest(digest, bench.made["cyclonedx"], key="other")
    bench.attest(digest, bench.made["cyclonedx"])


def referred_to(bench: Bench) -> None:
    bench.refer(bench.push(), json.dumps(bench.made["cyclonedx"]).encode())


def referred_to_as_a_file(bench: Bench) -> None:
    """ORAS with no media type for the file: what the manifest calls itself tells."""
    data = json.dumps(bench.made["spdx"], indent=4).encode()
    bench.refer(bench.push(), data, SPDX, "application/vnd.oci.image.layer.v1.tar")


def attached_by_cosign(bench: Bench) -> None:
    digest = bench.push()
    (bench.signer.folder / "sbom.json").write_text(json.dumps(bench.made["cyclonedx"]))
    bench.signer.run("attach", "sbom", "--sbom=sbom.json", "--type=cyclonedx", f"{bench.served}@{digest}")


def as_another_tool_writes_it(bench: Bench) -> None:
    """Other qualifiers, epochs in the version, names as they are spelt, much that is no package, all of it nested."""
    components: list[dict[str, Any]] = [{"type": "file", "name": "/etc/passwd"}, {"type": "operating-system"}]
    for name, version in DEBS.items():
        components.append({"type": "library", "purl": f"pkg:deb/debian/{name}@{version}?upstream=x&arch=amd64"})
    for name, version in PIPS.items():
        components.append({"type": "library", "purl": f"pkg:pypi/{name.replace('.', '_')}@{version}"})
    components.append({"type": "library", "purl": "pkg:npm/%40garden/seeds@1.2.3"})
    components.append({"type": "library", "name": "lodash", "version": "4.17.21"})
    nested = {"type": "application", "name": "tides", "components": components}
    bench.attest(bench.push(), {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [nested]})


def a_few_more_than_found(bench: Bench) -> None:
    """Tools find more than the scanner does: a binary, its standard library."""
    document = bench.made["cyclonedx"]
    document["components"] += [{"type": "library", "purl": f"pkg:golang/example.org/m{n}@v1.0.{n}"} for n in range(5)]
    bench.attest(bench.push(), document)


def of_an_index(bench: Bench) -> None:
    images = {"amd64": image(bench.served, layers=[layer()]), "arm64": image(bench.served, layers=[layer()])}
    bench.attest(push_index(bench.served, "1.0", images), bench.made["cyclonedx"])


def of_the_image_in_an_index(bench: Bench) -> None:
    images = {"amd64": image(bench.served, layers=[layer()]), "arm64": image(bench.served, layers=[layer()])}
    push_index(bench.served, "1.0", images)
    bench.attest(push_manifest(bench.served, None, images["amd64"]), bench.made["cyclonedx"])


def made_by_the_builder(bench: Bench, document: Any = None, about: str = "") -> None:
    """BuildKit's own: a manifest beside the image, which holds a statement that nobody signed."""
    inner = image(bench.served, layers=[layer()])
    digest = push_manifest(bench.served, None, inner)
    statement = {"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://spdx.dev/Document"}
    subject = {"name": "pkg:docker/tides@1.0", "digest": {"sha256": (about or digest).partition(":")[2]}}
    statement |= {"subject": [subject], "predicate": document or bench.made["spdx"]}
    named = bench.served.put_blob(json.dumps(statement).encode(), IN_TOTO).to_dict()
    named["annotations"] = {"in-toto.io/predicate-type": "https://spdx.dev/Document"}
    beside = image(bench.served) | {"layers": [named]}
    entries = []
    for manifest, architecture in ((inner, "amd64"), (beside, "unknown")):
        raw = json.dumps(manifest).encode()
        system = "linux" if architecture == "amd64" else "unknown"
        entry = {"mediaType": OCI_MANIFEST, "digest": push_manifest(bench.served, None, manifest), "size": len(raw)}
        entries.append({**entry, "platform": {"os": system, "architecture": architecture}})
    entries[1]["annotations"] = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": digest,
    }
    push_manifest(bench.served, "1.0", {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})


def not_pushed(bench: Bench) -> None:
    bench.attest(bench.push("2.0"), bench.made["cyclonedx"])


def none(bench: Bench) -> None:
    bench.push()


def a_signature_alone(bench: Bench) -> None:
    bench.signer.sign(f"{bench.served}@{bench.push()}")


def provenance_alone(bench: Bench) -> None:
    bench.attest(bench.push(), {"builder": {"id": "me"}}, "https://slsa.dev/provenance/v1")


def the_tag_was_moved(bench: Bench) -> None:
    bench.attest(bench.push(), bench.made["cyclonedx"])
    bench.push()


def of_an_earlier_build(bench: Bench) -> None:
    """Made of the image before two updates, attached to the one after."""
    document = bench.made["cyclonedx"]
    for component in document["components"]:
        for new, old in (("5.2.37-2", "5.1-2"), ("2.2.2", "2.0.0")):
            component["purl"] = component.get("purl", "").replace(new, old)
    bench.attest(bench.push(), document)


def of_the_base_alone(bench: Bench) -> None:
    document = bench.made["cyclonedx"]
    document["components"] = [c for c in document["components"] if c.get("purl", "").startswith("pkg:deb")]
    bench.attest(bench.push(), document)


def of_a_larger_image(bench: Bench) -> None:
    """Everything the image holds, and a whole other image beside."""
    document = bench.made["cyclonedx"]
    document["components"] += [{"type": "library", "purl": f"pkg:deb/debian/lib{n}@1.{n}"} for n in range(60)]
    bench.attest(bench.push(), document)


def empty(bench: Bench) -> None:
    bench.attest(bench.push(), {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": []})


def by_name_alone(bench: Bench) -> None:
    """Written by hand: the names are right, and no version is."""
    names = [*DEBS, *PIPS, *NPMS]
    components = [{"type": "library", "name": name, "version": "1.0"} for name in names]
    bench.attest(bench.push(), {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": components})


def in_the_other_format(bench: Bench) -> None:
    bench.attest(bench.push(), bench.made["spdx"], "spdxjson")


def one_format_in_the_name_of_the_other(bench: Bench) -> None:
    bench.attest(bench.push(), bench.made["spdx"], "cyclonedx")


def as_a_type_of_ones_own(bench: Bench) -> None:
    bench.attest(bench.push(), bench.made["cyclonedx"], "https://example.org/my-sbom")


def as_text(bench: Bench) -> None:
    """SPDX as lines of tags, which is no JSON."""
    bench.refer(bench.push(), b"SPDXVersion: SPDX-2.3\nPackageName: bash\n", "text/spdx")


def nested_without_end(bench: Bench) -> None:
    bench.refer(bench.push(), b'{"components":[' * 50_000)


def attached_to_another(bench: Bench) -> None:
    """It names this image in its index, and another as its subject."""
    other = bench.push("0.9")
    bench.refer(other, json.dumps(bench.made["cyclonedx"]).encode())
    listed = bench.served.manifest(other.replace(":", "-"))
    assert listed is not None
    push_manifest(bench.served, bench.push().replace(":", "-"), json.loads(listed.raw))


def an_attestation_of_another(bench: Bench) -> None:
    other, digest = bench.push("0.9"), bench.push()
    bench.attest(other, bench.made["cyclonedx"])
    found = bench.served.manifest(other.replace(":", "-") + ".att")
    assert found is not None
    push_manifest(bench.served, digest.replace(":", "-") + ".att", json.loads(found.raw))


def the_builders_of_another(bench: Bench) -> None:
    made_by_the_builder(bench, about=bench.push("0.9"))


def gone(bench: Bench) -> None:
    digest = bench.push()
    bench.attest(digest, bench.made["cyclonedx"])
    found = bench.served.manifest(digest.replace(":", "-") + ".att")
    assert found is not None
    bench.served.delete_blob(found.layers[0].digest)


class Case(NamedTuple):
    prepare: Callable[[Bench], None]
    params: Mapping[str, Any]
    passes: bool
    says: tuple[str, ...] = ()


ANY: Mapping[str, Any] = {}
AS_SPDX = {"format": "spdx"}
SIGNED = {"key": "cosign.pub"}

# fmt: off
CASES = [
    Case(attested, ANY, True, ("lists 8 of the 8 packages in the image",)),
    Case(attested, SIGNED, True, ("signed with the key",)),
    Case(attested_in_a_bundle, ANY, True),
    Case(attested_in_a_bundle, SIGNED, True),
    Case(attested_as_spdx, AS_SPDX | SIGNED, True),
    Case(both_formats, SIGNED, True),
    Case(another_first, ANY, True),
    Case(another_keys_first, SIGNED, True),
    Case(referred_to, ANY, True),
    Case(referred_to_as_a_file, AS_SPDX, True),
    Case(attached_by_cosign, ANY, True),
    Case(as_another_tool_writes_it, SIGNED, True),
    Case(a_few_more_than_found, ANY, True),
    Case(of_an_index, SIGNED, True),
    Case(of_the_image_in_an_index, SIGNED, True),
    Case(made_by_the_builder, AS_SPDX, True),
    Case(not_pushed, ANY, False, ("There is no localhost:5000/",)),
    Case(none, ANY, False, ("No SBOM is attached", "make one from the pushed image")),
    Case(a_signature_alone, ANY, False, ("No SBOM is attached",)),
    Case(provenance_alone, ANY, False, ("No SBOM is attached",)),
    Case(the_tag_was_moved, ANY, False, ("the tag has moved since",)),
    Case(of_an_earlier_build, SIGNED, False, ("lists 6 of the 8", "bash 5.2.37-2+b5", "flask 2.2.2")),
    Case(of_the_base_alone, SIGNED, False, ("lists 4 of the 8", "@garden/seeds 1.2.3")),
    Case(of_a_larger_image, ANY, False, ("60 packages that are not in the image",)),
    Case(empty, ANY, False, ("lists no package at all",)),
    Case(by_name_alone, ANY, False, ("lists 0 of the 8",)),
    Case(in_the_other_format, ANY, False, ("is SPDX, but CycloneDX is expected",)),
    Case(one_format_in_the_name_of_the_other, ANY, False, ("calls itself",)),
    Case(one_format_in_the_name_of_the_other, AS_SPDX, False, ("calls itself",)),
    Case(as_a_type_of_ones_own, ANY, False, ("calls itself https://example.org/my-sbom",)),
    Case(as_text, AS_SPDX, False, ("it is not JSON",)),
    Case(nested_without_end, ANY, False, ("it is not JSON",)),
    Case(attached_to_another, ANY, False, ("No SBOM is attached",)),
    Case(an_attestation_of_another, ANY, False, ("describes sha256:",)),
    Case(the_builders_of_another, AS_SPDX, False, ("describes sha256:",)),
    Case(gone, ANY, False, ("cannot be read", "has no blob")),
    Case(referred_to, SIGNED, False, ("nobody signed it",)),
    Case(made_by_the_builder, AS_SPDX | SIGNED, False, ("nobody signed it",)),
]
# fmt: on


def _named(case: Case) -> str:
    return " ".join([case.prepare.__name__.replace("_", " "), *(str(value) for value in case.params.values())])


FORMS = (attested, attested_in_a_bundle, attested_as_spdx, another_keys_first, of_an_index, an_attestation_of_another)
"""What the two versions write, or take apart, in ways of their own. The rest is the grader's, whichever it asks."""


@cosigns.with_versions(CASES, _named, lambda case: case.prepare in FORMS)
def test_cases(case: Case, bench: Bench) -> None:
    case.prepare(bench)
    verdict = judge(bench, **case.params)
    assert (verdict.status is Status.PASSED) is case.passes, verdict.message
    for words in case.says:
        assert words in verdict.message


def test_with_another_key(bench: Bench) -> None:
    bench.attest(bench.push(), bench.made["cyclonedx"], key="other")
    assert judge(bench).status is Status.PASSED
    verdict = judge(bench, key="cosign.pub")
    assert verdict.status is Status.FAILED
    assert "is not an attestation that verifies with cosign.pub" in verdict.message


@ONE_WILL_DO
def test_the_key_is_the_private_one(bench: Bench) -> None:
    attested(bench)
    (bench.folder / "cosign.pub").write_bytes((bench.signer.folder / "mine.key").read_bytes())
    with pytest.raises(NoPublicKey, match="holds a private key"):
        judge(bench, key="cosign.pub")


@ONE_WILL_DO
def test_an_image_that_holds_nothing(bench: Bench) -> None:
    bench.attest(bench.push(content=layer({}, {}, {})), {"bomFormat": "CycloneDX", "specVersion": "1.6"})
    assert judge(bench).status is Status.PASSED


@ONE_WILL_DO
@pytest.mark.parametrize(("module", "limit"), [(referrers, "MAX_EACH"), (supplied, "MAX_LOOKED")])
def test_what_is_too_much_to_look_at(
    module: ModuleType, limit: str, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, limit, 1)
    digest = bench.push()
    bench.refer(digest, json.dumps(bench.made["cyclonedx"] | {"components": []}).encode())
    assert judge(bench).status is Status.FAILED
    bench.refer(digest, json.dumps(bench.made["cyclonedx"]).encode())
    with pytest.raises(GraderError, match=r"more is attached to sha256:[0-9a-f]+ than can be looked at"):
        judge(bench)
    monkeypatch.setattr(module, limit, 2)
    assert judge(bench).status is Status.PASSED


@ONE_WILL_DO
def test_what_the_evidence_holds(bench: Bench) -> None:
    of_an_earlier_build(bench)
    verdict = judge(bench)
    assert verdict.details["missing"] == ["bash 5.2.37-2+b5", "flask 2.2.2"]
    assert verdict.details["not_held"] == ["bash 5.1-2+b5", "flask 2.0.0"]
    assert str(verdict.where[0].path).endswith(".att")


@ONE_WILL_DO
def test_an_image_that_is_damaged_is_the_submissions_fault(bench: Bench) -> None:
    digest = bench.push()
    bench.attest(digest, bench.made["cyclonedx"])
    found = bench.served.manifest(digest)
    assert found is not None
    bench.served.delete_blob(found.layers[0].digest)
    with pytest.raises(SubmissionFault, match="has no blob"):
        judge(bench)


@ONE_WILL_DO
def test_an_image_that_is_none_is_the_submissions_fault(bench: Bench) -> None:
    """A layer that is no archive, with its right digest."""
    bench.attest(bench.push(content=b"no archive" * 1000), bench.made["cyclonedx"])
    with pytest.raises(SubmissionFault, match="archive cannot be used"):
        judge(bench)


@ONE_WILL_DO
def test_a_scanner_that_cannot_look_gives_no_verdict(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    attested(bench)
    monkeypatch.setattr(trivy, "TIMEOUT", 0.0)
    with pytest.raises(GraderError, match="the scanner did not end"):
        judge(bench)


@pytest.mark.parametrize(
    "params",
    [
        {"repository": "localhost:5000/me/tides"},
        {"repository": "localhost:5000/me/tides", "format": "syft"},
        {"repository": "localhost:5000/me/tides:1.0", "format": "spdx"},
        {"repository": "localhost:5000/me/tides", "format": "spdx", "key": "/etc/cosign.pub"},
    ],
)
def test_parameters_that_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        sbom.Params.model_validate(params)
