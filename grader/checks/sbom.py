"""`sbom`: an SBOM of the image itself is attached to it, and lists what is in the image.

    repository = "localhost:5000/{learner}/tides"
    tag        = "1.0"             # default: latest
    format     = "cyclonedx"       # or spdx
    key        = "cosign.pub"      # optional: then it must be an attestation that verifies with this key

What is in the image is the scanner's own list for that digest. An SBOM passes if it lists at least 95 % of that, and
not much else. All or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from grader.checks import CheckParams
from grader.errors import GraderError
from grader.facts.registry.names import RepositoryName, TagName
from grader.facts.supply.purl import Package
from grader.facts.supply.sbom import Attachment, Compared, Format, Sboms, compare, packages_of, sboms_of
from grader.lib.schedule import Workload
from grader.lib.text import clean
from grader.settings import InnerPath
from grader.verdict import Place, Verdict

if TYPE_CHECKING:
    from grader.facts import Facts

LISTED = 0.95
"""The share of the image's packages that has to be listed: tools differ about the rest."""
STRANGE = 0.5
"""How many packages may be listed that are not in the image, as a share of those that are. STRANGE_FEW always may."""
STRANGE_FEW = 10
SHOWN = 8
"""The most packages named in a message."""
SHOWN_PLACES = 10


class Params(CheckParams):
    """The image (a repository and a tag), the format, and the file of the submission with the public key."""

    work: ClassVar[Workload] = Workload.LOOKS
    repository: RepositoryName
    tag: TagName = "latest"
    format: Format
    key: InnerPath | None = None


class _Finding(NamedTuple):
    """How far one attached SBOM gets: the higher the rank, the closer. `why` is empty if it passes."""

    rank: int
    why: str
    attachment: Attachment
    compared: Compared | None = None


def judge(facts: Facts, params: Params) -> Verdict:
    """Passed if one of the attached SBOMs is as the parameters ask."""
    name = f"{facts.repository(params.repository)}:{params.tag}"
    sboms = sboms_of(facts, params.repository, params.tag, params.key)
    if sboms is None:
        return Verdict.failed(
            f"There is no {name}: push the image, then attach an SBOM to what was pushed.",
            expected=f"{name}, with an SBOM attached",
            found="no such tag",
        )
    findings = [_finding(facts, params, sboms, attachment) for attachment in sboms.found]
    if not sboms.is_all and all(finding.why for finding in findings):
        raise GraderError(
            f"more is attached to {sboms.digest} than can be looked at, and no SBOM that was is as expected: "
            "delete what nobody needs, and grade again"
        )
    if not findings:
        return Verdict.failed(_nothing(name, sboms, params), expected=_expected(params), found="no SBOM")
    best = max(findings, key=lambda finding: finding.rank)
    details: dict[str, Any] = {"digest": sboms.digest, "image": sboms.image}
    if best.compared:
        details |= {"held": best.compared.held, "missing": _names(best.compared.missing, 50)}
        details |= {"not_held": _names(best.compared.strange, 50)}
    if not best.why:
        compared = best.compared
        listed = f"{compared.held - len(compared.missing)} of the {compared.held}" if compared else ""
        signed = f", signed with the key of {params.key}," if params.key else ""
        return Verdict.passed(
            f"The {params.format.label} SBOM of {sboms.digest}{signed} lists {listed} packages in the image.",
            details=details,
        )
    return Verdict.failed(
        best.why,
        expected=_expected(params),
        found=f"{len(findings)} SBOM{'' if len(findings) == 1 else 's'}, none as expected",
        where=[Place(path=item.attachment.place, text=item.why) for item in findings[:SHOWN_PLACES]],
        details=details,
    )


def _finding(facts: Facts, params: Params, sboms: Sboms, attachment: Attachment) -> _Finding:
    bom = attachment.bom
    if bom is None:
        return _Finding(0, f"What is attached as an SBOM cannot be read: {clean(attachment.why, 300)}.", attachment)
    if attachment.names and attachment.names not in (sboms.digest, sboms.image):
        described = clean(attachment.names, 80)
        why = f"The SBOM attached to {attachment.subject} describes {described}: attach one of this image."
        return _Finding(1, why, attachment)
    if bom.format is not params.format:
        why = f"The attached SBOM is {bom.format.label}, but {params.format.label} is expected."
        return _Finding(2, why, attachment)
    if params.key and not attachment.signed:
        why = f"The attached SBOM is not an attestation that verifies with {params.key}: {clean(attachment.why, 300)}."
        return _Finding(3, why, attachment)
    compared = compare(bom, packages_of(facts, params.repository, sboms.image))
    why = _compared(compared, bom.packages)
    return _Finding(4 if why else 5, why, attachment, compared)


def _compared(compared: Compared, listed: frozenset[Package]) -> str:
    """How an SBOM differs from what is in the image. Empty if it does not."""
    allowed = max(STRANGE_FEW, STRANGE * compared.held)
    if len(compared.missing) > (1 - LISTED) * compared.held:
        count = compared.held - len(compared.missing)
        empty = " It lists no package at all." if not listed else ""
        return (
            f"The SBOM lists {count} of the {compared.held} packages in the image.{empty} These are missing, in these "
            f"versions: {_some(compared.missing)}. Make the SBOM from the image that was pushed."
        )
    if len(compared.strange) > allowed:
        return (
            f"The SBOM lists {len(compared.strange)} packages that are not in the image: {_some(compared.strange)}. "
            "It describes another image."
        )
    return ""


def _nothing(name: str, sboms: Sboms, params: Params) -> str:
    if sboms.elsewhere:
        return (
            f"No SBOM is attached to {name}, which is now {sboms.digest}. There is one for {sboms.elsewhere}: the tag "
            "has moved since, or the SBOM was made for another image."
        )
    return (
        f"No SBOM is attached to {name} ({sboms.digest}): make one from the pushed image, and attach it to that digest."
    )


def _expected(params: Params) -> str:
    signed = f", as an attestation that verifies with {params.key}" if params.key else ""
    return f"a {params.format.label} SBOM{signed}, attached to the digest, that lists what is in the image"


def _names(packages: Sequence[Package], limit: int) -> list[str]:
    return [clean(str(package), 150) for package in packages[:limit]]


def _some(packages: Sequence[Package]) -> str:
    more = f" and {len(packages) - SHOWN} more" if len(packages) > SHOWN else ""
    return ", ".join(_names(packages, SHOWN)) + more
