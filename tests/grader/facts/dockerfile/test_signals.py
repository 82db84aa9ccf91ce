"""Which names and numbers STOPSIGNAL takes."""

import pytest

from grader.facts.dockerfile.signals import is_signal


@pytest.mark.parametrize(
    "text",
    ["TERM", "SIGTERM", "sigterm", "SigQuit", "15", "+9", "-1", "99", "RTMIN", "SIGRTMIN+15", "rtmax-14", "IOT", "CLD"],
)
def test_a_signal(text):
    assert is_signal(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "00",
        "FOO",
        "SIG",
        "SIGSIGTERM",
        "TERM ",
        "RTMIN+16",
        "RTMIN+0",
        "RTMAX-15",
        "RTMIN+01",
        "1.5",
        "9" * 19,
    ],
)
def test_none(text):
    assert not is_signal(text)
