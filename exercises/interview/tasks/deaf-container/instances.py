"""Which app, language and port an instance has, and which of five faults makes its container deaf to `docker stop`."""

from layerwise.instances import Instance, Pick

PLACES = (
    ("ticker", "Ticker", "exchange", ["Corn Exchange", "Wool Hall", "Tin Court", "Salt House"]),
    ("carillon", "Carillon", "tower", ["St Olave", "Market Tower", "The Belfry", "Old Guildhall"]),
    ("lift", "Lift", "hall", ["North Hall", "Palm House", "Glass Court", "East Annexe"]),
    ("pump", "Pump", "station", ["Fen End", "Sluice Three", "Low Dyke", "Mere Side"]),
    ("scoreboard", "Scoreboard", "ground", ["Lime Road", "The Meadow", "Quarry Park", "Canal End"]),
    ("kiln", "Kiln", "works", ["Clay Lane", "Blue Works", "Potters Row", "Brick Yard"]),
)
LANGUAGES = {"python": ("python:3.13-slim", "py", "python"), "node": ("node:20-slim", "js", "node")}
START = '["sh", "start.sh"]'
EXEC = "exec @{runs} @{main}\n"
HANDLERS = {
    "python": (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))",
        "signal.signal(signal.SIGINT, lambda *_: sys.exit(0))",
    ),
    "node": ('process.on("SIGTERM", () => process.exit(0));', 'process.on("SIGINT", () => process.exit(0));'),
}
FAULTS = {
    # CMD, further instructions, the end of start.sh; the cause, the evidence that /proc or the config gives, the cure.
    "pipe": (
        "sh start.sh 2>&1 | tee /tmp/@{one}.log",
        "",
        EXEC,
        "CMD is in the shell form, with a pipe in it. So a shell is process 1 and waits for both ends of the pipe. It "
        "gets the signal, has no handler for it, and passes nothing on.",
        r"/bin/sh\"?[ \0]\"?-c[ \0].*tee",
        "I write CMD as a list and let the service write to its own output, which the engine keeps anyway",
    ),
    "script": (
        START,
        "",
        "@{runs} @{main}\necho ended\n",
        "start.sh starts the service as its child and waits for it. The shell is process 1: it gets the signal, has no "
        "handler for it, and passes nothing on.",
        r"\bsh[ \0]start\.sh",
        "I end the script with exec, so that the service takes the shell's place as process 1",
    ),
    "wait": (
        START,
        "",
        "@{runs} @{main} &\necho $! > /tmp/@{one}.pid\nwait $!\n",
        "start.sh starts the service in the background and waits for it. The shell is process 1: it gets the signal, "
        "has no handler for it, and passes nothing on.",
        r"\bsh[ \0]start\.sh",
        "I take the & and the wait away and end the script with exec, so that the service is process 1",
    ),
    "handler": (
        START,
        "",
        EXEC,
        "The service is process 1, and handles SIGINT only, which is what Ctrl-C sends. docker stop sends SIGTERM. For "
        "process 1 the kernel has no default action: a signal without a handler is dropped.",
        r"(?<!exec )\b@{runs}[ \0]@{main}",
        "I let the service handle SIGTERM in the same way as SIGINT",
    ),
    "signal": (
        START,
        "STOPSIGNAL SIGQUIT\n",
        EXEC,
        "STOPSIGNAL says SIGQUIT, as in nginx's image, so docker stop sends that and not SIGTERM. The service handles "
        "SIGTERM alone, and for process 1 a signal without a handler is dropped.",
        r"SIGQUIT",
        "I take STOPSIGNAL away, so that docker stop sends SIGTERM again, which the service handles",
    ),
}


def instance(pick: Pick) -> Instance:
    fault = pick.one(*FAULTS)
    one, title, place, names = pick.one(*PLACES)
    language = pick.one(*LANGUAGES)
    base, suffix, runs = LANGUAGES[language]
    main = f"{one}.{suffix}"
    cmd, more, end, cause, evidence, cure = FAULTS[fault]
    handler, only_interrupt = HANDLERS[language]
    values = {
        "title": title,
        "place": place,
        "PLACE": place.upper(),
        "one": one,
        "base": base,
        "runs": runs,
        "main": main,
        "port": str(pick.number(3000, 8999)),
        "file": pick.one("place.conf", "site.conf", "local.conf"),
        "name": pick.one(*names),
        "seal": pick.letters(8),
        "seconds": str(pick.number(2, 4)),
        "handler": only_interrupt if fault == "handler" else handler,
        "handled": handler,
    }
    for name, text in (("cmd", cmd), ("more", more), ("end", end), ("cause", cause), ("evidence", evidence)):
        for inner in ("one", "runs", "main"):
            text = text.replace("@{" + inner + "}", values[inner])
        values[name] = text
    values["cure"] = cure
    return Instance(values=values, forms=[language, fault])
