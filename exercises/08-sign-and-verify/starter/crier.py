"""What the town crier calls at an hour: http://localhost:8000/15"""

import bottle
import humanize


@bottle.route("/<hour:int>")
def call(hour: int) -> str:
    bottle.response.content_type = "text/plain"
    if not 0 <= hour < 24:
        bottle.abort(404, "the town has no such hour")
    return f"{humanize.apnumber((hour - 1) % 12 + 1).capitalize()} o'clock, and all is well.\n"


if __name__ == "__main__":
    bottle.run(host="0.0.0.0", port=8000)
