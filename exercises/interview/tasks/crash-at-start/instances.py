"""Which app, language and port an instance has, and which of four faults ends its container at once."""

from layerwise.instances import Instance, Pick

PLACES = (
    ("departures", ["Analytical Halt", "Difference Road", "Jacquard Street"], ["Linton", "Far Mill", "Ashby", "Weir"]),
    ("arrivals", ["Quay Nine", "Old Customs House", "Pier Head"], ["Holm", "Sandvik", "Ness", "Tarbet"]),
    ("visitors", ["Glass House", "Fern Hall", "Winter Garden"], ["Ivers", "Okafor", "Lindqvist", "Moreau"]),
    ("loans", ["Reading Room Two", "Map Room", "Annexe"], ["Atlas of Tides", "Herbal", "Star Charts", "Lexicon"]),
    ("dishes", ["Canteen North", "The Long Table", "Cellar Hall"], ["Barley bowl", "Pea soup", "Trout", "Plum cake"]),
)
LANGUAGES = {"python": ("python:3.13-slim", "py", "python"), "node": ("node:20-slim", "js", "node")}
WORKDIR = "WORKDIR /app\n"
STARTERS = {
    # WORKDIR, ENTRYPOINT, what the container prints, the cause, and a point of the rubric
    "crlf": (
        WORKDIR,
        '["/app/start.sh"]',
        r"exec /app/start\.sh: no such file or directory",
        "start.sh has Windows' line ends. Its first line ends in a carriage return, so the kernel looks for /bin/sh "
        "with that character at the end. It is this interpreter that does not exist, and the message names the script.",
        "Says that the message is about the interpreter of the first line, since the script itself is there.",
    ),
    "mode": (
        WORKDIR,
        '["/app/start.sh"]',
        r"/app/start\.sh\"?: permission denied",
        "start.sh is not executable. COPY keeps the mode that a file has in the folder, and this one has lost its "
        "bit there, so the kernel refuses to start it.",
        "Says that COPY keeps a file's mode, and that reading a script with sh needs no executable bit, while "
        "starting it does.",
    ),
    "variable": (
        WORKDIR,
        '["/app/start.sh", "$PORT"]',
        r"(invalid literal|EACCES).*\$PORT",
        "The entry point is in exec form, in which no shell replaces variables. start.sh gets the five characters "
        "$PORT, hands them on, and the service cannot make a port of them.",
        "Says that only a shell replaces $PORT, and that the exec form starts the program without one.",
    ),
    "workdir": (
        "",
        '["/app/start.sh"]',
        r"(can't open file '|Cannot find module ')/+@{main}",
        "WORKDIR is set in the first stage alone. A stage begins with its base image's settings and inherits "
        "nothing from the one it copies from, so the last one starts in /, where @{main} is not.",
        "Says that WORKDIR, ENV and USER belong to a stage, and that COPY --from brings files and no settings.",
    ),
}


def instance(pick: Pick) -> Instance:
    word, places, names = pick.one(*PLACES)
    language = pick.one(*LANGUAGES)
    base, suffix, runs = LANGUAGES[language]
    fault = pick.one(*STARTERS)
    workdir, command, evidence, cause, explained = STARTERS[fault]
    main = f"{pick.one('serve', 'desk', 'board', 'window')}.{suffix}"
    shown = pick.some(3, names)
    values = {
        "word": word,
        "place": pick.one(*places),
        "list": f"{word}.txt",
        "base": base,
        "runs": runs,
        "main": main,
        "port": str(pick.number(3000, 8999)),
        "rows": "".join(f"{name}\n" for name in shown),
        "first": min(shown),
        "last": max(shown),
        "workdir": workdir,
        "command": command,
        "cr": "\r" if fault == "crlf" else "",
        "evidence": evidence.replace("@{main}", main.replace(".", r"\.")),
        "cause": cause.replace("@{main}", main),
        "explained": explained,
    }
    return Instance(values=values, forms=[language, fault])
