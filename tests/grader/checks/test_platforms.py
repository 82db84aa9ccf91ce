"""`platforms`: near misses, cheats, and odd but right answers, put into the lab's registry by its own interface.

The programs are the first bytes of programs: enough to tell what they are for, and nothing here is run.
"""

from __future__ import annotations

import json
import re
import tarfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from grader.checks.platforms import Params, judge
from grader.errors import LoginRequired, RegistryUnavailable
from grader.facts import Facts
from grader.facts.image.elf import architecture
from grader.facts.registry.documents import OCI_INDEX, NotAManifest
from grader.facts.registry.repository import Repository
from grader.verdict import Status, Verdict
from tests.grader.registries import Parts, Player, Said, clear, put_index, tar

pytestmark = pytest.mark.lab

RUN = uuid.uuid4().hex
BOTH = ("linux/amd64", "linux/arm64")
MACHINES = {"386": 3, "arm": 40, "amd64": 62, "arm64": 183, "riscv64": 243}


def program(kind: str) -> bytes:
    """The beginning of a program for that architecture."""
    word = 1 if kind in ("386", "arm") else 2
    return (
        b"\x7fELF" + bytes([word, 1, 1]) + bytes(9) + (2).to_bytes(2, "little") + MACHINES[kind].to_bytes(2, "little")
    )


@pytest.fixture
def repository() -> Iterator[Repository]:
    repository = Repository.parse(f"localhost:5000/test-platforms/{RUN}")
    yield repository
    clear(repository)


class Shelf:
    """What a case puts its images on."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.docker = False

    def image(
        self,
        platform: str,
        files: Mapping[str, bytes] | None = None,
        *,
        cmd: Sequence[str] = ("/app/tides",),
        **more: Any,
    ) -> str:
        """An image for a platform, with that platform's program in it unless told otherwise. Its digest."""
        system, kind, *variant = platform.split("/")
        files = {"app/tides": program(kind)} if files is None else files
        config = {"os": system, "architecture": kind, "config": {"Cmd": list(cmd), **more}}
        if variant:
            config["variant"] = variant[0]
        return Parts(self.repository, config, [tar(files)] if files else []).put("", docker=self.docker)

    def index(self, *entries: tuple[str, str | None]) -> None:
        put_index(self.repository, "latest", entries, docker=self.docker)

    def both(self, **more: Any) -> None:
        """An image for each, made with what `more` says for it: files by its architecture, or the same for both."""
        made = []
        for platform in BOTH:
            kind = platform.partition("/")[2]
            own = {key: value(kind) if callable(value) else value for key, value in more.items()}
            made.append((self.image(platform, **own), platform))
        self.index(*made)


def judged(repository: str | Repository, *has: str, **more: Any) -> Verdict:
    with Facts(None) as facts:
        return judge(facts, Params(repository=str(repository), has=has or BOTH, **more))


def old_types(shelf: Shelf) -> None:
    shelf.docker = True
    shelf.both()


def attested(shelf: Shelf) -> None:
    note = Parts(shelf.repository, {"os": "unknown", "architecture": "unknown"}, []).put("")
    shelf.index((note, "unknown/unknown"), *((shelf.image(name), name) for name in BOTH), (note, "unknown/unknown"))


def links(kind: str) -> Mapping[str, Any]:
    def link(name: str, to: str, type_: bytes) -> tuple[tarfile.TarInfo, bytes]:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = type_, to
        return member, b""

    file = tarfile.TarInfo("bin/busybox")
    file.mode = 0o755
    return {
        "bin/busybox": (file, program(kind)),
        "bin/sh": link("bin/sh", "bin/busybox", tarfile.LNKTYPE),
        "usr/bin": link("usr/bin", "/bin", tarfile.SYMTYPE),
        "bin/tides": link("bin/tides", "../usr/bin/sh", tarfile.SYMTYPE),
    }


def scripts(kind: str) -> dict[str, bytes]:
    start = b"#!/usr/bin/env -S tide-shell -e\nexec /app/tides\n"
    files = {"app/start.sh": start, "usr/bin/env": program(kind), "usr/bin/tide-shell": program(kind)}
    return {**files, "app/tides": program(kind)}


def choosing(kind: str) -> dict[str, bytes]:
    """One image holds a program for each processor, and starts the one that fits."""
    start = b"#!/bin/sh\ncase $(uname -m) in x86_64) exec /app/tides-1 ;; *) exec /app/tides-2 ;; esac\n"
    files = {"app/start.sh": start, "bin/sh": program(kind)}
    return {**files, "app/tides-1": program("amd64"), "app/tides-2": program("arm64")}


def shell(kind: str) -> dict[str, bytes]:
    return {"bin/sh": program(kind), "app/tides": program(kind)}


RIGHT: dict[str, tuple[Callable[[Shelf], object], Sequence[str]]] = {
    "both": (lambda shelf: shelf.both(), BOTH),
    "as a list of Docker's": (old_types, BOTH),
    "with attestations": (attested, BOTH),
    "more than is asked for": (lambda shelf: shelf.index(
        *((shelf.image(name), name) for name in ("linux/riscv64", "linux/386", *BOTH))), BOTH),
    "one is asked for": (lambda shelf: shelf.index((shelf.image("linux/amd64"), "linux/amd64")), ("linux/amd64",)),
    "arm64 says its variant": (lambda shelf: shelf.index(
        (shelf.image("linux/arm64/v8"), "linux/arm64/v8"), (shelf.image("linux/amd64"), "linux/amd64")), BOTH),
    "arm64 is asked for by its variant": (lambda shelf: shelf.both(), ("linux/arm64/v8",)),
    "the index says a variant, the config none": (lambda shelf: shelf.index(
        (shelf.image("linux/arm"), "linux/arm/v7")), ("linux/arm/v7",)),
    "two variants": (lambda shelf: shelf.index(
        (shelf.image("linux/arm/v6"), "linux/arm/v6"), (shelf.image("linux/arm/v7"), "linux/arm/v7")),
        ("linux/arm/v6", "linux/arm/v7")),
    "a command of the shell": (lambda shelf: shelf.both(files=shell, cmd=("/bin/sh", "-c", "exec /app/tides")), BOTH),
    "found on its PATH": (lambda shelf: shelf.both(cmd=("tides",), Env=["PATH=/bin:/app"]), BOTH),
    "found in its working directory": (lambda shelf: shelf.both(cmd=("./tides",), WorkingDir="/app"), BOTH),
    "an entry point": (lambda shelf: shelf.both(cmd=("--high",), Entrypoint=["/app/tides"]), BOTH),
    "links": (lambda shelf: shelf.both(files=links, cmd=("tides",)), BOTH),
    "a script": (lambda shelf: shelf.both(files=scripts, cmd=("/app/start.sh",)), BOTH),
    "a script that chooses": (lambda shelf: shelf.both(files=choosing, cmd=("/app/start.sh",)), BOTH),
    "data, and no program": (lambda shelf: shelf.both(files={"tides.csv": b"1,2\n"}, cmd=()), BOTH),
    "what is neither program nor script": (lambda shelf: shelf.both(files={"app/tides": b"PK\3\4"}), BOTH),
}  # fmt: skip


@pytest.mark.parametrize(("case", "has"), RIGHT.values(), ids=[name.replace(" ", "-") for name in RIGHT])
def test_right(repository: Repository, case: Callable[[Shelf], object], has: Sequence[str]) -> None:
    case(Shelf(repository))
    found = judged(repository, *has)
    assert found.status is Status.PASSED, found


def twice(shelf: Shelf) -> None:
    one = shelf.image("linux/amd64")
    shelf.index((one, "linux/amd64"), (one, "linux/arm64"))


def gone(shelf: Shelf) -> None:
    shelf.both()
    manifest = shelf.repository.manifest("latest")
    assert manifest is not None
    image = shelf.repository.manifest(manifest.manifests[1].digest)
    assert image is not None
    shelf.repository.delete_blob(image.layers[0].digest)


def manifest_gone(shelf: Shelf) -> None:
    arm = shelf.image("linux/arm64")
    shelf.index((shelf.image("linux/amd64"), "linux/amd64"), (arm, "linux/arm64"))
    shelf.repository.delete(arm)


def nested(shelf: Shelf) -> None:
    arm = shelf.image("linux/arm64")
    inner = put_index(shelf.repository, "inner", [(arm, "linux/arm64")])
    shelf.index((shelf.image("linux/amd64"), "linux/amd64"), (inner, "linux/arm64"))


AMD = {"app/tides": program("amd64")}
HALF = {
    # Near misses
    "one platform of two": (lambda shelf: shelf.index((shelf.image("linux/amd64"), "linux/amd64")),
                            "for linux/arm64, the index has no entry for linux/arm64"),
    "another platform": (lambda shelf: shelf.index(
        (shelf.image("linux/amd64"), "linux/amd64"), (shelf.image("linux/arm"), "linux/arm/v7")),
        "no entry for linux/arm64"),
    "built on the builder, for the builder": (lambda shelf: shelf.both(files=AMD),
                                              "/app/tides, which it starts, is a program for amd64"),
    "the shell is right, and the program is not": (lambda shelf: shelf.both(
        files=lambda kind: AMD | {"bin/sh": program(kind)}, cmd=("/bin/sh", "-c", "exec /app/tides --high")),
        "/app/tides, which it starts, is a program for amd64"),
    "the script is right, and what it starts is not": (lambda shelf: shelf.both(
        files=lambda kind: AMD | {"bin/sh": program(kind), "start": b"#!/bin/sh\nexec /app/tides"}, cmd=("/start",)),
        "/app/tides, which it starts, is a program for amd64"),
    "the wrong program behind a right one": (lambda shelf: shelf.both(
        files=lambda kind: AMD | {"sbin/init": program(kind)}, cmd=("/app/tides",), Entrypoint=["/sbin/init", "--"]),
        "/app/tides, which it starts, is a program for amd64"),
    "the interpreter is the builder's": (lambda shelf: shelf.both(
        files={"bin/python": program("amd64"), "app/a.py": b"#!/bin/python\n"}, cmd=("/app/a.py",)),
        "/bin/python, which it starts, is a program for amd64"),
    "no program for it": (lambda shelf: shelf.both(files=lambda kind: AMD if kind == "amd64" else {"x": b""}),
                          "it starts /app/tides, which is not in the image"),
    "nothing in it": (lambda shelf: shelf.both(files=lambda kind: AMD if kind == "amd64" else {}),
                      "is not in the image"),
    # Cheats
    "one manifest twice": (twice, "its config says linux/amd64"),
    "the config lies, and the program tells": (lambda shelf: shelf.index(
        (shelf.image("linux/amd64"), "linux/amd64"), (shelf.image("linux/arm64", AMD), "linux/arm64")),
        "is a program for amd64"),
    "the index lies": (lambda shelf: shelf.index((shelf.image("linux/amd64"), "linux/amd64"),
                                                 (shelf.image("linux/386"), "linux/arm64")),
                       "its config says linux/386"),
    "a blob that is gone": (gone, "has no blob sha256:"),
    "a manifest that is gone": (manifest_gone, "the registry does not have it"),
    "an index in an index": (nested, "another index"),
    "no command, to be asked for none": (lambda shelf: shelf.both(files=AMD, cmd=()),
                                         "the programs that it holds are for amd64"),
}  # fmt: skip


@pytest.mark.parametrize(("case", "says"), HALF.values(), ids=[name.replace(" ", "-") for name in HALF])
def test_half(repository: Repository, case: Callable[[Shelf], object], says: str) -> None:
    case(Shelf(repository))
    found = judged(repository)
    assert (found.status, found.fraction) == (Status.PARTIAL, 0.5), found
    assert re.search(says, found.message), found.message
    faults = [row["fault"] for row in found.details["platforms"]]
    assert faults[0] is None
    assert faults[1]


def test_another_variant(repository: Repository) -> None:
    shelf = Shelf(repository)
    shelf.index((shelf.image("linux/arm/v6"), "linux/arm/v6"), (shelf.image("linux/arm/v6"), "linux/arm/v7"))
    found = judged(repository, "linux/arm/v6", "linux/arm/v7", "linux/arm/v8")
    assert found.fraction == 1 / 3
    assert "for linux/arm/v7, its config says linux/arm/v6; for linux/arm/v8, the index has no entry" in found.message
    assert judged(repository, "linux/arm").status is Status.FAILED, "linux/arm is v7"


def test_none_is_no_share(repository: Repository) -> None:
    shelf = Shelf(repository)
    shelf.both(files={"app/tides": program("riscv64")})
    assert judged(repository).status is Status.FAILED


def test_one_image_is_no_index(repository: Repository) -> None:
    digest = Shelf(repository).image("linux/amd64")
    manifest = repository.manifest(digest)
    assert manifest is not None
    repository.put_manifest("latest", manifest.raw, manifest.media_type)
    for has in (BOTH, ("linux/amd64",)):
        found = judged(repository, *has)
        assert found.status is Status.FAILED
        assert "is a single image for linux/amd64, not an index" in found.message


def test_nothing_is_pushed(repository: Repository) -> None:
    found = judged(repository, tag="1.0")
    assert found.status is Status.FAILED
    assert found.message == f"Nothing is pushed as {repository}:1.0."


def test_an_empty_index(repository: Repository) -> None:
    raw = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}).encode()
    repository.put_manifest("latest", raw, OCI_INDEX)
    assert judged(repository).status is Status.FAILED


def test_the_evidence(repository: Repository) -> None:
    Shelf(repository).both(files=scripts, cmd=("/app/start.sh",))
    manifest = repository.manifest("latest")
    assert manifest is not None
    found = judged(repository)
    assert found.details["digest"] == manifest.digest
    assert found.found == "an index with linux/amd64, linux/arm64"
    amd, arm = found.details["platforms"]
    assert (amd["platform"], amd["digest"]) == ("linux/amd64", manifest.manifests[0].digest)
    assert sorted(arm["programs"]) == ["/app/tides: arm64", "/usr/bin/env: arm64", "/usr/bin/tide-shell: arm64"]


def test_damage_and_nonsense(repository: Repository) -> None:
    Shelf(repository).both()
    index = repository.manifest("latest")
    assert index is not None
    arm = repository.manifest(index.manifests[1].digest)
    assert arm is not None
    assert arm.config is not None
    here = f"/v2/{repository.name}"
    faults = {
        f"{here}/blobs/{arm.layers[0].digest}": "has more than",
        f"{here}/blobs/{arm.config.digest}": "their digest is sha256:",
        f"{here}/manifests/{arm.digest}": "their digest is sha256:",
    }
    for path, says in faults.items():
        body = b'{"schemaVersion": 2, "config": ' + json.dumps(arm.config.to_dict()).encode() + b', "layers": []}'
        with Player({f"GET {path}": Said(200, body)}).running() as player:
            found = judged(f"{player.address}/{repository.name}")
            assert found.fraction == 0.5, (path, found)
            assert says in found.message
    nonsense = Player({f"GET {here}/manifests/latest": Said(200, b"<html>")})
    # A fault of what was pushed: the grading makes it a verdict.
    with nonsense.running() as player, pytest.raises(NotAManifest, match="is not a manifest: it is not JSON"):
        judged(f"{player.address}/{repository.name}")


def test_a_registry_that_does_not_tell_gives_no_verdict(repository: Repository) -> None:
    with pytest.raises(RegistryUnavailable, match="does not answer"):
        judged("localhost:1/me/tides")
    with pytest.raises(LoginRequired, match="needs a login"):
        judged("localhost:5001/me/tides")
    Shelf(repository).both()
    index = repository.manifest("latest")
    assert index is not None
    path = f"/v2/{repository.name}/manifests/{index.manifests[1].digest}"
    with Player({f"GET {path}": Said(500)}).running() as player, pytest.raises(RegistryUnavailable, match="500"):
        judged(f"{player.address}/{repository.name}")


@pytest.mark.parametrize("text", ["x" * 200_000, "a b " * 50_000, "#!" * 10_000, "'\"`$(" * 10_000, "\0" * 1000])
def test_scripts_that_mean_no_good(repository: Repository, text: str) -> None:
    files = {"bin/sh": program("amd64"), "a": b"#!/bin/sh\n" + text.encode()}
    digest = Shelf(repository).image("linux/amd64", files, cmd=("/a", text[:5_000]))
    put_index(repository, "latest", [(digest, "linux/amd64")])
    assert judged(repository, "linux/amd64").status is Status.PASSED


def test_scripts_in_a_circle(repository: Repository) -> None:
    digest = Shelf(repository).image("linux/amd64", {"a": b"#!/b\n/a /b", "b": b"#!/a\n/b"}, cmd=("/a",))
    put_index(repository, "latest", [(digest, "linux/amd64")])
    assert judged(repository, "linux/amd64").status is Status.PASSED


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (program("amd64"), "amd64"),
        (program("arm64"), "arm64"),
        (program("386"), "386"),
        (b"\x7fELF\x02\x02" + bytes(12) + b"\0\x16", "s390x"),
        (b"\x7fELF\x02\x01" + bytes(12) + b"\x15\0", "ppc64le"),
        (b"\x7fELF\x02\x02" + bytes(12) + b"\0\x15", "ppc64"),
        (b"\x7fELF\x02\x01" + bytes(12) + b"\x08\0", "mips64le"),
        (b"\x7fELF\x01\x02" + bytes(12) + b"\0\x08", "mips"),
        (b"\x7fELF\x02\x01" + bytes(12) + b"\xff\xff", "machine 65535"),
        (b"\x7fELF\x02\x01" + bytes(11), None),
        (b"#!/bin/sh\n" + bytes(20), None),
        (b"", None),
    ],
)
def test_what_a_program_is_for(head: bytes, expected: str | None) -> None:
    assert architecture(head) == expected


def test_programs_of_this_machine(tmp_path: Path) -> None:
    with Path("/proc/self/exe").open("rb") as file:
        assert architecture(file.read(20)) in ("amd64", "arm64")


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"repository": "localhost:5000/{learner}/tides"}, "has"),
        ({"repository": "localhost:5000/{learner}/tides", "has": []}, "at least 1"),
        ({"repository": "localhost:5000/{learner}/tides", "has": ["arm64"]}, "expected a platform"),
        (
            {"repository": "localhost:5000/{learner}/tides", "has": ["linux/arm64", "linux/arm64/v8"]},
            "each platform once",
        ),
        ({"repository": "localhost:5000/{learner}/tides", "has": ["linux/../x"]}, "expected a platform"),
        ({"repository": "localhost:5000/{learner}/tides", "has": ["linux/arm64"], "tag": "a:b"}, "tag"),
        ({"has": ["linux/arm64"]}, "repository"),
    ],
)
def test_parameters_that_make_no_sense(params: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Params(**params)
