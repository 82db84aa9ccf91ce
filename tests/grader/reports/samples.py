"""Reports as they come out of real grading, one of each sort, made with the grader's own vocabulary."""

from __future__ import annotations

from grader.verdict import CheckResult, Place, Report, Verdict

ENGINE = {"version": "26.1.5", "image_store": "containerd"}
IMAGE = {"id": "sha256:" + "4f1c" * 16, "digest": "sha256:" + "9be2" * 16}


def _check(verdict: Verdict, kind: str, title: str, points: float, **more: str) -> CheckResult:
    return CheckResult.of(verdict, id=more.pop("id", kind), kind=kind, title=title, max_points=points, **more)


_BUILD = ("build", "The Dockerfile builds", 1.0)
_REBUILD = ("rebuild", "Editing app code does not reinstall the dependencies", 6.0)
_SIZE = ("size", "The image stays small", 4.0)
_USER = ("user", "The service does not run as root", 2.0)
_PINNING = ("pinning", "Everything from outside is pinned to a version", 3.0)

FULL = Report(
    exercise="02-cache-order",
    title="Make the second build instant",
    checks=(
        _check(Verdict.passed("The Dockerfile builds in 41 s."), *_BUILD),
        _check(
            Verdict.passed(
                "After an edit of app.py the dependencies came from the cache.",
                expected="the step 'pip install' is reused",
                found="reused",
            ),
            *_REBUILD,
        ),
        _check(Verdict.passed("61 MB above the base, at most 80 MB allowed.", found="61 MB"), *_SIZE),
        _check(Verdict.passed("The main process runs as uid 1000."), *_USER),
    ),
    engine=ENGINE,
    image=IMAGE,
    seconds=63.4,
)

PARTIAL = Report(
    exercise="02-cache-order",
    title="Make the second build instant",
    checks=(
        _check(Verdict.passed("The Dockerfile builds in 41 s."), *_BUILD),
        _check(
            Verdict.failed(
                "After one line of app.py was edited, the step that installs the dependencies ran again, though "
                "requirements.txt had not changed.",
                expected="the step matching 'pip install' is reused",
                found="it ran again and took 38 s",
                where=[
                    Place(file="Dockerfile", line=4, text="COPY . ."),
                    Place(file="Dockerfile", line=5, step="3/4", text="RUN pip install -r requirements.txt"),
                ],
                details={
                    "edited": ["app.py"],
                    "change": "content",
                    "seconds_rebuild": 39.4,
                    "broke_at_line": 4,
                    "steps": [
                        {"line": 2, "text": "WORKDIR /app", "state": "reused", "seconds": 0.0},
                        {"line": 4, "text": "COPY . .", "state": "ran", "seconds": 0.2},
                        {"line": 5, "text": "RUN pip install -r requirements.txt", "state": "ran", "seconds": 38.1},
                    ],
                },
            ),
            *_REBUILD,
            hint="What has to be in the image before pip can read the list of dependencies?",
            lesson="02-caching#order-of-instructions",
        ),
        _check(
            Verdict.share(
                0.55,
                "The submission adds more than it needs; most of the excess is a package index that nothing reads.",
                expected="at most 80 MB above the base",
                found="128 MB",
                where=[
                    Place(layer=3, path="/var/lib/apt/lists", bytes=44_210_311),
                    Place(layer=4, path="/root/.cache/pip", bytes=9_120_004),
                ],
            ),
            *_SIZE,
            lesson="04-size#what-a-layer-keeps",
        ),
        _check(Verdict.passed("The main process runs as uid 1000."), *_USER),
    ),
    engine=ENGINE,
    image=IMAGE,
    seconds=63.4,
)

NOT_BUILT = Report(
    exercise="02-cache-order",
    title="Make the second build instant",
    checks=(
        _check(
            Verdict.failed(
                "The build stopped at the instruction in line 5.",
                expected="a build that ends with status 0",
                found="exit code 1\nERROR: Could not find a version that satisfies the requirement flsk==3.0.3 "
                "(from versions: none)\nERROR: No matching distribution found for flsk==3.0.3",
                where=[Place(file="Dockerfile", line=5, step="3/4", text="RUN pip install -r requirements.txt")],
            ),
            *_BUILD,
            lesson="01-images#reading-a-failed-build",
        ),
        _check(Verdict.skipped("Not judged: the check 'build' did not pass."), *_REBUILD),
        _check(Verdict.skipped("Not judged: the check 'build' did not pass."), *_SIZE),
        _check(
            Verdict.share(
                2 / 3,
                "One of three references can change under your feet.",
                expected="a version or better",
                found="no version",
                where=[Place(file="requirements.txt", line=2, text="requests")],
                details={
                    "things": [
                        {"kind": "image", "name": "python:3.13-slim", "line": 1, "pinned": True},
                        {"kind": "pip", "name": "flask", "line": 1, "pinned": True},
                        {"kind": "pip", "name": "requests", "line": 2, "pinned": False, "why": "no version"},
                    ]
                },
            ),
            *_PINNING,
            lesson="05-pinning#tiers",
        ),
    ),
    engine=ENGINE,
    seconds=4.2,
)

ERROR = Report(
    exercise="02-cache-order",
    title="Make the second build instant",
    checks=(
        _check(Verdict.passed("Everything is pinned."), *_PINNING),
        _check(
            Verdict.error(
                "The Docker engine stopped answering while the image was being built: expected an answer at "
                "unix:///run/docker.sock within 10 s; start the engine, then grade again."
            ),
            *_BUILD,
        ),
        _check(Verdict.skipped("Not judged: the check 'build' did not pass."), *_REBUILD),
    ),
    engine=ENGINE,
    seconds=12.0,
)

NOTHING_LOOKED_AT = Report(exercise="02-cache-order", title="Make the second build instant", checks=())

LOST_ALL = Report(
    exercise="03-user",
    title="Drop root",
    checks=(
        _check(
            Verdict.failed(
                "The main process runs as root: the name in USER has uid 0 in the image's /etc/passwd.",
                expected="a uid other than 0",
                found="uid 0 (toor)",
                where=[
                    Place(file="Dockerfile", line=9, text="USER toor"),
                    Place(path="/etc/passwd", text="toor:x:0:0"),
                ],
            ),
            *_USER,
            lesson="06-users",
        ),
        _check(
            Verdict.failed(
                "'python -m app --check' ended with exit status 1, not 0.",
                expected="exit status 0",
                found="exit status 1",
                details={
                    "exit": 1,
                    "stderr": "Traceback (most recent call last):\n"
                    '  File "/app/app.py", line 12, in <module>\n'
                    "    open('/data/state.json')\n"
                    "PermissionError: [Errno 13] Permission denied: '/data/state.json'",
                    "seconds": 0.41,
                },
            ),
            "command",
            "The service can read its data",
            1.0,
        ),
    ),
    engine=ENGINE,
    image=IMAGE,
    seconds=2.0,
)

ALL = {
    "full": FULL,
    "partial": PARTIAL,
    "not-built": NOT_BUILT,
    "error": ERROR,
    "nothing": NOTHING_LOOKED_AT,
    "lost-all": LOST_ALL,
}
