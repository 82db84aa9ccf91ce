"""Which book, language and names an instance has, and which of three faults keeps what is written out of the volume."""

from layerwise.instances import Instance, Pick

BOOKS = (
    ("guests", "guest book", "The harbour museum", ["Ada", "Grace", "Edsger", "Barbara", "Donald", "Radia"]),
    ("catches", "list of catches", "The fishing club", ["Pike", "Perch", "Eel", "Trout", "Zander", "Carp"]),
    (
        "sightings",
        "list of sightings",
        "The bird observatory",
        ["Heron", "Osprey", "Kite", "Dunlin", "Wren", "Bittern"],
    ),
    ("ascents", "summit book", "The alpine hut", ["North Ridge", "Gully", "West Face", "Col", "Spur", "Needle"]),
    ("winners", "roll of winners", "The chess club", ["Ivers", "Okafor", "Lindqvist", "Moreau", "Tanaka", "Silva"]),
)
LANGUAGES = {"python": ("python:3.13-slim", "py", "python"), "node": ("node:20-slim", "js", "node")}
STARTERS = {
    # the folder by which the service goes, where that is, what is copied there, and the cause
    "outside": (
        "/var/lib/@{word}",
        "/var/lib/@{word}/@{file}",
        "COPY --chown=10001:10001 @{file} /var/lib/@{word}/",
        "The service writes to /var/lib/@{word}, and the volume is mounted at /data. What it writes lands in the "
        "container's own layer, which goes with the container.",
    ),
    "relative": (
        "data",
        "/app/data/@{file}",
        "COPY --chown=10001:10001 @{file} data/",
        "The folder is called data, without a slash in front. WORKDIR is /app, so the service writes to /app/data, "
        "in the container's own layer, and the volume is mounted at /data.",
    ),
    "refused": (
        "/data",
        "/tmp/@{file}",
        "COPY @{file} /data/",
        "/data and its file belong to root in the image, and so they do in a new volume, which is filled from the "
        "image. User 10001 may not write there, and the service then falls back to /tmp without a word.",
    ),
}


def instance(pick: Pick) -> Instance:
    word, book, whose, names = pick.one(*BOOKS)
    language = pick.one(*LANGUAGES)
    base, suffix, runs = LANGUAGES[language]
    first = pick.some(3, names)
    fault = pick.one(*STARTERS)
    entries = [f"{name} {pick.number(1950, 2019)}" for name in first]
    values = {
        "word": word,
        "book": book,
        "whose": whose,
        "base": base,
        "runs": runs,
        "main": f"{pick.one('book', 'list', 'keep', 'register')}.{suffix}",
        "file": f"{word}.txt",
        "variable": f"{word.upper()}_DIR",
        "rows": "".join(f"{entry}\n" for entry in entries),
        "founder": entries[1],
        "next": pick.one("Hypatia", "Kepler", "Noether", "Tycho"),
    }
    folder, written, copied, cause = STARTERS[fault]
    for name, text in (("folder", folder), ("written", written), ("copied", copied), ("cause", cause)):
        for key in ("word", "file"):
            text = text.replace(f"@{{{key}}}", values[key])
        values[name] = text
    return Instance(values=values, forms=[language, fault])
