"""What the water does, by the clock: high and low water take turns."""

from datetime import timedelta

TURN = 6.21
"""Hours from high water to low water, on average."""


def tide(hours: float) -> tuple[str, timedelta]:
    """Whether the water falls or rises so many hours after high water, and how long it goes on."""
    turns, since = divmod(hours, TURN)
    return ("falls" if turns % 2 == 0 else "rises"), timedelta(hours=TURN - since)
