"""Which app, language, port and data an instance has, and which of three faults makes its build slow."""

from layerwise.instances import Instance, Pick

PLACES = (
    ("ferry", "ferries", "Ferry", ["Northness", "Gull Bay", "Pier Four", "Old Mole", "Sandwick", "Tarbet"]),
    ("tram", "trams", "Tram", ["Corn Market", "Mill Lane", "Foundry", "St Anne", "Canal Street", "Depot"]),
    ("glacier", "glaciers", "Glacier", ["Blue Tongue", "Long Ice", "Skarv", "White Step", "Kettle", "Far Rim"]),
    ("kiosk", "kiosks", "Kiosk", ["Harbour", "East Gate", "Museum", "Lido", "Theatre", "Botanic"]),
    ("orchard", "orchards", "Orchard", ["Lower Field", "Chapel Row", "Quince Hill", "Brook", "South Wall", "Barn"]),
    ("beacon", "beacons", "Beacon", ["Cape Lyra", "Hook Rock", "The Needle", "Swan Ness", "Inner Head", "Outer Head"]),
)
LANGUAGES = {"python": ("python:3.13-slim", "py", "python"), "node": ("node:20-slim", "js", "node")}
STARTERS = {
    # What the starter copies before the slow step, and how that reads in the end.
    "everything": (
        "COPY . .",
        "",
        "The whole folder is copied above the slow step, so every edit of any file is a new input of that step.",
    ),
    "release": (
        "COPY RELEASE ./\nCOPY tools/ tools/\nCOPY @{data}/ @{data}/",
        "COPY @{main} page.html ./\n",
        "RELEASE is copied above the slow step. It changes with each release, and every step below it runs again.",
    ),
    "page": (
        "COPY tools/ tools/\nCOPY @{data}/ page.html @{data}/",
        "COPY RELEASE @{main} ./\nRUN mv @{data}/page.html .\n",
        "page.html is copied together with the data, so an edit of the page is a new input of the slow step.",
    ),
}


def instance(pick: Pick) -> Instance:
    one, data, title, names = pick.one(*PLACES)
    language = pick.one(*LANGUAGES)
    base, suffix, runs = LANGUAGES[language]
    above, below, cause = STARTERS[pick.one(*STARTERS)]
    tool = pick.one("chart", "survey", "index", "almanac")
    shown = pick.some(4, names)
    values = {
        "title": title,
        "data": data,
        "one": one,
        "base": base,
        "runs": runs,
        "tool": f"{tool}.{suffix}",
        "main": f"{one}.{suffix}",
        "port": str(pick.number(3000, 8999)),
        "rows": "".join(f"{name},{pick.number(10, 999)}\n" for name in shown),
        "shown": shown[0],
        "copied": "".join(f"{name},1\\n" for name in shown),
        "rounds": str(pick.number(350, 450) * 1000),
    }
    for name, text in (("above", above), ("below", below), ("cause", cause)):
        values[name] = text.replace("@{data}", data).replace("@{main}", values["main"])
    return Instance(values=values, forms=[language])
