"""Which app, language, port and data an instance has, and which of three faults makes its image big."""

from hashlib import sha256

from layerwise.instances import Instance, Pick

PLACES = (
    ("weir", "Weir", "gauges", ["Upper Lock", "Mill Race", "Old Bridge", "Sluice Five"]),
    ("quarry", "Quarry", "blasts", ["North Face", "Slate Bench", "Deep Pit", "Chalk Wall"]),
    ("aviary", "Aviary", "calls", ["Heron", "Nightjar", "Reed Warbler", "Kestrel"]),
    ("tunnel", "Tunnel", "passages", ["East Tube", "West Tube", "Service Tube", "Shaft Nine"]),
    ("buoy", "Buoy", "waves", ["Outer Bank", "Dog Leg", "Fairway", "Grey Shoal"]),
    ("hive", "Hive", "flights", ["Lime Walk", "Heather", "Clover Field", "Roof Garden"]),
)
LANGUAGES = {"python": ("python:3.13-slim", "py", "python"), "node": ("node:20-slim", "js", "node")}
FAULTS = {
    # What only this fault changes in the starter, the cause, the evidence, and the cure.
    "deleted": (
        "The step that deletes work/ comes after the step that fills it. A layer holds what its step leaves behind, so "
        "the lower layer ships all of work/, and the upper one only says that it is gone.",
        r"tools/@{first}.*[1-9]\d?(\.\d+)?MB",
        "I unpack, pack and delete in one RUN, so that work/ is gone when the step ends",
    ),
    "owner": (
        "The last step changes the owner of everything below /app. A layer holds whole files, so each file whose owner "
        "changes is stored again, and the big @{store} ships twice.",
        r"chown -R.*[1-9](\.\d+)?MB",
        "I give only state/ to the user who writes there, and leave the rest to root",
    ),
    "shipped": (
        "The recordings of the tests reach the builder, and COPY . . copies them. In .dockerignore, *.rec is a pattern "
        "for the top folder alone: it does not match @{rec}/day-1.rec.",
        r"COPY \. \. .*[1-9](\.\d+)?MB",
        "I write **/*.rec into .dockerignore, which matches in every folder",
    ),
}


def instance(pick: Pick) -> Instance:
    one, title, things, names = pick.one(*PLACES)
    language = pick.one(*LANGUAGES)
    base, suffix, runs = LANGUAGES[language]
    first, second = pick.one(("unpack", "pack"), ("expand", "reduce"), ("sample", "merge"))
    data = pick.one("counts", "input", "lists")
    fault = pick.one(*FAULTS)
    counts = {name: pick.number(12_000, 17_000) for name in pick.some(4, names)}
    total = sum(counts.values())
    last = list(counts)[-1]
    values = {
        "title": title,
        "things": things,
        "one": one,
        "base": base,
        "runs": runs,
        "main": f"{one}.{suffix}",
        "first": f"{first}.{suffix}",
        "second": f"{second}.{suffix}",
        "data": data,
        "store": pick.one("series.txt", "record.txt", "readings.txt"),
        "rec": pick.one("recordings", "replay", "captured"),
        "port": str(pick.number(3000, 8999)),
        "rows": "".join(f"{name},{count}\n" for name, count in counts.items()),
        "recording": f"{title} {pick.letters(40)} {pick.letters(20)} replay of a day\n" * pick.number(9_000, 11_000),
        "total": str(total),
        "last": sha256(f"{last} {counts[last] - 1}".encode()).hexdigest()[:12],
        "limit": f"{(total * 65 + 600_000) / 1e6:.1f} MB",
        "ignored": "*.rec" if fault == "shipped" else "**/*.rec",
        "owned": "chown -R 10001:10001 /app" if fault == "owner" else "chown 10001 state",
    }
    work = "RUN @{runs} tools/@{first}", "@{runs} tools/@{second}", "rm -rf work"
    values["work"] = ("\nRUN " if fault == "deleted" else " \\\n && ").join(work)
    for name, text in zip(("cause", "evidence", "cure"), FAULTS[fault], strict=True):
        values[name] = text
    for name in ("work", "cause", "evidence"):
        for inner in ("runs", "first", "second", "store", "rec"):
            values[name] = values[name].replace("@{" + inner + "}", values[inner])
    return Instance(values=values, forms=[language, fault])
