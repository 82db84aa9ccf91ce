"""`signed`: Cosign verifies the image's digest with the learner's public key, and rejects a tampered one.

    repository = "localhost:5000/{learner}/tides"
    tag        = "1.0"             # default: latest
    key        = "cosign.pub"      # the default; a file of the submission

The digest that the tag names now must be signed. For an index that is its own digest, not those of its images.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, ClassVar

from grader.checks import CheckParams
from grader.errors import SubmissionFault
from grader.facts.registry.names import RepositoryName, TagName
from grader.facts.supply.signature import signatures_of, signed_elsewhere
from grader.lib.schedule import Workload
from grader.lib.text import clean
from grader.settings import InnerPath
from grader.verdict import Place, Verdict

if TYPE_CHECKING:
    from grader.facts import Facts
    from grader.facts.supply.signature import OtherDigest, Signature, Signatures

SHOWN = 10
"""The most signatures shown."""


class Params(CheckParams):
    """The image (a repository and a tag), and the file of the submission with the public key."""

    work: ClassVar[Workload] = Workload.LOOKS
    repository: RepositoryName
    tag: TagName = "latest"
    key: InnerPath = "cosign.pub"


def judge(facts: Facts, params: Params) -> Verdict:
    """Passed if one signature over the digest verifies."""
    name = f"{facts.repository(params.repository)}:{params.tag}"
    signatures = signatures_of(facts, params.repository, params.tag, params.key)
    if signatures is None:
        return Verdict.failed(
            f"There is no {name}: push the image, then sign what was pushed.",
            expected=f"{name}, signed",
            found="no such tag",
        )
    if signatures.good:
        return Verdict.passed(
            f"Cosign verifies {signatures.digest} with {params.key}, and rejects it with one byte changed."
            + _remark(facts, params.key),
            details={"digest": signatures.digest},
        )
    elsewhere = signed_elsewhere(facts, params.repository, params.tag, params.key)
    return Verdict.failed(
        _why(name, params.key, signatures, elsewhere),
        expected=f"a signature over {signatures.digest} that verifies with {params.key}",
        found=_found(signatures),
        where=[_place(signature) for signature in signatures.found[:SHOWN]],
        details={"digest": signatures.digest, **({"signed_instead": elsewhere.digest} if elsewhere else {})},
    )


def _why(name: str, key: str, signatures: Signatures, elsewhere: OtherDigest | None) -> str:
    digest, found = signatures.digest, signatures.found
    copied = [signature for signature in found if signature.names not in ("", digest)]
    if any(not signature.damaged for signature in found if signature not in copied):
        more = f" {key} holds {signatures.keys} keys, and Cosign reads only the first." if signatures.keys > 1 else ""
        return (
            f"{name} ({digest}) is signed, but not with the private key that belongs to {key}, or what was signed has "
            f"changed since.{more}"
        )
    if copied:
        return (
            f"The signature attached to {name} ({digest}) is for {clean(copied[0].names, 80)}: it was made for "
            "another image, and says nothing about this one."
        )
    if found:
        return f"The signature of {name} ({digest}) is damaged: {clean(found[0].why, 200)}. Sign that digest again."
    if elsewhere and elsewhere.inside:
        return (
            f"{name} is an index ({digest}), and {key} verifies only an image in it ({elsewhere.digest}). A pull by "
            "tag begins with the index, so sign that."
        )
    if elsewhere:
        return (
            f"{name} is now {digest}, which is not signed. In the same repository {key} verifies {elsewhere.digest}: "
            "the tag has moved since the signing, or something else was signed."
        )
    attested = " An attestation is attached to it, but that is not a signature." if signatures.attestations else ""
    return f"{name} ({digest}) is not signed: sign that digest.{attested}"


def _found(signatures: Signatures) -> str:
    number = len(signatures.found)
    return f"{number} signature{'' if number == 1 else 's'}, none that verifies" if number else "no signature"


def _place(signature: Signature) -> Place:
    about = f"about {signature.names}: " * bool(signature.names)
    return Place(path=signature.place, text=f"{about}{signature.why}")


def _remark(facts: Facts, key: str) -> str:
    """A warning if the private key of the pair would reach a build."""
    private = str(PurePosixPath(key).with_suffix(".key"))
    with suppress(SubmissionFault):
        if any(entry.path == private for entry in facts.context.sent):
            return (
                f" One more thing: the private key {private} is in the build context, so a COPY could put it into an "
                "image."
            )
    return ""
