"""Which app, language and list an instance has, and where the answers come from that nobody updates."""

from layerwise.instances import Instance, Pick

LISTS = (
    ("Menu", "dishes", ["Pea soup", "Dumplings", "Trout", "Barley bowl", "Plum cake", "Rhubarb"]),
    ("Water levels", "gauges", ["Upper Lock", "Weir", "Mill Race", "Old Bridge", "Basin", "Sluice"]),
    ("Library", "shelves", ["Maps", "Poems", "Atlases", "Letters", "Plays", "Almanacs"]),
    ("Snow", "slopes", ["North Face", "Glade", "Long Run", "Gully", "Meadow", "Ridge"]),
    ("Berths", "berths", ["Quay One", "Quay Two", "Mole", "Inner Pool", "Outer Pool", "Slip"]),
    ("Garden", "beds", ["Beans", "Kale", "Leeks", "Parsnips", "Sorrel", "Chard"]),
)
LANGUAGES = {"python": ("python:3.13-slim", "py", "python"), "node": ("node:20-slim", "js", "node")}
CAUSES = {
    "argument": (
        "The default of ARG ROWS in the Dockerfile holds a copy of the list, and the tool prefers it to the file. "
        "The step's key is its command, the arguments and the steps above: @{list} is none of these, so the step "
        "stays CACHED whatever the file says.",
        r"@{changed},@{before}\b",
    ),
    "twin": (
        "The tool is given tools/@{list}, a copy that was once committed as an example. Nobody edits that one. "
        "@{list} at the top comes in further down, when the answers have been made.",
        r"tools/@{list}:(\d+:)?@{changed},@{before}\b",
    ),
    "committed": (
        "Nothing makes the answers during the build. A file that the tool once made, answers.txt, is committed, and "
        "COPY takes it as it is.",
        r"answers\.txt:(\d+:)?@{changed} @{before}\b",
    ),
    "heredoc": (
        "The list that the tool reads is written into the Dockerfile, in a stage of its own, and COPY --from takes "
        "it from there. That stage takes nothing from the folder, so no edit of @{list} can reach it.",
        r"@{changed},@{before}\b",
    ),
}


def instance(pick: Pick) -> Instance:
    title, word, names = pick.one(*LISTS)
    fault = pick.one(*CAUSES)
    language = pick.one(*LANGUAGES)
    base, suffix, runs = LANGUAGES[language]
    rows = [(name, pick.number(100, 499)) for name in pick.some(4, names)]
    changed, now = rows[1]
    before = now + pick.number(11, 99)
    stale = [rows[0], (changed, before), rows[2]]
    values = {
        "title": title,
        "list": f"{word}.csv",
        "base": base,
        "runs": runs,
        "tool": f"{pick.one('make', 'answers', 'count', 'collect')}.{suffix}",
        "main": f"{pick.one('serve', 'site', 'desk', 'window')}.{suffix}",
        "port": str(pick.number(3000, 8999)),
        "changed": changed,
        "before": str(before),
        "now": str(now),
        "newest": "{} {}".format(*rows[-1]),
        "newest_name": rows[-1][0],
    }
    for name, some in (("rows", rows), ("stale", stale)):
        values[name] = "".join(f"{row},{number}\n" for row, number in some)
        values[f"{name}_in_a_line"] = ";".join(f"{row},{number}" for row, number in some)
        values[f"{name}_made"] = "".join(f"{row} {number}\n" for row, number in some)
    cause, evidence = CAUSES[fault]
    for name, text in (("cause", cause), ("evidence", evidence)):
        for key in ("list", "changed", "before"):
            text = text.replace(f"@{{{key}}}", values[key])
        values[name] = text
    return Instance(values=values, forms=[language, fault])
