"""Which app, language, port and list an instance has, and which of three things a server lacks that the laptop has."""

from layerwise.instances import Instance, Pick

LISTS = (
    ("Crossings", "crossings", ["Holm", "Sandvik", "Ness", "Kirkby", "Tarbet", "Long Sound"]),
    ("Tours", "tours", ["Old Town", "Harbour", "Castle", "Cathedral", "Breweries", "Gardens"]),
    ("Lectures", "lectures", ["Optics", "Logic", "Geology", "Rhetoric", "Algebra", "Acoustics"]),
    ("Trains", "trains", ["Moor Halt", "Linton", "Far Mill", "Ashby", "Cold Spring", "Weir"]),
    ("Screenings", "screenings", ["The Lamp", "Two Rivers", "Nocturne", "The Mapmaker", "Ash", "Late Snow"]),
    ("Matches", "matches", ["Rovers", "Athletic", "Wanderers", "United", "Albion", "Harriers"]),
)
LANGUAGES = {"python": ("python:3.13-slim", "py", "python"), "node": ("node:20-slim", "js", "node")}
CAUSES = {
    "loopback": (
        "The program listens on 127.0.0.1. In a container of its own that is the container's loopback, and a "
        "published port leads to another interface. The laptop's dev.sh uses the host's network, and there the two "
        "are the same.",
        r"0100007F:@{hex} 00000000:0000 0A|Listening on 127\.0\.0\.1",
        "Puts the program where the published port leads: it listens on all interfaces of its container.",
    ),
    "ignored": (
        "**/*.csv in .dockerignore was meant for the exports, and keeps the list out as well. On the laptop dev.sh "
        "mounts the folder over /app, so the list is there all the same.",
        r"(FileNotFoundError|ENOENT).*data/@{wanted}",
        "Narrows the pattern to the exports, so that they and .env still stay out.",
    ),
    "case": (
        "The file is called @{shipped} and the program opens @{wanted}. The laptop's file system takes both for the "
        "same name, and dev.sh mounts the folder over /app. Linux knows only one of them.",
        r"(FileNotFoundError|ENOENT).*data/@{wanted}",
        "Gives the file one name everywhere: in the folder, in git and in the program.",
    ),
}


def instance(pick: Pick) -> Instance:
    title, word, names = pick.one(*LISTS)
    language = pick.one(*LANGUAGES)
    base, suffix, runs = LANGUAGES[language]
    fault = pick.one(*CAUSES)
    port = pick.number(3000, 8999)
    shown = [(name, f"{pick.number(6, 22):02}:{pick.number(10, 59)}") for name in pick.some(4, names)]
    cause, evidence, cured = CAUSES[fault]
    wanted = f"{word}.csv"
    values = {
        "title": title,
        "word": word,
        "author": pick.one("Ada", "Grace", "Edsger", "Barbara", "Donald", "Radia"),
        "base": base,
        "runs": runs,
        "main": f"{pick.one('show', 'board', 'serve', 'page')}.{suffix}",
        "port": str(port),
        "hex": f"{port:04X}",
        "wanted": wanted,
        "shipped": wanted.capitalize() if fault == "case" else wanted,
        "listen": "127.0.0.1" if fault == "loopback" else "0.0.0.0",
        "rows": "".join(f"{name},{time}\n" for name, time in shown),
        "copied": "".join(f"{name},{time}\\n" for name, time in shown),
        "first": "{} {}".format(*shown[0]),
        "last": "{} {}".format(*shown[-1]),
        "key": pick.letters(24),
        "cured": cured,
    }
    for name, text in (("cause", cause), ("evidence", evidence)):
        for key in ("hex", "wanted", "shipped"):
            text = text.replace(f"@{{{key}}}", values[key])
        values[name] = text
    return Instance(values=values, forms=[language, fault])
