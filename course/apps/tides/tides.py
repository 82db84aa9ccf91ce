"""Tides: what the water does HOURS after high water, at http://localhost:8000/HOURS"""

from bottle import HTTPError, route, run
from humanize import naturaldelta
from water import tide


@route("/<hours:float>")
def page(hours: float) -> str:
    if hours < 0 or hours > 1000:
        raise HTTPError(400, "Say how many hours after high water, up to 1000.")
    way, left = tide(hours)
    return f"The water {way}, and turns in {naturaldelta(left)}.\n"


if __name__ == "__main__":
    run(host="0.0.0.0", port=8000, quiet=True)
