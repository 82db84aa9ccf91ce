"""What is removed of what scripts pushed: that of one trial, of processes that have ended, and nothing of others."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest

from grader.errors import EngineUnavailable, GraderError, RegistryUnavailable
from grader.facts.registry.documents import OCI_INDEX, OCI_MANIFEST, digest_of
from grader.facts.registry.names import learner_name
from grader.lib import owner
from grader.verify import cleanup
from tests.grader.facts.engine import played
from tests.grader.registries import Player, Said

HOST, PID, START = owner.mark().split("-")
LEARNERS = {
    "own": f"verify-{HOST}-{PID}-{START}-aa",
    "another of this process": f"verify-{HOST}-{PID}-{START}-ab",
    "its process id is used again": f"verify-{HOST}-{PID}-{int(START) - 1}-aa",
    "a living process": f"verify-{HOST}-{os.getppid()}-{owner._start(os.getppid())}-aa",
    "another machine": f"verify-{'0' * 12}-{PID}-1-aa",
    "a person": "verify-me",
}
STALE = "its process id is used again"
OWN = ("own", "another of this process")


class Lab(NamedTuple):
    """A registry and an engine that are played. What is asked of them is written down."""

    registry: Player
    engine: played.Player

    def put(self, name: str, tags: Mapping[str, Said]) -> None:
        """Serve a repository with these tags."""
        self.registry.answers[f"GET /v2/{name}/tags/list?n=1000"] = Said(200, json.dumps({"tags": [*tags]}).encode())
        self.registry.answers |= {f"GET /v2/{name}/manifests/{tag}": said for tag, said in tags.items()}

    def catalogue(self, *names: str) -> None:
        said = Said(200, json.dumps({"repositories": sorted(names)}).encode())
        self.registry.answers["GET /v2/_catalog?n=1000&last=verify-"] = said

    def images(self, *names: str, digests: Sequence[str] = ()) -> None:
        self.engine.answers["/images/json"] = (200, [{"RepoTags": [*names], "RepoDigests": [*digests]}])

    def deleted(self) -> list[str]:
        """The manifests, by repository and digest, whose deletion was asked for."""
        paths = [asked.path for asked in self.registry.asked if asked.method == "DELETE"]
        return [path.removeprefix("/v2/").replace("/manifests/", "@") for path in paths]

    def removed(self) -> list[str]:
        """The images whose removal was asked for, without the registry's name."""
        lines = [unquote(line) for line in self.engine.asked]
        asked = [line.removeprefix("DELETE /images/") for line in lines if line.startswith("DELETE")]
        return [name.removeprefix(f"{self.registry.address}/") for name in asked]


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    engine = played.Player(played.NOTHING | {"/info": (200, played.INFO)})
    with Player({"GET /v2/": Said(200)}, lab=False).running() as registry, closing(engine):
        monkeypatch.setenv("DOCKER_HOST", engine.host)
        monkeypatch.setattr(cleanup, "REGISTRY", registry.address)
        yield Lab(registry, engine)


def image(text: str = "") -> Said:
    """A manifest. Another text makes another one."""
    blob = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(text.encode()), "size": 1}
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": blob, "layers": []}
    return Said(200, json.dumps(document).encode(), {"Content-Type": OCI_MANIFEST})


def index(*manifests: Said) -> Said:
    listed: list[dict[str, Any]] = [
        {"mediaType": OCI_MANIFEST, "digest": digest_of(one.body), "size": len(one.body)} for one in manifests
    ]
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}
    return Said(200, json.dumps(document).encode(), {"Content-Type": OCI_INDEX})


def fill(lab: Lab) -> None:
    """Put a repository and an image of every learner into the lab."""
    names = {who: f"{learner}/x" for who, learner in LEARNERS.items()}
    lab.catalogue(*names.values())
    for who, name in names.items():
        lab.put(name, {"1": image(who)})
    lab.images(*(f"{lab.registry.address}/{name}:1" for name in names.values()))


def of(who: str) -> tuple[str, str]:
    """A learner's manifest, and the image."""
    return f"{LEARNERS[who]}/x@{digest_of(image(who).body)}", f"{LEARNERS[who]}/x:1"


@pytest.mark.parametrize(
    ("own", "gone"), [(False, [STALE]), (True, [STALE, *OWN])], ids=["of others", "and of this process"]
)
def test_a_sweep_takes_what_belongs_to_nobody_any_more(own, gone, lab):
    fill(lab)
    cleanup.sweep(own=own)
    assert sorted(lab.deleted()) == sorted(of(who)[0] for who in gone)
    assert sorted(lab.removed()) == sorted(of(who)[1] for who in gone)


@pytest.mark.parametrize("who", LEARNERS)
def test_what_one_trial_left_is_removed_and_no_more(who, lab):
    fill(lab)
    cleanup.remove(LEARNERS[who])
    assert lab.deleted() == [of(who)[0]]
    assert lab.removed() == [of(who)[1]]


@pytest.mark.parametrize(
    "name",
    ["{learner}/x:1", "localhost:1/{learner}/x:1", "{registry}/x/{learner}:1", "{registry}/my-{learner}/x:1"],
)
def test_an_image_of_another_name_is_left_alone(name, lab):
    lab.catalogue()
    lab.images(name.format(learner=LEARNERS[STALE], registry=lab.registry.address))
    cleanup.sweep()
    cleanup.remove(LEARNERS[STALE])
    assert lab.removed() == []


def test_an_image_goes_with_all_of_its_names(lab):
    lab.catalogue()
    names = [f"{LEARNERS[STALE]}/{name}" for name in ("a/b:1", "a/b@sha256:" + "0" * 64, "c:2")]
    full = [f"{lab.registry.address}/{name}" for name in names]
    lab.images(full[0], full[2], digests=[full[1]])
    cleanup.remove(LEARNERS[STALE])
    assert sorted(lab.removed()) == sorted(names)


def test_every_tag_of_every_repository_goes_and_an_index_with_what_it_lists(lab):
    learner = LEARNERS["own"]
    lab.catalogue(f"{learner}/a", f"{learner}/b/c", f"{learner}/empty")
    many = index(image("arm"), image("amd"))
    lab.put(f"{learner}/a", {"1": image("one"), "2": image("two")})
    lab.put(f"{learner}/b/c", {"all": many})
    cleanup.remove(learner)
    expected = [f"{learner}/a@{digest_of(image(text).body)}" for text in ("one", "two")]
    expected += [f"{learner}/b/c@{digest_of(said.body)}" for said in (many, image("arm"), image("amd"))]
    assert lab.deleted() == expected


@pytest.mark.parametrize(
    "broken",
    [
        Said(404),
        Said(200, b"{", {"Content-Type": OCI_MANIFEST}),
        image()._replace(headers={"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": "sha256:" + "0" * 64}),
    ],
    ids=["gone", "no manifest", "another digest"],
)
def test_a_broken_manifest_does_not_keep_the_others(broken, lab):
    learner = LEARNERS["own"]
    lab.catalogue(f"{learner}/a", f"{learner}/b")
    lab.put(f"{learner}/a", {"1": broken, "2": image("two")})
    lab.put(f"{learner}/b", {"1": image("one")})
    cleanup.remove(learner)
    expected = [f"{learner}/a@{digest_of(image('two').body)}", f"{learner}/b@{digest_of(image('one').body)}"]
    assert lab.deleted() == expected


def test_what_the_registry_lists_after_the_trials_is_not_asked_for(lab):
    """A registry may have many pages of repositories."""
    learner = LEARNERS["own"]
    lab.catalogue(f"{learner}/x", "words/x")
    first, more = "GET /v2/_catalog?n=1000&last=verify-", "GET /v2/_catalog?last=words/x"
    following = {"Link": f'<{more.removeprefix("GET ")}>; rel="next"'}
    lab.registry.answers[first] = lab.registry.answers[first]._replace(headers=following)
    lab.registry.answers[more] = Said(500)
    lab.put(f"{learner}/x", {"1": image()})
    cleanup.remove(learner)
    assert lab.deleted() == [f"{learner}/x@{digest_of(image().body)}"]


FAULTS: dict[str, tuple[str, Said, type[GraderError]]] = {
    "no catalogue": ("GET /v2/_catalog?n=1000&last=verify-", Said(404), RegistryUnavailable),
    "no deletion": (f"DELETE /v2/{of('own')[0].replace('@', '/manifests/')}", Said(405), RegistryUnavailable),
}


@pytest.mark.parametrize(("request_line", "said", "error"), FAULTS.values(), ids=FAULTS)
def test_what_cannot_be_removed_is_said_of_one_trial_and_left_by_a_sweep(request_line, said, error, lab):
    fill(lab)
    lab.registry.answers[request_line] = said
    cleanup.sweep(own=True)
    with pytest.raises(error):
        cleanup.remove(LEARNERS["own"])


def test_with_no_engine_the_registry_is_emptied_all_the_same(lab, monkeypatch):
    fill(lab)
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    cleanup.sweep()
    assert lab.deleted() == [of(STALE)[0]]
    with pytest.raises(EngineUnavailable):
        cleanup.remove(LEARNERS["own"])
    assert lab.deleted() == [of(STALE)[0], of("own")[0]]


def test_a_new_learner_has_a_name_that_tells_the_process():
    names = [cleanup.new_learner() for _ in range(50)]
    assert len(set(names)) == len(names)
    assert all(name.startswith(f"verify-{owner.mark()}-") for name in names)
    assert [learner_name(name) for name in names] == names
