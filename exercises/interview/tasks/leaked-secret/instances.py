"""Which app, language, names and token an instance has, and in which of five places its token can be read."""

from layerwise.instances import Instance, Pick

PLACES = (
    ("ferry", "Ferry", "fares", ["Northness", "Gull Bay", "Old Mole", "Sandwick", "Tarbet"]),
    ("seedbank", "Seedbank", "stocks", ["Barley", "Flax", "Buckwheat", "Lentil", "Vetch"]),
    ("timber", "Timber", "prices", ["Larch", "Spruce", "Ash", "Hornbeam", "Alder"]),
    ("mint", "Mint", "issues", ["Florin", "Crown", "Groat", "Noble", "Farthing"]),
    ("tidal", "Tidal", "levels", ["Cape Lyra", "Hook Rock", "Swan Ness", "Inner Head", "Outer Head"]),
    ("orchid", "Orchid", "auctions", ["Vanda", "Cattleya", "Phalaenopsis", "Disa", "Masdevallia"]),
)
LANGUAGES = {"python": ("python:3.13-slim", "py", "python"), "node": ("node:20-slim", "js", "node")}
ARGUMENT, DELETED, VISIBLE, PRINTED = "argument", "deleted file", "visible file", "output"
MOUNT = "RUN --mount=type=secret,id=@{id} @{runs} tools/@{tool} "
SEARCH = "docker run --rm --user 0 --entrypoint sh @{one}-leak -c '%s'\n"
FAULTS = {
    # The starter's steps, the place, the name of what holds the token; how it is seen, the evidence; cause and cure.
    "argument": (
        "ARG @{TOKEN}\nRUN @{runs} tools/@{tool} --no-save",
        ARGUMENT,
        "@{TOKEN}",
        "docker history --no-trunc --format '{{.CreatedBy}}' @{one}-leak\n",
        "@{TOKEN}=@{sample}",
        "The token is a build argument, and each RUN below the ARG has its value in the history of the image.",
        "I hand the token in as a build secret, which only one RUN sees",
    ),
    "layer": (
        "COPY @{file} ./\nRUN @{runs} tools/@{tool} --no-save @{file}\nRUN rm @{file}",
        DELETED,
        "/app/@{file}",
        "mkdir leak && docker save @{one}-leak | tar -x -C leak\n"
        "find leak -type f -exec tar -tf {} \\; 2>/dev/null | grep @{file}\n"
        "rm -r leak\n",
        r"(?m)^app/@{file}$",
        "A step copies the file with the token, and a later step deletes it. The lower layer still has the whole file.",
        "I do not copy the file at all: a secret mount shows it to the one RUN that needs it",
    ),
    "saved": (
        MOUNT + "/run/secrets/@{id}",
        VISIBLE,
        "@{saved}",
        SEARCH % "grep -rs @{sample} /app /etc /root /tmp /var",
        "@{saved}:.*@{sample}",
        "The token is mounted as it should be, but the tool stays signed in: it saves the token in @{saved}.",
        "I call the tool with --no-save",
    ),
    "log": (
        MOUNT + "--no-save --log @{log} /run/secrets/@{id}",
        VISIBLE,
        "@{log}",
        SEARCH % "grep -rs Basic /app /tmp /var",
        "@{log}:.*Basic",
        "The token is mounted as it should be, but the tool writes its request into @{log}, with the token in Base64.",
        "I call the tool without --log",
    ),
    "printed": (
        MOUNT + "--no-save --verbose /run/secrets/@{id}",
        PRINTED,
        "@{header}",
        "",
        "@{header}: @{sample}",
        "The image is clean, but --verbose prints the request with the token, and CI keeps what a build prints.",
        "I call the tool without --verbose",
    ),
}


def instance(pick: Pick) -> Instance:
    one, title, things, names = pick.one(*PLACES)
    fault = pick.one(*FAULTS)
    language = pick.one(*LANGUAGES)
    base, suffix, runs = LANGUAGES[language]
    tool = pick.one("fetch", "pull", "sync")
    shown = pick.some(4, names)
    values = {
        "title": title,
        "things": things,
        "one": one,
        "base": base,
        "runs": runs,
        "tool": f"{tool}.{suffix}",
        "main": f"{one}.{suffix}",
        "file": pick.one(f"{one}.token", f"{one}.key", "token.txt"),
        "id": pick.one(f"{one}-token", "licence", "deploy"),
        "TOKEN": pick.one(f"{one.upper()}_TOKEN", f"{one.upper()}_KEY", "DEPLOY_TOKEN"),
        "header": pick.one(f"X-{title}-Key", f"X-{title}-Token", f"{title}-Authorization"),
        "saved": pick.one(f"/root/.{one}rc", f"/etc/{one}/session", f"/var/lib/{one}/login"),
        "log": pick.one(f"/var/log/{one}.log", f"/app/{tool}.log", f"/tmp/{tool}.log"),
        "sample": pick.letters(42, "abcdefghjkmnpqrstuvwxyz23456789"),
        "rows": "".join(f"{name:<14}{pick.number(10, 999)}\n" for name in shown),
        "shown": shown[0],
    }
    parts = ("steps", "place", "name", "look", "evidence", "cause", "cure")
    for part, text in zip(parts, FAULTS[fault], strict=True):
        for inner in tuple(values):
            text = text.replace("@{" + inner + "}", values[inner])
        values[part] = text
    # The file's own name is enough.
    accepted = dict.fromkeys((values["name"], values["name"].lstrip("/"), values["name"].rpartition("/")[2]))
    values["accepted"] = ", ".join(f'"{name}"' for name in accepted)
    others = [other for other in FAULTS.values() if other[1] != values["place"]]
    values["elsewhere"] = pick.one(*others)[1]
    return Instance(values=values, forms=[language])
