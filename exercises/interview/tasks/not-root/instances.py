"""Which app, language, port and data an instance has, and which two of four habits break when it is not root."""

from hashlib import sha256

from layerwise.instances import Instance, Pick

PLACES = (
    ("almanac", "Almanac", ["Plough Monday", "Lammas", "Michaelmas", "Candlemas"]),
    ("tannery", "Tannery", ["Oak bark", "Sumac", "Chestnut", "Mimosa"]),
    ("gallery", "Gallery", ["East Room", "Print Cabinet", "Long Hall", "Rotunda"]),
    ("nursery", "Nursery", ["Medlar", "Damson", "Quince", "Mulberry"]),
    ("archive", "Archive", ["Maps", "Charters", "Letters", "Ledgers"]),
    ("bakery", "Bakery", ["Rye", "Spelt", "Barley", "Einkorn"]),
)
LANGUAGES = {"python": ("python:3.13-slim", "py", "python"), "node": ("node:20-slim", "js", "node")}
HABITS = {
    # The folder that it writes to, what the image needs for that, and why it breaks.
    "state": ("/var/lib/@{one}", "", "It writes its visits to /var/lib/@{one}, a folder that the build made as root."),
    "pid": ("/run/@{one}", "", "At the start it makes /run/@{one} for its pid, and only root may write to /run."),
    "home": (
        "/home/@{one}",
        "ENV HOME=/home/@{one}\n",
        "It keeps a copy of the table in its home. The user 10001 is not in /etc/passwd, so HOME is /, where only root "
        "may write.",
    ),
    "mask": ("", "", "The build makes table.txt with umask 077, so nobody but its owner, root, may read it."),
}
PATHS = 'const os = require("node:os");\nconst path = require("node:path");\n'
START = {
    # What the program does at its start, and from where it serves the table.
    "python": {
        "pid": 'run = Path("/run/@{one}")\nrun.mkdir(exist_ok=True)\n(run / "pid").write_text(str(os.getpid()))\n',
        "home": "\n".join(
            (
                'table = Path.home() / ".cache" / "@{one}.txt"',
                "table.parent.mkdir(parents=True, exist_ok=True)",
                'table.write_text(Path("table.txt").read_text())\n',
            )
        ),
        "": 'table = Path("table.txt")\n',
    },
    "node": {
        "pid": "\n".join(
            (
                'fs.mkdirSync("/run/@{one}", { recursive: true });',
                'fs.writeFileSync("/run/@{one}/pid", String(process.pid));\n',
            )
        ),
        "home": "\n".join(
            (
                'const table = path.join(os.homedir(), ".cache", "@{one}.txt");',
                "fs.mkdirSync(path.dirname(table), { recursive: true });",
                'fs.writeFileSync(table, fs.readFileSync("table.txt"));\n',
            )
        ),
        "": 'const table = "table.txt";\n',
    },
}


def _cured(habits: list[str]) -> str:
    """The steps of a Dockerfile that cure these habits, below the step that makes the table."""
    folders = " ".join(HABITS[habit][0] for habit in habits if HABITS[habit][0])
    made = f"RUN install -d -o 10001 -g 10001 {folders}\n" if folders else ""
    return made + "".join(HABITS[habit][1] for habit in habits)


def instance(pick: Pick) -> Instance:
    one, title, names = pick.one(*PLACES)
    language = pick.one(*LANGUAGES)
    base, suffix, runs = LANGUAGES[language]
    tool = pick.one("table", "tabulate", "compile")
    port = pick.number(3000, 8999)
    habits = pick.some(2, tuple(HABITS))
    rows = {name: pick.number(10, 999) for name in pick.some(3, names)}
    shown = next(iter(rows))
    start = START[language]
    values = {
        "title": title,
        "one": one,
        "base": base,
        "runs": runs,
        "main": f"{one}.{suffix}",
        "tool": f"{tool}.{suffix}",
        "port": str(port),
        "list": pick.one("list.csv", "names.csv", "source.csv"),
        "rows": "".join(f"{name},{number}\n" for name, number in rows.items()),
        "shown": f"{shown} {sha256(f'{shown},{rows[shown]}'.encode()).hexdigest()[:12]}",
        "mask": "umask 077 && " if "mask" in habits else "",
        "masked": "umask 077 && " if "mask" in habits[1:] else "",
        "state": "/var/lib/@{one}/visits" if "state" in habits else "/tmp/@{one}.visits",
        "made": "RUN mkdir /var/lib/@{one}\n" if "state" in habits else "",
        "half_made": "RUN mkdir -p /var/lib/@{one}\n" if "state" in habits else "",
        "os": "import os\n" if "pid" in habits else "",
        "modules": PATHS if "home" in habits else "",
        "start": (start["pid"] if "pid" in habits else "") + start["home" if "home" in habits else ""],
        "cure": _cured(habits),
        "half": _cured(habits[:1]),
        "cause": " ".join(HABITS[habit][2] for habit in habits),
    }
    for name in values:
        values[name] = values[name].replace("@{one}", one)
    return Instance(values=values, forms=[language])
