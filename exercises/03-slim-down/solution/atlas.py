"""An atlas of towns.

python atlas.py              serve it on port 8000
python atlas.py page         print the page
python atlas.py find TOWN    where it is, and how many live there
"""

import json
import sys
from pathlib import Path

import bottle
import humanize

TOWNS = json.loads((Path(__file__).parent / "towns.json").read_text())
PAGE = "<!doctype html><title>Atlas</title><h1>{{len(towns)}} places</h1>\n% for town in towns:\n<p>{{town}}\n% end\n"


def describe(name: str) -> str:
    north, east, people = TOWNS[name]
    return f"{name}: {north} N, {east} E, {humanize.intcomma(people)} people"


@bottle.route("/")
def page() -> str:
    return bottle.template(PAGE, towns=[describe(name) for name in TOWNS])


def main() -> None:
    match sys.argv[1:]:
        case ["find", name]:
            if name.title() not in TOWNS:
                sys.exit(f"{name} is not on the map")
            print(describe(name.title()))
        case ["page"]:
            print(page())
        case _:
            bottle.run(host="0.0.0.0", port=8000)


if __name__ == "__main__":
    main()
