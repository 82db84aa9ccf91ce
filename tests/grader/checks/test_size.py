"""`size`: near misses, cheats, and odd but right answers."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import ValidationError

from grader.checks.size import Params, judge
from grader.facts.engine.engine import Engine
from tests.grader.conftest import facts_of

IMAGES = ("busybox:musl",)
NOISE = "head -c {} /dev/urandom > {}"
"""Bytes that no compression makes smaller."""
SLACK = 8_000
"""What archives add to the content of a few files, and gzip to noise."""


class Case(NamedTuple):
    """A Dockerfile after its FROM, and the bytes it adds, as they are and as downloaded, but for some slack."""

    name: str
    body: str
    added: int
    download: int | None = None
    """None where it is the same."""


CASES = [
    Case("settings only", "ENV A=1\nCMD true\n", 0),
    Case("noise", f"RUN {NOISE.format(200_000, '/a')}\n", 200_000),
    Case("zeros", "RUN dd if=/dev/zero of=/z bs=1000 count=300 2>/dev/null\n", 300_000, 0),
    Case("a hole in a file", "RUN dd if=/dev/zero of=/h bs=1 count=1 seek=299999 2>/dev/null\n", 300_000, 0),
    Case("deleted in the same step", f"RUN {NOISE.format(200_000, '/a')} && rm /a\n", 0),
    Case("deleted in a later step", f"RUN {NOISE.format(200_000, '/a')}\nRUN rm /a\n", 200_000),
    Case("mode changed in a later step", f"RUN {NOISE.format(200_000, '/a')}\nRUN chmod 600 /a\n", 400_000),
    Case("hard links in one step", f"RUN {NOISE.format(200_000, '/a')} && ln /a /b && ln /a /c\n", 200_000),
    Case("copies in one step", f"RUN {NOISE.format(200_000, '/a')} && cp /a /b\n", 400_000),
    Case("in a cache mount", f"RUN --mount=type=cache,target=/c {NOISE.format(200_000, '/c/a')}\n", 0),
    Case("a link to a file of the base image", "RUN ln -s /bin/busybox /b\n", 0),
    Case("left behind in a builder",
         f"RUN {NOISE.format(200_000, '/a')} && echo x > /b\nFROM {{base}}\nCOPY --from=first /b /b\n", 0),
    Case("a builder goes on as the image", f"RUN {NOISE.format(200_000, '/a')}\nFROM first\nRUN rm /a\n", 200_000),
    Case("much of the base image deleted", "RUN rm -rf /home /root /var\n", 0),
    Case("many empty files", "RUN mkdir /m && for i in $(seq 100); do : > /m/$i; done\n", 100 * 512, 0),
]  # fmt: skip


@pytest.mark.engine
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_cases(case: Case, submit: Callable[..., Path], engine: Engine, base: str) -> None:
    with facts_of(submit(Dockerfile=f"FROM {base} AS first\n{case.body.replace('{base}', base)}"), engine) as facts:
        facts.images = IMAGES
        whole = facts.image.layers[0].size
        packed = facts.image.compressed_sizes[0]
        download = case.added if case.download is None else case.download
        for of, least in (("added", case.added), ("image", whole + case.added), ("download", packed + download)):
            within = judge(facts, Params(of=of, full=least + SLACK))
            assert within.fraction == 1.0, (of, within)
            if least:
                assert judge(facts, Params(of=of, full=least - 1)).fraction == 0.0, of


@pytest.mark.engine
def test_the_share_of_the_points_and_the_evidence(submit: Callable[..., Path], engine: Engine, base: str) -> None:
    folder = submit(Dockerfile=f"FROM {base}\nRUN mkdir /d && {NOISE.format(300_000, '/d/n')}\nRUN rm /d/n\n")
    with facts_of(folder, engine, images=IMAGES) as facts:
        size = sum(layer.size for layer in facts.image.layers[1:])

        def fraction(full: int, zero: int | None) -> float:
            return judge(facts, Params(of="added", full=full, zero=zero)).fraction

        assert fraction(size, None) == 1.0
        assert fraction(size - 1, None) == 0.0
        assert fraction(size - 1, size) == 0.0
        assert fraction(size - 1, size + 1) == 0.5
        assert fraction(size - 100_000, size + 300_000) == 0.75
        assert fraction(0, size) == 0.0

        found = judge(facts, Params(of="added", full=size - 1))
        assert f"{size:,} bytes" in found.message, "a rounded size would read like the limit"
        assert [(place.path, place.layer, place.bytes, place.text) for place in found.where] == [
            ("/d/n", 2, 300_000, "hidden by a later layer")
        ]
        assert [row["layer"] for row in found.details["layers"]] == [2, 3]
        assert found.details["layers"][1]["instruction"] == "RUN rm /d/n"
        assert sum(row["bytes"] for row in found.details["layers"]) == size


@pytest.mark.engine
def test_from_scratch_everything_is_added(submit: Callable[..., Path], engine: Engine, base: str) -> None:
    folder = submit(Dockerfile=f"FROM {base} AS first\nFROM scratch\nCOPY --from=first / /\n")
    with facts_of(folder, engine, images=IMAGES) as facts:
        found = judge(facts, Params(of="added", full="1 MB"))
        assert found.fraction == 0.0
        assert found.details["bytes"] == facts.image.size


@pytest.mark.engine
def test_a_base_of_ones_own_counts_as_added(submit: Callable[..., Path], engine: Engine, base: str) -> None:
    own = "layerwise-test-own-base:size"
    with facts_of(submit(Dockerfile=f"FROM {base}\nRUN {NOISE.format(300_000, '/n')}\n"), engine) as facts:
        engine._api.tag(facts.build.image, own)
    try:
        with facts_of(submit(Dockerfile=f"FROM {own}\nCMD true\n"), engine, images=IMAGES) as facts:
            found = judge(facts, Params(of="added", full="100 kB"))
            assert 300_000 <= found.details["bytes"] <= 300_000 + SLACK, "the exercise's own base image does not count"
        with facts_of(submit(Dockerfile=f"FROM {own}\nCMD true\n"), engine, images=("node:20-slim",)) as facts:
            found = judge(facts, Params(of="added", full="100 kB"))
            assert found.details["bytes"] == facts.image.size
            assert (
                f"built on docker.io/library/{own}, which is not one of this exercise's base images, so"
                in found.message
            )
    finally:
        engine.remove_image(own)
    assert found.fraction == 0.0


@pytest.mark.engine
def test_the_base_image_by_digest_is_the_base_image(submit: Callable[..., Path], engine: Engine, base: str) -> None:
    engine._api.pull(base)
    digest = next(text for text in engine.inspect_image(base)["RepoDigests"] if "/base/busybox" in text)
    with facts_of(submit(Dockerfile=f"FROM {digest}\nRUN : > /x\n"), engine, images=IMAGES) as facts:
        assert judge(facts, Params(of="added", full="10 kB")).fraction == 1.0


@pytest.mark.engine
@pytest.mark.lab
def test_a_download_is_what_a_registry_serves(submit: Callable[..., Path], engine: Engine, base: str) -> None:
    """Within a few in a hundred: the builders' gzip is another implementation of the same level."""
    with facts_of(submit(Dockerfile=f"FROM {base}\nCMD true\n"), engine) as facts:
        ours = sum(facts.image.compressed_sizes)
    accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
    address = "http://localhost:5000/v2/base/busybox/manifests/musl"
    with urllib.request.urlopen(urllib.request.Request(address, headers={"Accept": accept})) as answer:
        served = sum(layer["size"] for layer in json.load(answer)["layers"])
    assert ours == pytest.approx(served, rel=0.04), (ours, served)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"of": "image", "full": "20 MB", "zero": "10 MB"}, "no less than full"),
        ({"of": "image"}, "full"),
        ({"full": "20 MB"}, "of"),
        ({"of": "layers", "full": "20 MB"}, "of"),
        ({"of": "image", "full": "20"}, "full"),
        ({"of": "image", "full": -1}, "full"),
        ({"of": "image", "full": "20 MB", "max": "30 MB"}, "max"),
    ],
)
def test_parameters_that_make_no_sense(params: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Params(**params)
