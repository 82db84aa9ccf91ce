"""`layers`: near misses, cheats, and odd but right answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import ValidationError

from grader.checks.layers import Params, judge
from grader.facts.engine.engine import Engine
from grader.verdict import Verdict
from tests.grader.conftest import facts_of

MAKE = "head -c {} /dev/urandom > {}"
BIG = "RUN " + MAKE.format(100_000, "/big") + "\n"


class Case(NamedTuple):
    """A Dockerfile after its FROM, the layers it adds, its bytes of waste, and the files wasted with their layers."""

    name: str
    body: str
    layers: int
    waste: int = 0
    files: tuple[tuple[str, int, str], ...] = ()
    """Path, the layer it is in (the base image is 1), and how it is told that it is hidden."""


CASES = [
    Case("nothing at all", "", 0),
    Case("only settings", 'ENV A=1\nLABEL b=2\nEXPOSE 80\nUSER 7\nCMD ["true"]\n', 0),
    Case("a folder that is there already", "WORKDIR /tmp\nWORKDIR /etc\n", 0),
    Case("a folder that is made", "WORKDIR /app\n", 1),
    Case("a command that changes nothing", "RUN true\n", 0),
    Case("a touched folder of the engine's", "RUN touch /etc\n", 0),
    Case("mode of a folder that engines mount into", "RUN chmod 711 /etc\n", 1),
    Case("its mode, and back", "RUN chmod 711 /etc\nRUN chmod 755 /etc\n", 2),
    Case("its owner", "RUN chown 7 /etc\n", 1),
    Case("its group", "RUN chgrp 7 /etc\n", 1),
    Case("a mode set in a builder", "RUN chmod 711 /etc\nFROM {base}\nRUN true\n", 0),
    Case("deleted in the same step", "RUN " + MAKE.format(100_000, "/big") + " && rm /big && touch /done\n", 1),
    Case("deleted in a later step", BIG + "RUN rm /big\n", 2, 100_000, (("/big", 2, "deleted in layer 3: RUN rm"),)),
    Case("its folder is deleted", "RUN mkdir -p /d/e && " + MAKE.format(100_000, "/d/e/f") + "\nRUN rm -rf /d\n",
         2, 100_000, (("/d/e/f", 2, "deleted in layer 3: RUN rm -rf /d"),)),
    Case("its folder is deleted and made anew",
         "RUN mkdir /d && " + MAKE.format(100_000, "/d/f") + "\nRUN rm -rf /d && mkdir /d && echo x > /d/g\n",
         2, 100_000, (("/d/f", 2, "deleted in layer 3"),)),
    Case("its folder is replaced by a link",
         "RUN mkdir /d && " + MAKE.format(100_000, "/d/f") + "\nRUN rm -rf /d && ln -s /tmp /d\n",
         2, 100_000, (("/d/f", 2, "deleted in layer 3"),)),
    Case("emptied instead of deleted", BIG + "RUN : > /big\n", 2, 100_000, (("/big", 2, "overwritten in layer 3"),)),
    Case("moved", BIG + "RUN mv /big /elsewhere\n", 2, 100_000, (("/big", 2, "deleted in layer 3"),)),
    Case("owner changed afterwards", BIG + "RUN chown 7 /big\n", 2, 100_000, (("/big", 2, "overwritten in layer 3"),)),
    Case("mode changed afterwards, twice", BIG + "RUN chmod 600 /big\nRUN chmod 644 /big\n", 3, 200_000,
         (("/big", 2, "overwritten in layer 3"), ("/big", 3, "overwritten in layer 4"))),
    Case("replaced by the same", BIG + "RUN cp /big /x && mv /x /big\n", 2, 100_000,
         (("/big", 2, "overwritten in layer 3"),)),
    Case("deleted through a link", "RUN mkdir /d && ln -s d /e && " + MAKE.format(100_000, "/e/f") + "\nRUN rm /d/f\n",
         2, 100_000, (("/d/f", 2, "deleted in layer 3"),)),
    Case("mode of its folder changed", "RUN mkdir /d && " + MAKE.format(100_000, "/d/f") + "\nRUN chmod 700 /d\n", 2),
    Case("one of two hard links deleted", "RUN " + MAKE.format(100_000, "/a") + " && ln /a /b && rm /a\n", 1),
    Case("linked and then one name deleted", "RUN " + MAKE.format(100_000, "/a") + " && ln /a /b\nRUN rm /b\n", 2),
    Case("hidden by a copy", BIG + "COPY small /big\n", 2, 100_000, (("/big", 2, "overwritten in layer 3: COPY"),)),
    Case("cleaned in a builder", BIG + "RUN rm /big\nFROM {base}\nCOPY --from=first /etc/passwd /x\n", 1),
    Case("what the base image has is no waste", "RUN rm -rf /home /root && chmod 700 /bin/busybox\n", 1),
    Case("a hole in a file", "RUN dd if=/dev/zero of=/h bs=1 count=1 seek=99999 2>/dev/null\nRUN rm /h\n", 2, 100_000,
         (("/h", 2, "deleted"),)),
    Case("squashed", "RUN mkdir /x\nRUN touch /x/y\nFROM scratch\nCOPY --from=first / /\n", 1),
]  # fmt: skip


def judged(folder: Path, engine: Engine, images: tuple[str, ...] = ("busybox:musl",), **params: Any) -> Verdict:
    with facts_of(folder, engine, images=images) as facts:
        return judge(facts, Params(**params))


@pytest.mark.engine
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_cases(case: Case, submit: Callable[..., Path], engine: Engine, base: str) -> None:
    folder = submit(Dockerfile=f"FROM {base} AS first\n{case.body.replace('{base}', base)}", small="x")
    with facts_of(folder, engine, images=("busybox:musl",)) as facts:
        within = judge(facts, Params(max=case.layers, max_waste=case.waste))
        assert within.fraction == 1.0, within
        if case.layers:
            over = judge(facts, Params(max=case.layers - 1))
            assert over.fraction == 0.0
            assert f"more than {case.layers - 1}." in over.message
        if case.waste:
            over = judge(facts, Params(max_waste=case.waste - 1))
            assert over.fraction == 0.0
            assert [(place.path, place.layer, place.bytes) for place in over.where] == [
                (path, layer, case.waste // len(case.files)) for path, layer, _ in case.files
            ]
            for place, (_, _, says) in zip(over.where, case.files, strict=True):
                assert says in (place.text or "")


@pytest.mark.engine
def test_a_base_of_ones_own_hides_nothing(submit: Callable[..., Path], engine: Engine, base: str) -> None:
    own = "layerwise-test-own-base:layers"
    with facts_of(submit(Dockerfile=f"FROM {base}\n{BIG}RUN rm /big\n"), engine) as facts:
        engine._api.tag(facts.build.image, own)
    try:
        found = judged(submit(Dockerfile=f"FROM {own}\nRUN touch /x\n"), engine, max=1, max_waste="1 kB")
    finally:
        engine.remove_image(own)
    assert found.fraction == 0.0
    assert "adds 3 layers" in found.message
    assert own in found.message
    assert found.where[0].path == "/big"


@pytest.mark.engine
def test_a_copy_of_the_base_image_under_another_name_is_the_base_image(
    submit: Callable[..., Path], engine: Engine, base: str
) -> None:
    own = "layerwise-test-copied-base:layers"
    with facts_of(submit(Dockerfile=f"FROM {base}\nLABEL a=b\n"), engine) as facts:
        engine._api.tag(facts.build.image, own)
    try:
        found = judged(submit(Dockerfile=f"FROM {own}\nRUN touch /x\n"), engine, max=1)
    finally:
        engine.remove_image(own)
    assert found.fraction == 1.0


@pytest.mark.engine
def test_a_base_image_of_the_lab_that_is_not_the_exercises(submit: Callable[..., Path], engine: Engine) -> None:
    folder = submit(Dockerfile="FROM localhost:5000/base/busybox:musl\nRUN touch /x\n")
    assert judged(folder, engine, images=("distroless-static:debian13",), max=1).fraction == 0.0


@pytest.mark.parametrize("params", [{}, {"max": -1}, {"max": 1.5}, {"max": True}, {"max_waste": "much"}, {"min": 1}])
def test_parameters_that_make_no_sense(params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Params(**params)
