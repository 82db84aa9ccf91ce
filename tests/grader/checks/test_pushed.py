"""`pushed`: near misses, cheats, and odd but right answers, put into the lab's registry by its own interface.

One folder is built; what a case pushes in its place is made from that build. So the cases say the same on every engine.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import tarfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import ValidationError

from grader.checks.pushed import Params, judge
from grader.errors import LoginRequired, RegistryUnavailable
from grader.facts import Facts
from grader.facts.engine.engine import Engine
from grader.facts.registry import served_image
from grader.facts.registry.documents import OCI_MANIFEST, Manifest
from grader.facts.registry.pushed import compare
from grader.facts.registry.repository import Repository
from grader.verdict import Status, Verdict
from tests.grader.conftest import facts_of
from tests.grader.registries import Parts, Player, Said, clear, push, put_index, tar, zstd

pytestmark = [pytest.mark.engine, pytest.mark.lab]

DOCKERFILE = """\
FROM {base} AS build
RUN head -c 20 /dev/urandom | base64 > /program && chmod 755 /program

FROM {base}
ENV PORT=8080
WORKDIR /app
RUN mkdir -p /var/cache/x && date +%s%N > /var/cache/x/$(date +%s%N) && date +%N > /stamp && chown 1001 /stamp \\
 && mkdir -p /srv/$(head -c 9 /dev/urandom | md5sum | cut -c 1-12) /srv/fixed \\
 && for at in /srv/*; do touch $at/made; done
COPY tides.sh notes.txt ./
COPY --from=build /program /program
USER 1001
CMD ["/app/tides.sh"]
"""
FILES = {"tides.sh": "#!/bin/sh\necho high tide\n", "notes.txt": "what else\n"}
# Layers of what is built, from 0: the base image's own, WORKDIR, RUN, COPY, COPY --from.
RAN, COPIED, TAKEN = 2, 3, 4

Members = dict[str, tuple[tarfile.TarInfo, bytes]]


class Lab(NamedTuple):
    """A repository with the right image as `right`, and the facts of the folder it is built from."""

    repository: Repository
    engine: Engine
    folder: Path
    facts: Facts

    def parts(self) -> Parts:
        return Parts.fetch(self.repository, "right")

    def judge(self, *tags: str, repository: str = "") -> Verdict:
        return judge(self.facts, Params(repository=repository or str(self.repository), tags=tags))

    def build(self, tag: str, *, no_shared_cache: bool = False, **files: str) -> None:
        """Build the folder, with other files where they are named, and push it."""
        other = self.folder.with_name(f"other-{uuid.uuid4().hex}")
        shutil.copytree(self.folder, other)
        for name, text in files.items():
            (other / name.replace("_", ".")).write_text(text)
        with facts_of(other, self.engine, no_shared_cache=no_shared_cache) as facts:
            push(self.engine, facts.build.image, self.repository, tag)


@pytest.fixture(scope="module")
def lab(engine: Engine, base: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("pushed") / "folder"
    folder.mkdir()
    for name, text in {**FILES, "Dockerfile": DOCKERFILE.replace("{base}", base)}.items():
        (folder / name).write_text(text)
    (folder / "tides.sh").chmod(0o755)
    with facts_of(folder, engine) as facts:
        lab = Lab(Repository.parse(f"localhost:5000/test-pushed/{uuid.uuid4().hex}"), engine, folder, facts)
        try:
            lab.build("right")
            yield lab
        finally:
            clear(lab.repository)


@pytest.fixture
def tag() -> str:
    """One that no other case has: what a registry serves is asked once."""
    return f"t-{uuid.uuid4().hex[:12]}"


def later(members: Members) -> None:
    for member, _ in members.values():
        member.mtime += 1_000


def again(lab: Lab, tag: str) -> None:
    """Nothing but times differs: in the config, its history, and in every layer of its own."""
    parts = lab.parts()
    parts.config["created"] = "2030-01-01T00:00:00Z"
    for entry in parts.config["history"]:
        entry |= {"created": "2030-01-01T00:00:00Z", "comment": "elsewhere"}
    for index in range(1, len(parts.layers)):
        parts.edit(index, later)
    parts.put(tag)


def listed(lab: Lab, tag: str) -> None:
    """As `docker buildx build --push` does by default: the image, an attestation, and another platform."""
    parts = lab.parts()
    own = f"linux/{parts.config['architecture']}"
    right = parts.put("")
    note = Parts(lab.repository, {"architecture": "unknown", "os": "unknown"}, [])
    other = lab.parts()
    other.config["architecture"] = "s390x"
    other.layers = other.layers[:2]
    put_index(lab.repository, tag, [(other.put(""), "linux/s390x"), (note.put(""), "unknown/unknown"), (right, own)])


def listed_silently(lab: Lab, tag: str) -> None:
    put_index(lab.repository, tag, [(lab.parts().put(""), None)])


def empties(lab: Lab, tag: str) -> None:
    parts = lab.parts()
    parts.layers += [tar({}), tar({})]
    parts.put(tag)


def leftovers(lab: Lab, tag: str) -> None:
    def change(members: Members) -> None:
        for name in ("usr/lib/__pycache__/a.pyc", "var/log/apt/term.log", "tmp/abc", "root/.cache/pip/x", "x.log"):
            members[name] = (tarfile.TarInfo(name), b"left")

    lab.parts().edit(RAN, change).put(tag)


def mounts(lab: Lab, tag: str) -> None:
    """As the old builder leaves them, and BuildKit does not."""

    def change(members: Members) -> None:
        for name in ("dev", "proc", "sys", "dev/pts"):
            member = tarfile.TarInfo(name)
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            members[name] = (member, b"")
        for name in ("etc/hosts", "etc/resolv.conf", "dev/console"):
            members[name] = (tarfile.TarInfo(name), b"")

    lab.parts().edit(RAN, change).put(tag)


def wrapped(lab: Lab, tag: str) -> None:
    """As `docker buildx imagetools create` gives the image another name."""
    own = lab.parts()
    put_index(lab.repository, tag, [(own.put(""), f"linux/{own.config['architecture']}")])


RIGHT: dict[str, Callable[[Lab, str], object]] = {
    "as it was built": lambda lab, tag: lab.repository.put_manifest(
        tag, lab.repository.manifest("right").raw, lab.repository.manifest("right").media_type),
    "every step ran anew": lambda lab, tag: lab.build(tag, no_shared_cache=True),
    "at other times": again,
    "in Docker's media types": lambda lab, tag: lab.parts().put(tag, docker=True),
    "in OCI's media types": lambda lab, tag: lab.parts().put(tag),
    "compressed otherwise": lambda lab, tag: lab.parts().put(tag, pack=lambda data: gzip.compress(data, 9)),
    "not compressed": lambda lab, tag: lab.parts().put(tag, pack=bytes, kind=""),
    "compressed with zstd": lambda lab, tag: lab.parts().put(tag, pack=zstd, kind="zstd"),
    "in an index, with attestations": listed,
    "in an index that names no platform": listed_silently,
    "in an index that names only itself": wrapped,
    "with layers that hold nothing": empties,
    "with what a step leaves lying about": leftovers,
    "with places to mount something": mounts,
}  # fmt: skip


@pytest.mark.parametrize("case", RIGHT.values(), ids=[name.replace(" ", "-") for name in RIGHT])
def test_right(lab: Lab, tag: str, case: Callable[[Lab, str], object]) -> None:
    case(lab, tag)
    found = lab.judge(tag)
    assert found.status is Status.PASSED, found
    manifest = lab.repository.manifest(tag)
    assert manifest is not None
    assert manifest.digest in found.message


def replaced(path: str, content: bytes) -> Callable[[Members], object]:
    def change(members: Members) -> None:
        members[path] = (members[path][0], content)

    return change


def added(path: str, content: bytes = b"#!/bin/sh\n") -> Callable[[Members], object]:
    def change(members: Members) -> None:
        members[path] = (tarfile.TarInfo(path), content)

    return change


def without(path: str) -> Callable[[Members], object]:
    return lambda members: members.pop(path)


def altered(path: str, **more: Any) -> Callable[[Members], object]:
    def change(members: Members) -> None:
        for name, value in more.items():
            setattr(members[path][0], name, value)

    return change


def linked(path: str, link: str) -> Callable[[Members], object]:
    def change(members: Members) -> None:
        member = tarfile.TarInfo(path)
        member.type, member.linkname = tarfile.SYMTYPE, link
        members[path] = (member, b"")

    return change


def config(**more: Any) -> Callable[[Lab, str], object]:
    def case(lab: Lab, tag: str) -> None:
        parts = lab.parts()
        parts.config["config"] |= more
        parts.put(tag)

    return case


def layer(index: int, change: Callable[[Members], object]) -> Callable[[Lab, str], object]:
    return lambda lab, tag: lab.parts().edit(index, change).put(tag)


def base_image(lab: Lab, tag: str) -> None:
    parts = lab.parts()
    parts.layers = parts.layers[:1]
    parts.put(tag)


def more_layers(lab: Lab, tag: str) -> None:
    parts = lab.parts()
    parts.layers.append(tar({"bin/sh": b"another shell"}))
    parts.put(tag)


def other_config_said(lab: Lab, tag: str) -> None:
    """Its config names the layers that are built, and its layers are others."""
    parts = lab.parts()
    parts.claimed = [str(item) for item in parts.config["rootfs"]["diff_ids"]]
    parts.edit(COPIED, replaced("app/tides.sh", b"#!/bin/sh\necho low tide\n")).put(tag)


def blob_gone(lab: Lab, tag: str) -> None:
    parts = lab.parts()
    parts.layers[COPIED] = tar({f"once-{uuid.uuid4().hex}": b""})
    parts.put(tag)
    manifest = lab.repository.manifest(tag)
    assert manifest is not None
    lab.repository.delete_blob(manifest.layers[COPIED].digest)


def listed_for_others(lab: Lab, tag: str) -> None:
    put_index(lab.repository, tag, [(lab.parts().put(""), "linux/s390x")])


def listed_wrongly(lab: Lab, tag: str) -> None:
    """The right image is there, under another platform; what this machine's gets is another."""
    parts = lab.parts()
    own, right = f"linux/{parts.config['architecture']}", parts.put("")
    wrong = parts.edit(COPIED, replaced("app/tides.sh", b"#!/bin/sh\n")).put("")
    put_index(lab.repository, tag, [(right, "linux/s390x"), (wrong, own), (right, own)])


def nested(lab: Lab, tag: str) -> None:
    own = f"linux/{lab.parts().config['architecture']}"
    put_index(lab.repository, tag, [(put_index(lab.repository, "inner", [(lab.parts().put(""), own)]), own)])


def artifact(lab: Lab, tag: str) -> None:
    blob = lab.repository.put_blob(b"{}", "application/vnd.oci.empty.v1+json").to_dict()
    raw = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": blob, "layers": [blob]}).encode()
    lab.repository.put_manifest(tag, raw, OCI_MANIFEST)


def other_base(lab: Lab, tag: str) -> None:
    lab.parts().edit(0, replaced("etc/passwd", b"root::0:0::/:/bin/sh\n")).put(tag)


def ran_otherwise(lab: Lab, tag: str) -> None:
    parts = lab.parts()
    (entry,) = [one for one in parts.config["history"] if "/var/cache/x" in one.get("created_by", "")]
    entry["created_by"] = "RUN /bin/sh -c make --old # buildkit"
    parts.put(tag)


WRONG: dict[str, tuple[Callable[[Lab, str], object], str]] = {
    # Near misses
    "nothing": (lambda lab, tag: None, "Nothing is pushed as localhost:5000"),
    "before the last edit": (lambda lab, tag: lab.build(tag, tides_sh="#!/bin/sh\necho tide\n"),
                             r"/app/tides.sh in layer 4 \(COPY tides.sh notes.txt ./\) is different"),
    "a file that is not handed in": (layer(COPIED, added("app/more.txt")), "/app/more.txt in layer 4"),
    "a file fewer": (layer(COPIED, without("app/notes.txt")), "/app/notes.txt in layer 4"),
    "a file that may not be run": (layer(COPIED, altered("app/tides.sh", mode=0o644)), "/app/tides.sh in layer 4"),
    "another owner": (layer(COPIED, altered("app/tides.sh", uid=1001)), "/app/tides.sh in layer 4"),
    "a link in place of a file": (layer(COPIED, linked("app/notes.txt", "/etc/passwd")), "/app/notes.txt in layer 4"),
    "another ENV": (config(Env=["PORT=9090"]), "ENV PORT is '9090' instead of '8080'"),
    "another USER": (config(User="root"), "USER is root instead of 1001"),
    "another CMD": (config(Cmd=["sh"]), "CMD is .*sh"),
    "an ENTRYPOINT": (config(Entrypoint=["sh"]), "ENTRYPOINT is .*sh.* instead of none"),
    "another WORKDIR": (config(WorkingDir="/"), "WORKDIR is / instead of /app"),
    "a LABEL": (config(Labels={"a": "b"}), "LABEL a is 'b' instead of none"),
    "a port": (config(ExposedPorts={"80/tcp": {}}), "EXPOSE is .*80/tcp"),
    "a HEALTHCHECK": (config(Healthcheck={"Test": ["NONE"]}), "HEALTHCHECK is .*NONE.* instead of none"),
    "for another platform": (lambda lab, tag: put_foreign(lab, tag), "platform is linux/s390x"),
    "an index for other platforms": (listed_for_others, "the index has no image for .*it has linux/s390x"),
    # Cheats
    "the base image": (base_image, "layers is 1 layers"),
    "another image's layers under the config": (other_config_said, "it does not have the digest that the config names"),
    "one more layer on top": (more_layers, "layers is 6 layers instead of 5 layers"),
    "a program more, where something ran": (layer(RAN, added("usr/bin/back")), "/usr/bin/back in layer 3"),
    "set-uid, where something ran": (layer(RAN, altered("stamp", mode=0o4755)), "/stamp in layer 3"),
    "another owner, where something ran": (layer(RAN, altered("stamp", uid=7)), "/stamp in layer 3"),
    "a link, where something ran": (layer(RAN, linked("stamp", "/etc/shadow")), "/stamp in layer 3"),
    "a folder that all may write": (layer(RAN, altered("var/cache", mode=0o1777)), "/var/cache in layer 3"),
    "a file more beside random names": (layer(RAN, added("srv/more")), "/srv/more in layer 3"),
    "a folder fewer beside random names": (layer(RAN, without("srv/fixed/made")), "/srv/fixed/made in layer 3"),
    "something else ran": (ran_otherwise, "a RUN in the history is RUN make --old instead of RUN mkdir"),
    "a deletion, where something ran": (layer(RAN, added("bin/.wh.busybox", b"")), "in layer 3"),
    "more than what is taken from a stage": (layer(TAKEN, added("program2")), "/program2 in layer 5"),
    "another base image": (other_base, "layer 1, a layer of the base image, is different"),
    "a blob that is gone": (blob_gone, "has no blob sha256:"),
    "listed under another platform": (listed_wrongly, "/app/tides.sh in layer 4"),
    "an index in an index": (nested, "another index"),
    "an artifact": (artifact, "cannot be used"),
}  # fmt: skip


def put_foreign(lab: Lab, tag: str) -> None:
    parts = lab.parts()
    parts.config["architecture"] = "s390x"
    parts.put(tag)


@pytest.mark.parametrize(("case", "says"), WRONG.values(), ids=[name.replace(" ", "-") for name in WRONG])
def test_wrong(lab: Lab, tag: str, case: Callable[[Lab, str], object], says: str) -> None:
    case(lab, tag)
    found = lab.judge(tag)
    assert found.status is Status.FAILED, found
    assert re.search(says, found.message), found.message
    assert lab.judge("right", tag).status is (Status.PARTIAL if "Nothing" in says else Status.FAILED)


def test_tags_name_one_digest(lab: Lab) -> None:
    """Another manifest of the same build, with other times, is right; a further tag of it is not."""
    again(lab, "other")
    manifest = lab.repository.manifest("right")
    assert manifest is not None
    lab.repository.put_manifest("second", manifest.raw, manifest.media_type)
    assert lab.judge("right", "second").status is Status.PASSED
    put_index(lab.repository, "named-again", [(manifest.digest, f"linux/{lab.parts().config['architecture']}")])
    assert lab.judge("right", "named-again").status is Status.PASSED
    assert lab.judge("other").status is Status.PASSED
    found = lab.judge("right", "second", "other", "absent-1")
    assert (found.status, found.fraction) == (Status.PARTIAL, 0.5)
    assert "absent-1; other has another digest than right and second" in found.message
    assert f"right: {manifest.digest}" in found.found


def test_ways_to_write_down_that_a_folder_was_emptied(lab: Lab, tag: str) -> None:
    def before(members: Members) -> None:
        members["bin/.wh..wh..opq"] = (tarfile.TarInfo("bin/.wh..wh..opq"), b"")

    def after(members: Members) -> None:
        for name in names:
            members[f"bin/.wh.{name}"] = (tarfile.TarInfo(f"bin/.wh.{name}"), b"")

    names = lab.facts.image.files.listing("bin")
    for put_as, change in (("opaque", before), (tag, after)):
        lab.parts().edit(RAN, change).put(put_as)
    images = [
        served_image.image_of(lab.repository, found, None)
        for put_as in ("opaque", tag)
        if (found := lab.repository.manifest(put_as)) is not None
    ]
    assert compare(images[0], images[1], lab.facts.plan) == ()
    assert compare(images[0], lab.facts.image, lab.facts.plan) != ()


def test_the_evidence(lab: Lab, tag: str) -> None:
    layer(COPIED, replaced("app/tides.sh", b"\x1b[31mno"))(lab, tag)
    found = lab.judge(tag)
    (place,) = found.where
    assert (place.layer, place.path, place.step) == (4, "/app/tides.sh", "COPY tides.sh notes.txt ./")
    assert place.text is not None
    assert "file, mode 755, owner 0:0, sha256" in place.text
    assert found.expected == f"the image that the folder builds, as {tag}"


@pytest.fixture
def player(lab: Lab) -> Iterator[Player]:
    with Player().running() as player:
        yield player


def own_manifest(lab: Lab, tag: str) -> Manifest:
    lab.parts().put(tag)
    manifest = lab.repository.manifest(tag)
    assert manifest is not None
    return manifest


def test_a_blob_that_was_damaged(lab: Lab, tag: str, player: Player) -> None:
    manifest = own_manifest(lab, tag)
    digest = manifest.layers[0].digest
    good = lab.repository.blob(digest, 1 << 30)
    for number, bad in enumerate((good[:-1] + bytes([good[-1] ^ 1]), good[:1000], good + b"x")):
        lab.repository.put_manifest(f"{tag}-{number}", manifest.raw, manifest.media_type)
        player.answers[f"GET /v2/{lab.repository.name}/blobs/{digest}"] = Said(200, bad)
        found = lab.judge(f"{tag}-{number}", repository=f"{player.address}/{lab.repository.name}")
        assert found.status is Status.FAILED, found
        assert digest in found.message


def test_a_config_that_was_swapped(lab: Lab, tag: str, player: Player) -> None:
    manifest = own_manifest(lab, tag)
    assert manifest.config is not None
    player.answers[f"GET /v2/{lab.repository.name}/blobs/{manifest.config.digest}"] = Said(200, b"{}")
    found = lab.judge(tag, repository=f"{player.address}/{lab.repository.name}")
    assert found.status is Status.FAILED
    assert f"serves other bytes as {manifest.config.digest}: their digest is sha256:" in found.message


def test_what_is_no_manifest(lab: Lab, tag: str, player: Player) -> None:
    player.answers[f"GET /v2/{lab.repository.name}/manifests/{tag}"] = Said(
        200, b"<html>", {"Content-Type": "text/html"}
    )
    found = lab.judge(tag, repository=f"{player.address}/{lab.repository.name}")
    assert found.status is Status.FAILED
    assert "is not JSON" in found.message


def test_an_index_that_names_what_is_not_there(lab: Lab, tag: str, player: Player) -> None:
    right = own_manifest(lab, tag)
    own = f"linux/{lab.parts().config['architecture']}"
    put_index(lab.repository, f"{tag}-x", [(right.digest, own)])
    player.answers[f"GET /v2/{lab.repository.name}/manifests/{right.digest}"] = Said(404)
    found = lab.judge(f"{tag}-x", repository=f"{player.address}/{lab.repository.name}")
    assert found.status is Status.FAILED
    assert f"names the manifest {right.digest}, but the registry does not have it" in found.message


def test_more_than_is_looked_at(lab: Lab, tag: str, player: Player) -> None:
    manifest = own_manifest(lab, tag)
    document = dict(manifest.document)
    document["layers"] = [entry | {"size": 10**12} for entry in document["layers"]]
    player.answers[f"GET /v2/{lab.repository.name}/manifests/{tag}"] = Said(
        200, json.dumps(document).encode(), {"Content-Type": manifest.media_type}
    )
    found = lab.judge(tag, repository=f"{player.address}/{lab.repository.name}")
    assert found.status is Status.FAILED
    assert "at most 5.0 GB are fetched" in found.message


def test_a_registry_that_is_down_gives_no_verdict(lab: Lab, tag: str, player: Player) -> None:
    with pytest.raises(RegistryUnavailable, match="does not answer"):
        lab.judge(tag, repository="localhost:1/me/tides")
    with pytest.raises(LoginRequired, match="needs a login"):
        lab.judge(tag, repository="localhost:5001/me/tides")
    digest = own_manifest(lab, tag).layers[-1].digest
    player.answers[f"GET /v2/{lab.repository.name}/blobs/{digest}"] = Said(503)
    with pytest.raises(RegistryUnavailable, match="status 503"):
        lab.judge(tag, repository=f"{player.address}/{lab.repository.name}")


def test_an_image_from_a_file_has_to_be_the_very_same(lab: Lab, tag: str, tmp_path: Path) -> None:
    again(lab, tag)
    archive = tmp_path / "image.tar"
    with archive.open("wb") as file, lab.engine.save_image(lab.facts.build.image) as chunks:
        file.writelines(chunks)
    with Facts(None, archive=archive) as facts:
        for name, status in (("right", Status.PASSED), (tag, Status.FAILED)):
            found = judge(facts, Params(repository=str(lab.repository), tags=(name,)))
            assert found.status is status, found


def test_nothing_is_built_where_nothing_is_pushed(lab: Lab) -> None:
    with facts_of(lab.folder, lab.engine) as facts:
        assert judge(facts, Params(repository=str(lab.repository), tags=("absent",))).status is Status.FAILED
        assert not facts.known(Facts.build)


def test_the_learners_name_is_filled_in(lab: Lab, tag: str) -> None:
    learner = lab.repository.name.rpartition("/")[2]
    lab.parts().put(tag)
    with Facts(None, learner=learner) as facts:
        facts._values[Facts.image.measure, ()] = lab.facts.image
        params = Params(repository="localhost:5000/test-pushed/{learner}", tags=(tag,))
        assert "different" not in judge(facts, params).found
        assert str(lab.repository) in judge(facts, params).message


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"repository": "localhost:5000/{learner}/tides"}, "tags"),
        ({"repository": "localhost:5000/{learner}/tides", "tags": []}, "at least 1"),
        ({"repository": "localhost:5000/{learner}/tides", "tags": ["a", "a"]}, "each tag once"),
        ({"repository": "localhost:5000/{learner}/tides", "tags": ["a/b"]}, "expected a tag"),
        ({"repository": "localhost:5000/{learner}/tides:1.0", "tags": ["a"]}, "without a tag"),
        ({"repository": "tides", "tags": ["a"]}, "registry in front"),
        ({"tags": ["a"]}, "repository"),
    ],
)
def test_parameters_that_make_no_sense(params: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Params(**params)
