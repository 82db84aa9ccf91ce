"""What a wind is called: http://localhost:8000/3 is Beaufort 3."""

import bottle
import humanize

NAMES = ("calm", "light air", "light breeze", "gentle breeze", "moderate breeze", "fresh breeze", "strong breeze")


@bottle.route("/<force:int>")
def wind(force: int) -> str:
    bottle.response.content_type = "text/plain"
    if not 0 <= force < len(NAMES):
        bottle.abort(404, "no wind for a vane")
    fastest = 3.01 * (force + 0.5) ** 1.5
    return f"{NAMES[force]}, up to {humanize.intcomma(int(fastest))} km/h\n"


if __name__ == "__main__":
    bottle.run(host="0.0.0.0", port=8000)
