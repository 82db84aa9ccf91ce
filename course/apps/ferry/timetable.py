"""When the ferry goes, and how long until then. Times of day are minutes since midnight."""

from __future__ import annotations

HARBOURS = {
    "north": ("06:40", "09:10", "12:00", "15:30", "18:45", "22:15"),
    "south": ("07:25", "09:55", "12:45", "16:15", "19:30", "23:00"),
}


def minutes(clock: str) -> int:
    """Of "07:25". ValueError where it is no time of day."""
    hours, _, rest = clock.partition(":")
    found = int(hours) * 60 + int(rest)
    if not 0 <= found < 24 * 60 or len(clock) != 5:
        raise ValueError(f"{clock!r} is no time of day")
    return found


def following(harbour: str, now: int, count: int = 3) -> list[tuple[str, int]]:
    """The next departures, each with the minutes until then; after the last of the day come those of the next."""
    departures = HARBOURS[harbour]
    waits = sorted(((minutes(clock) - now) % (24 * 60), clock) for clock in departures)
    return [(clock, wait) for wait, clock in waits[:count]]
