"""What a health check is told by: looks, as the engine keeps them, and the control that must not turn healthy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import pytest

from grader.errors import EngineFailure
from grader.facts import Facts
from grader.facts.engine import health
from grader.facts.engine.container import Running
from grader.facts.engine.engine import Engine
from grader.facts.engine.errors import ContainerRefused
from grader.facts.engine.health import _command, _Looks, _turns_healthy, observe_health, watch
from grader.facts.image.config import Healthcheck, ImageConfig

State = Mapping[str, Any]


def state(
    status: str = "starting", looks: Sequence[int] = (), *, running: bool = True, last: Mapping[str, Any] | None = None
) -> State:
    """A container's state: how its check stands, and the numbers of the looks the engine still remembers."""
    log: list[dict[str, Any]] = [{"Start": f"look {number}", "ExitCode": 1, "Output": ""} for number in looks]
    if log and last:
        log[-1] |= last
    return {"Running": running, "ExitCode": 0 if running else 3, "Health": {"Status": status, "Log": log}}


class Played:
    """A container whose state is played; the last one stays."""

    def __init__(self, *states: State) -> None:
        self.states = [*states]

    @property
    def state(self) -> State:
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]


@pytest.mark.parametrize("test", [(), ("NONE",), ("none",), ("echo", "1")])
def test_no_check(test: tuple[str, ...]) -> None:
    check = Healthcheck(test, 0, 0, 0, 0) if test else None
    facts = SimpleNamespace(image=SimpleNamespace(config=SimpleNamespace(healthcheck=check, shell=())))
    assert observe_health(cast(Facts, facts), 1.0) is None


@pytest.mark.parametrize(
    ("test", "shell", "command"),
    [
        (("CMD", "/bin/look", "-q"), (), ["/bin/look", "-q"]),
        (("CMD-SHELL", "look -q"), (), ["/bin/sh", "-c", "look -q"]),
        (("CMD-SHELL", "look -q"), ("/bin/ash", "-ec"), ["/bin/ash", "-ec", "look -q"]),
        (("CMD",), (), []),
    ],
)
def test_the_check_as_a_command(test: tuple[str, ...], shell: tuple[str, ...], command: list[str]) -> None:
    config = SimpleNamespace(healthcheck=Healthcheck(test, 0, 0, 0, 0), shell=shell)
    assert _command(cast(ImageConfig, config)) == command


def test_looks_are_counted_though_the_engine_keeps_only_the_last() -> None:
    looks = _Looks(cast(Running, Played(state(looks=[1]), state(looks=[1, 2]), state("healthy", looks=[2, 3, 4]))))
    assert (looks.status, looks.healthy, looks.count, looks.last) == ("starting", False, 0, {})
    counts = []
    for _ in range(4):
        looks.take()
        counts.append(looks.count)
    assert counts == [1, 2, 4, 4]
    assert (looks.healthy, looks.last["Start"]) == (True, "look 4")


def test_before_the_first_look_the_engine_says_nothing_of_health() -> None:
    looks = _Looks(cast(Running, Played({"Running": True}, {"Running": True, "Health": None})))
    looks.take()
    looks.take()
    assert (looks.status, looks.count) == ("starting", 0)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "MARGIN", 0.2)
    monkeypatch.setattr(health, "CONTROL", 0.6)
    monkeypatch.setattr(health, "stretched", lambda seconds: seconds)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("states", "healthy"),
    [
        ([state("healthy", [1])], True),
        ([state(), state(looks=[1]), state("healthy", [1, 2])], True),
        pytest.param([state(looks=[1, 2, 3])], False, id="it had its looks and some time"),
        pytest.param([state(looks=[1])], False, id="it never gets as many looks: in the end that is enough"),
        pytest.param([state(looks=[1], running=False)], False, id="it ended"),
        pytest.param([state("unhealthy", [1, 2, 3])], False, id="unhealthy"),
    ],
)
def test_the_control(states: list[State], healthy: bool) -> None:
    assert _turns_healthy(_Looks(cast(Running, Played(*states))), 2, 0.1) is healthy


class Round(NamedTuple):
    """What one observation plays: the image, its control, and whether the files of the image are aged."""

    image: Played
    control: Played | Exception


def watched(
    monkeypatch: pytest.MonkeyPatch, *rounds: Round, within: float = 5.0, young: bytes = b"", still: bool = False
) -> health.Health:
    """What `watch` finds of an image and its control, whose states are played, in one round or two."""
    left = list(rounds)

    @contextmanager
    def started(engine: Engine, name: str, archives: Sequence[bytes], **config: Any) -> Iterator[Played]:
        assert config["healthcheck"] == {"interval": 500_000_000}, "nobody waits for the image's own interval"
        assert (young in archives) == (bool(young) and len(left) == 1)
        if "entrypoint" not in config:
            yield left[0].image
            left.pop(0)
        elif isinstance(left[0].control, Exception):
            raise left[0].control
        else:
            assert config["command"] == []
            yield left[0].control

    monkeypatch.setattr(health, "started", started)
    monkeypatch.setattr(health, "aged_image", lambda engine, image: young)
    monkeypatch.setattr(health, "succeeds_at_standstill", lambda engine, image, check, came_up, files: still)
    engine = SimpleNamespace(info=SimpleNamespace(architecture="amd64"))
    return watch(cast(Engine, engine), "i", within, ["true"])


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("image", "control", "status", "code", "alone"),
    [
        ([state(), state("healthy", [1])], [state(looks=[1, 2])], "healthy", None, False),
        ([state("healthy", [1])], [state("healthy", [1])], "healthy", None, True),
        ([state("healthy", [1])], [state(looks=[1]), state("healthy", [1, 2])], "healthy", None, True),
        ([state("unhealthy", [1], running=False)], [state()], "unhealthy", 3, False),
        pytest.param([state("unhealthy", [1])], [state("healthy", [1])], "unhealthy", None, False,
                     id="of an image that is not healthy the control says nothing"),
    ],
)  # fmt: skip
def test_what_is_found(
    image: list[State],
    control: list[State],
    status: str,
    code: int | None,
    alone: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = watched(monkeypatch, Round(Played(*image), Played(*control)), within=0.3)
    assert (found.status, found.exit_code, found.succeeds_alone) == (status, code, alone)


HEALTHY = state("healthy", [1])
SICK = state(looks=[1, 2])


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("again", "status", "alone", "aged"),
    [
        pytest.param((HEALTHY, SICK), "healthy", False, True, id="only because its files were young"),
        pytest.param((HEALTHY, HEALTHY), "healthy", True, False, id="whatever the age of its files"),
        pytest.param((SICK, SICK), "starting", False, True, id="the image itself only looked healthy"),
    ],
)
def test_a_control_that_turns_healthy_is_observed_again_with_older_files(
    again: tuple[State, State], status: str, alone: bool, aged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = [Round(Played(image), Played(control)) for image, control in ((HEALTHY, HEALTHY), again)]
    found = watched(monkeypatch, *rounds, within=0.3, young=b"files")
    assert (found.status, found.succeeds_alone, found.aged) == (status, alone, aged)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("image", "control", "still"), [(HEALTHY, SICK, True), (HEALTHY, HEALTHY, False), (SICK, SICK, False)]
)
def test_only_what_is_healthy_is_brought_to_a_standstill(
    image: State, control: State, still: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = watched(monkeypatch, Round(Played(image), Played(control)), within=0.3, still=True)
    assert found.succeeds_at_standstill is still


@pytest.mark.parametrize(
    ("last", "status", "output"),
    [({"ExitCode": 1, "Output": "refused\n"}, 1, "refused\n"), ({"ExitCode": -1, "Output": None}, -1, "")],
)
def test_the_last_look(last: Mapping[str, Any], status: int, output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = state("unhealthy", [1, 2], running=False, last=last)
    found = watched(monkeypatch, Round(Played(ended), Played(state())))
    assert (found.last_status, found.last_output) == (status, output)


def test_an_image_whose_check_was_never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    found = watched(monkeypatch, Round(Played({"Running": False, "ExitCode": 1}), Played(state())))
    assert (found.status, found.exit_code, found.last_status, found.last_output) == ("starting", 1, None, "")


def test_a_control_that_does_not_start_is_the_graders_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EngineFailure, match="not with a program that does nothing"):
        watched(monkeypatch, Round(Played(state()), ContainerRefused("no")))
