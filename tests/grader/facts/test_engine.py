"""What the interface to the engine does for exercises: images fetched when missing, files laid beside a program."""

from __future__ import annotations

import pytest

from grader.errors import EngineFailure
from grader.facts import container
from grader.facts.engine import Engine
from grader.facts.registry import Repository

pytestmark = pytest.mark.lab

HERE = "localhost:5000/layerwise-test-engine/busybox:here"


def test_an_image_is_fetched_when_it_is_not_there(engine: Engine, base: str) -> None:
    repository, source = Repository.parse(HERE.rpartition(":")[0]), Repository.parse(base.rpartition(":")[0])
    manifest = source.manifest("musl")
    assert manifest is not None
    assert manifest.config is not None
    for blob in (manifest.config, *manifest.layers):
        repository.put_blob(source.blob(blob.digest, 50 << 20))
    digest = repository.put_manifest("here", manifest.raw, manifest.media_type)
    try:
        engine.remove_image(HERE)
        engine.pull(HERE)
        assert container.run(engine, HERE, ["true"], timeout=30).exit_code == 0
        repository.delete(digest)
        engine.pull(HERE)  # it is there, so nobody is asked
    finally:
        engine.remove_image(HERE)
        repository.delete(digest)


@pytest.mark.parametrize("name", ["localhost:5000/layerwise-test-engine/none:1", "localhost:1/none:1"])
def test_an_image_that_cannot_be_had_is_nobodys_fault(engine: Engine, name: str) -> None:
    with pytest.raises(EngineFailure):
        engine.pull(name)


def test_a_file_is_laid_beside_the_program(engine: Engine, base: str) -> None:
    outcome = container.run(engine, base, ["cat", "/key.pub"], timeout=30, programs={"key.pub": b"a point\n"})
    assert (outcome.exit_code, outcome.stdout) == (0, "a point\n")
