"""Which app, language, port and data an instance has, and which of four faults makes each of its builds another one."""

from layerwise.instances import Instance, Pick

PLACES = (
    ("fern", "Fern", ["Maidenhair", "Hartstongue", "Polypody", "Bracken", "Royal", "Lady", "Male", "Oak", "Beech"]),
    ("moth", "Moth", ["Emperor", "Lappet", "Drinker", "Burnet", "Hawk", "Swift", "Footman", "Tiger", "Kitten"]),
    ("knot", "Knot", ["Bowline", "Cleat", "Sheepshank", "Reef", "Granny", "Figure", "Clove", "Hitch", "Splice"]),
    ("font", "Font", ["Garamond", "Bodoni", "Caslon", "Janson", "Bembo", "Gill", "Futura", "Rockwell", "Optima"]),
    ("loaf", "Loaf", ["Cottage", "Bloomer", "Batch", "Farmhouse", "Plait", "Cob", "Tin", "Baton", "Barrel"]),
    ("dance", "Dance", ["Pavane", "Galliard", "Bourree", "Gavotte", "Minuet", "Gigue", "Courante", "Reel", "Polka"]),
)
LANGUAGES = {"python": ("python:3.13-slim", "py", "python"), "node": ("node:20-slim", "js", "node")}
STEADY = '"$(cat RELEASE)"'
PARTS = {
    # Lines of the tool that makes the site: the names in the index, a line on top, the tag of a page and its end.
    "python": {
        "names": "names = sorted({name for name, _ in rows})\n",
        "tag": "hashlib.sha256(page.read_bytes()).hexdigest()[:12]",
        "head": "",
        "order": "names = {name for name, _ in rows}\n",
        "times": ' + f"-{page.stat().st_mtime_ns}"',
        "id": 'index.write(f"build {uuid.uuid4()}\\n")\n    ',
    },
    "node": {
        "names": "const names = [...new Set(rows.map(([name]) => name))].sort();\n",
        "tag": 'crypto.createHash("sha256").update(fs.readFileSync(page)).digest("hex").slice(0, 12)',
        "head": "",
        "order": "\n".join(
            (
                '// A part for each line, which the workers may take in any order.\nfs.mkdirSync("parts");',
                "for (const [name] of rows) fs.writeFileSync(`parts/${crypto.randomUUID()}`, name);",
                'const parts = fs.readdirSync("parts").map((part) => fs.readFileSync(`parts/${part}`, "utf8"));',
                'const names = [...new Set(parts)];\nfs.rmSync("parts", { recursive: true });\n',
            )
        ),
        "times": ' + "-" + fs.statSync(page).mtimeMs',
        "id": "lines.push(`build ${crypto.randomUUID()}`);\n",
    },
}
FAULTS = {
    # The cause, for each language if it differs; the evidence; the cure.
    "stamp": (
        "The build puts the time, $(date +%s), behind the release, so the first line of the index is new each second.",
        r"(?m)^[<>] @{title} @{release}\+\d{10}",
        "I take the release from its file alone",
    ),
    "id": (
        "The tool makes up a random id for each build and writes it into the index.",
        r"(?m)^[<>] build [0-9a-f]{8}-",
        "I take the random id away; what names a build can be made from its release or from its content",
    ),
    "order": (
        {
            "python": "The tool goes through a set of names. Python salts the hashes of texts anew in each process, so "
            "the order of a set is another one each time.",
            "node": "The tool reads its parts in the order of their file names, and these names are random.",
        },
        r"(?m)^[<>] [A-Z][A-Za-z]+ [0-9a-f]{12}$",
        "I sort the names before they are written",
    ),
    "times": (
        "The time of the page's file is a part of its tag, and the build makes the file anew, so the time is now.",
        r"(?m)^[<>] [A-Z][A-Za-z]+ [0-9a-f]{12}-\d{10,}",
        "I make the tag from the content of the page alone",
    ),
}


def instance(pick: Pick) -> Instance:
    one, title, names = pick.one(*PLACES)
    language = pick.one(*LANGUAGES)
    base, suffix, runs = LANGUAGES[language]
    fault = pick.one(*FAULTS)
    tool = pick.one("bake", "render", "press", "make")
    release = f"{pick.number(1, 9)}.{pick.number(0, 19)}.{pick.number(0, 9)}"
    shuffled = pick.some(len(names), names)
    # The first two pages differ, and are of the same size.
    alike = sorted(f"{title}{letter}" for letter in pick.some(2, "ABCDEFGH"))
    rows = {alike[0]: pick.number(100, 499), alike[1]: pick.number(500, 999)}
    rows |= {name: pick.number(1000, 9999) for name in shuffled}
    lines = [f"{name},{number}\n" for name, number in rows.items()]
    parts = PARTS[language]
    cause, evidence, cure = FAULTS[fault]
    values = {
        "title": title,
        "one": one,
        "base": base,
        "runs": runs,
        "main": f"{one}.{suffix}",
        "tool": f"{tool}.{suffix}",
        "port": str(pick.number(3000, 8999)),
        "data": pick.one("lists", "entries", "source"),
        "release": release,
        "version": release.replace(".", "[.]"),
        # In random order, and one of them twice.
        "rows": "".join([*pick.some(len(lines), lines), lines[2]]),
        "first": alike[0],
        "second": alike[1],
        "argument": '"$(cat RELEASE)+$(date +%s)"' if fault == "stamp" else STEADY,
        "names": parts["order" if fault == "order" else "names"],
        "tag": parts["tag"] + (parts["times"] if fault == "times" else ""),
        "head": parts["id" if fault == "id" else "head"],
        "size": "page.stat().st_size" if language == "python" else "fs.statSync(page).size",
        "good_names": parts["names"],
        "good_tag": parts["tag"],
        "cause": cause if isinstance(cause, str) else cause[language],
        "cure": cure,
    }
    values["uuid"] = "import uuid\n" if fault == "id" else ""
    values["evidence"] = evidence.replace("@{title}", title).replace("@{release}", values["version"])
    return Instance(values=values, forms=[language])
