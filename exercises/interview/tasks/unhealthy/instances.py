"""Which app, language, port and path an instance has, and which of five faults its health check has."""

from layerwise.instances import Instance, Pick

PLACES = (
    ("greenhouse", "Greenhouse", "the vents are open", ["vents", "plants", "climate"]),
    ("turbine", "Turbine", "the blades turn", ["blades", "grid", "wind"]),
    ("aquarium", "Aquarium", "the pumps run", ["pumps", "tanks", "water"]),
    ("foundry", "Foundry", "the furnace is hot", ["furnace", "heat", "melt"]),
    ("cellar", "Cellar", "the barrels are cool", ["barrels", "cooling", "casks"]),
    ("crossing", "Crossing", "the gates are up", ["gates", "barrier", "road"]),
)
LANGUAGES = {"python": ("python:3.13-slim", "py", "python"), "node": ("node:20-slim", "js", "node")}
RESTARTED = (
    "The orchestrator starts it, finds it unhealthy after a while, and puts a new one in its place, again and again.\n"
    "And yet, whoever visits the page in time gets a good answer."
)
UNNOTICED = (
    "Last night it hung for three hours, and nobody who visited it got an answer. All that time its container was\n"
    "healthy, so it was not replaced, and nobody was woken up."
)
SCRIPT = 'CMD ["@{runs}", "@{check}", "http://localhost:@{port}/@{path}"]'
FAULTS = {
    # The timeout and the check of the starter, the symptom; the evidence, cause and cure.
    "tool": (
        "8s",
        "CMD curl --fail --silent http://localhost:@{port}/@{path} || exit 1",
        RESTARTED,
        "curl: not found",
        "The check calls curl, and the image has none. The check runs inside the container, with the image's programs, "
        "so it always fails.",
        "I ask with @{runs}, which the image has anyway",
    ),
    "file": (
        "8s",
        'CMD ["test", "-f", "/tmp/@{one}.ready"]',
        UNNOTICED,
        r'stopped[\s\S]*"Status":"healthy"',
        "The check looks for a file that the service makes once, at its start. The file is still there when the "
        "service hangs.",
        "I let the check ask the service itself, over its port",
    ),
    "port": (
        "8s",
        SCRIPT.replace("@{port}", "@{wrong}"),
        RESTARTED,
        "Connection refused|ECONNREFUSED",
        "The check asks port @{wrong}, and the service listens on port @{port}. Nobody answers there.",
        "I let the check ask port @{port}",
    ),
    "slow": (
        "1s",
        SCRIPT,
        RESTARTED,
        "Health check exceeded timeout",
        "The answer of /@{path} takes @{delay} s, and the check is given 1 s. It is killed each time before the answer "
        "comes.",
        "I give the check more time than the answer takes",
    ),
    "status": (
        "8s",
        SCRIPT,
        UNNOTICED,
        r'"ExitCode":0,"Output":"unhealthy',
        "@{check} prints that the service is unhealthy and then ends with status 0. The engine looks at the exit "
        "status alone.",
        "I let the script end with status 1 if there is no good answer",
    ),
}
ENDS = {"python": "\n    sys.exit(1)", "node": "\n  process.exit(1);"}


def instance(pick: Pick) -> Instance:
    one, title, word, paths = pick.one(*PLACES)
    language = pick.one(*LANGUAGES)
    base, suffix, runs = LANGUAGES[language]
    port = pick.number(3000, 8999)
    fault = pick.one(*FAULTS)
    timeout, check, symptom, evidence, cause, cure = FAULTS[fault]
    script = fault in ("port", "slow", "status")
    values = {
        "title": title,
        "word": word,
        "one": one,
        "base": base,
        "runs": runs,
        "main": f"{one}.{suffix}",
        "check": f"{pick.one('check', 'health', 'probe')}.{suffix}",
        "port": str(port),
        "wrong": str(port + pick.number(1, 9)),
        "path": pick.one(*paths),
        "delay": f"1.{pick.number(6, 9)}" if fault == "slow" else f"0.{pick.number(1, 3)}",
        "seal": pick.letters(8),
        "timeout": timeout,
        "ends": "" if fault == "status" else ENDS[language],
        "symptom": symptom,
        "evidence": evidence,
    }
    values["copied"] = f"{values['main']} {values['check']}" if script else values["main"]
    for name, text in (("asked", check), ("cause", cause), ("cure", cure)):
        for inner in ("runs", "check", "port", "path", "one", "wrong", "delay"):
            text = text.replace("@{" + inner + "}", values[inner])
        values[name] = text
    forms = [language, *([f"{language}-script"] if script else []), *([fault] if fault == "slow" else [])]
    return Instance(values=values, forms=forms)
