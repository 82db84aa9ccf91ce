"""Where buildx is found, and which one is too old."""

import pytest

from grader.errors import EngineFailure
from grader.facts.build import buildx as module


@pytest.fixture
def plugins(monkeypatch, tmp_path):
    """A folder for Docker's plugins, the only place where a buildx may be."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(module, "PLUGIN_FOLDERS", ())
    module.buildx.cache_clear()
    yield tmp_path
    module.buildx.cache_clear()


def install(path, version):
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\necho github.com/docker/buildx {version}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("place", ["cli-plugins/docker-buildx", "bin/docker-buildx", "bin/buildx"])
def test_where_buildx_is(plugins, place):
    install(plugins / place, "v0.13.1+ds1 abc")
    assert module.buildx() == (str(plugins / place),)


def test_a_buildx_that_is_too_old_or_not_there(plugins):
    with pytest.raises(EngineFailure, match="docker buildx is missing"):
        module.buildx()
    install(plugins / "cli-plugins" / "docker-buildx", "v0.12.1 abc")
    with pytest.raises(EngineFailure, match=r"is buildx v0\.12\.1, and 0\.13 or later is needed"):
        module.buildx()
