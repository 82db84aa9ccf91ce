"""Which service, language and noise an instance has, and which of four faults makes its ignore file useless."""

import hashlib

from layerwise.instances import Instance, Pick

SERVICES = (
    ("atlas", "Atlas", "tiles", "raw", ["coast", "hills", "moor", "marsh"]),
    ("album", "Album", "thumbs", "tiff", ["spring", "summer", "autumn", "winter"]),
    ("radio", "Radio", "takes", "wav", ["news", "weather", "concert", "letters"]),
    ("watch", "Watch", "frames", "pgm", ["north", "south", "bridge", "quay"]),
    ("probe", "Probe", "captures", "pcap", ["inlet", "outlet", "pump", "valve"]),
    ("press", "Press", "plates", "eps", ["front", "sports", "letters", "weather"]),
)
LANGUAGES = {"python": ("python:3.13-slim", "py", "python"), "node": ("node:20-slim", "js", "node")}
CAUSES = {
    "depth": (
        "The patterns have no **/ in front. A pattern of .dockerignore begins at the top of the context, unlike in "
        ".gitignore, and the noise is one folder further down, in @{service}/."
    ),
    "exception": (
        "The last line, !@{service}/**, takes all of the folder in again. The last line that matches a path "
        "decides, so everything that the lines above it keep out comes back."
    ),
    "beside": (
        "@{service}/.dockerignore is never read. The builder looks for .dockerignore at the top of the context, "
        "which is the folder above, or for @{service}/Dockerfile.dockerignore."
    ),
    "remark": (
        "The remarks stand on the lines of the patterns. A # begins a comment at the start of a line only; further "
        "on it is part of the pattern, and such names do not exist."
    ),
}


def instance(pick: Pick) -> Instance:
    service, title, noise, suffix, pages = pick.one(*SERVICES)
    shown = pick.some(2, pages)
    port = pick.number(3000, 8999)
    language = pick.one(*LANGUAGES)
    base, ending, runs = LANGUAGES[language]
    number = pick.number(100, 999)
    fault = pick.one(*CAUSES)
    blob = noisy(pick.letters(16), 3000)
    values = {
        "service": service,
        "title": title,
        "noise": noise,
        "suffix": suffix,
        "base": base,
        "runs": runs,
        "main": f"{pick.one('serve', 'main', 'site', 'app')}.{ending}",
        "port": str(port),
        "one": shown[0],
        "two": shown[1],
        "number": str(number),
        "blob": blob,
        "cause": CAUSES[fault].replace("@{service}", service),
    }
    return Instance(values=values, forms=[language, fault])


def noisy(start: str, lines: int) -> str:
    """A text without repetitions, of 65 bytes a line."""
    made = [start]
    for _ in range(lines):
        made.append(hashlib.sha256(made[-1].encode()).hexdigest())
    return "\n".join(made[1:]) + "\n"
