"""Whether a scanner saw what an image holds.

A scanner believes package lists. Where one was deleted or edited, and the files it spoke of are still there, the scan
is clean and the image is not: the scanner was blinded. What can be seen of that:

- a list that a layer had, and a later one deleted, emptied or changed, though the files are what that layer put there;
- code of a package that the advisories know, with no list beside it, also where all came in one layer;
- a list that does not agree with itself (the name of its folder, the record of what was installed, npm's hidden lock
  file, Debian's list of a package's files);
- a list that is plain to see and that the scanner left out all the same.

What was put together so that all its lists agree, in one layer, cannot be told from what was installed so.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING

from grader.facts.inventory import debian, node, python
from grader.facts.inventory.evidence import Blinding, Evidence

if TYPE_CHECKING:
    from grader.facts.image import Image
    from grader.facts.scan import Scan

__all__ = ["Blinding", "find"]

MAX_FOUND = 200
_OWN = ("usr/lib/python3/dist-packages/", "usr/share/nodejs/", "usr/lib/nodejs/", "usr/share/node_modules/")
"""Where Debian's packages put what is Python's or Node's: a scanner counts it as Debian's."""


def find(image: Image, scan: Scan) -> tuple[Blinding, ...]:
    """Where the scanner was blinded; nothing where it saw what there is."""
    evidence = Evidence(image)
    found = chain(
        debian.blindings(evidence),
        python.blindings(evidence),
        node.blindings(evidence),
        _left_out(evidence, scan),
        _another_release(evidence, scan),
    )
    return tuple(dict.fromkeys(islice(found, MAX_FOUND)))


def _left_out(evidence: Evidence, scan: Scan) -> Iterator[Blinding]:
    """Lists that anybody can read, and that the scanner does not have."""
    paths = {package.path for package in scan.packages}
    names = {package.name for package in scan.packages if package.ecosystem == "debian"}
    own = debian.installed(evidence)
    for listed in sorted(own):
        if listed.name not in names:
            yield Blinding(f"{listed.name} {listed.version}", debian.STATUS, None, "the scanner does not see it there")
    for path, text in evidence.visible.items():
        python_one, node_one = python.parse(path, text), node.parse(path, text)
        one = python_one or node_one
        wanted = one and one.name in (python.KNOWN if python_one else node.known())
        if one and wanted and path not in paths and not (own and path.startswith(_OWN)):
            yield Blinding(f"{one.name} {one.version}", path, None, "the scanner does not see it there")


def _another_release(evidence: Evidence, scan: Scan) -> Iterator[Blinding]:
    """A system that calls itself another release than its own packages are of: other advisories would be looked at."""
    family, _, release = scan.distribution.partition(" ")
    base = next((listed.version for listed in debian.installed(evidence) if listed.name == "base-files"), "")
    if family == "debian" and base and base.partition(".")[0].partition("+")[0] != release.partition(".")[0]:
        how = f"it says Debian {release}, and the packages are of Debian {base.partition('+')[0]}"
        yield Blinding("the system", "etc/debian_version", None, how)
