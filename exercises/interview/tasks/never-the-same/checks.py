"""What only this exercise asks: that two builds of the same sources make the same files."""

import datetime
import secrets
import time

from grader.facts import Facts

LIMIT = 4_000_000
"""Bytes of a file that are compared."""
PAUSE = 1.5
"""Seconds between the builds: no two of them see the same second."""
FORMS = ("%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d %b %Y", "%b %d %Y", "%d %B %Y", "%B %d, %Y")


def same(facts):
    """Whether another build, in which every RUN runs again, makes the same files. Their times are not compared."""
    first = facts.image
    time.sleep(PAUSE)
    with facts.submission.copy() as copy:
        copy.salt = secrets.token_hex(8)  # part of each RUN's cache key
        with Facts(copy, engine=facts.engine, images=facts.images) as again:
            second = again.image
            shared = _shared(first, second)
            one, two = _contents(first, shared), _contents(second, shared)
    for path in sorted(one.keys() | two.keys()):
        if path not in one or path not in two:
            return False, f"Two builds of the same sources differ: only one of them made /{path}."
        if one[path] != two[path]:
            return False, f"Two builds of the same sources differ in /{path}{_line(one[path][-1], two[path][-1])}."
    dates = _dates()
    for path, (*_, text) in sorted(two.items()):
        for date in dates:
            if date in text:
                return False, f"/{path} has the day of the build in it: tomorrow's build will be another one."
    return True, "Two builds of the same sources made the same files."


def _shared(first, second):
    """How many layers at the bottom are the same in both."""
    pairs = zip(first.layers, second.layers, strict=False)
    return next((one.index for one, two in pairs if one.diff_id != two.diff_id), len(first.layers))


def _contents(image, shared):
    """What a container sees of the layers above, by path: kind, mode, owner, link, and content."""
    found = {path: image.files.get(path) for path in image.files}
    found = {path: file for path, file in found.items() if file.layer >= shared}
    texts = image.read_all([path for path, file in found.items() if file.kind == "file"], LIMIT)
    return {
        path: (file.kind, file.mode, file.uid, file.gid, file.link, texts.get(path) or b"")
        for path, file in found.items()
    }


def _line(one, two):
    """Say in which line two texts differ, if they are texts."""
    if b"\0" in one + two or one == two:
        return ""
    pairs = zip(one.splitlines(), two.splitlines(), strict=False)
    number = next((at for at, (left, right) in enumerate(pairs, 1) if left != right), 0)
    return f", line {number}" if number else ""


def _dates():
    """The days that a build of the last minutes may have seen, as people write them."""
    now = datetime.datetime.now(datetime.UTC)
    days = {now + datetime.timedelta(hours=hours) for hours in (-1, 0)}
    return [day.strftime(form).encode() for day in days for form in FORMS]
