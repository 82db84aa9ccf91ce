"""Find packages that an image holds and a scanner does not see.

A scanner believes package lists. If a list was deleted or edited and its files are still there, the scan is clean but
the image is not: the package is hidden. These signs of it are found:

- a list that a layer had, and that a later layer deleted, emptied or changed, although the files are still the same;
- code of a package that the advisories know, without a list of it, wherever it is and even if everything came in one
  layer;
- a list that contradicts something else: the name of its folder, the record of what was installed, npm's hidden lock
  file, or Debian's list of a package's files;
- a list that a container sees, but that the scanner left out, or read in another way.

An image that was put together in one layer so that all its lists agree looks like an honest one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING

from grader.facts.inventory import debian, node, python, unlisted
from grader.facts.inventory.evidence import Evidence, HiddenPackage
from grader.facts.inventory.known_code import modules
from grader.facts.supply.scan import scan_of

if TYPE_CHECKING:
    from grader.facts.advisories.frozen import SnapshotName
    from grader.facts.facts import Facts
    from grader.facts.image.image import Image
    from grader.facts.supply.scan import Scan

MAX_FOUND = 200
_OWN = ("usr/lib/python3/dist-packages/", "usr/share/nodejs/", "usr/lib/nodejs/", "usr/share/node_modules/")
"""Where Debian's packages put Python and Node code, which a scanner counts as Debian's."""


def hidden_packages_of(facts: Facts, name: SnapshotName) -> tuple[HiddenPackage, ...]:
    """Return the packages that are hidden from the scan with that snapshot."""
    return facts.once(_hidden_packages, name)


def _hidden_packages(facts: Facts, name: SnapshotName) -> tuple[HiddenPackage, ...]:
    return hidden_packages(facts.image, scan_of(facts, name))


def hidden_packages(image: Image, scan: Scan) -> tuple[HiddenPackage, ...]:
    """Return the packages that are hidden from the scan; none if it saw everything."""
    evidence = Evidence(image)
    found = chain(
        debian.hidden_packages(evidence),
        python.hidden_packages(evidence),
        node.hidden_packages(evidence),
        unlisted.hidden_packages(evidence),
        _left_out(evidence, scan),
        _another_release(evidence, scan),
    )
    return tuple(dict.fromkeys(islice(found, MAX_FOUND)))


def _left_out(evidence: Evidence, scan: Scan) -> Iterator[HiddenPackage]:
    """Yield packages whose lists a container sees, but which the scanner left out."""
    read = {package.path: package for package in scan.packages}
    names = {package.name for package in scan.packages if package.ecosystem == "debian"}
    own = debian.installed(evidence)
    for listed in sorted(own):
        if listed.name not in names:
            yield HiddenPackage(
                f"{listed.name} {listed.version}", debian.STATUS, None, "the scanner does not see it there"
            )
    for path, text in evidence.visible.items():
        python_one, node_one = python.parse(path, text), node.parse(path, text)
        one = python_one or node_one
        wanted = one and one.name in (modules() if python_one else node.known())
        if not one or not wanted or (own and path.startswith(_OWN)):
            continue
        seen = read.get(path)
        if seen is None:
            yield HiddenPackage(f"{one.name} {one.version}", path, None, "the scanner does not see it there")
        elif seen.version != one.version or (python_one and python.normal(seen.name) != one.name):
            how = f"the scanner takes it for {seen.name} {seen.version}"
            yield HiddenPackage(f"{one.name} {one.version}", path, None, how)


def _another_release(evidence: Evidence, scan: Scan) -> Iterator[HiddenPackage]:
    """Yield the system if it claims another release than its packages: the scanner would use the wrong advisories."""
    family, _, release = scan.distribution.partition(" ")
    base = next((listed.version for listed in debian.installed(evidence) if listed.name == "base-files"), "")
    if family == "debian" and base and base.partition(".")[0].partition("+")[0] != release.partition(".")[0]:
        how = f"it says Debian {release}, but the packages are of Debian {base.partition('+')[0]}"
        yield HiddenPackage("the system", "etc/debian_version", None, how)
