"""`signed`: Cosign verifies the image's digest with the learner's public key, and refuses it once tampered with.

    repository = "localhost:5000/{learner}/tides"
    tag        = "1.0"             # default: latest
    key        = "cosign.pub"      # the default; a file of the submission

What must be signed is what the tag names now: of an index its own digest, not those of the images in it.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, ClassVar

from grader.beside import Work
from grader.checks import CheckParams
from grader.errors import SubmissionFault
from grader.exercise import InnerPath
from grader.repository import RepositoryName, TagName
from grader.verdict import Place, Verdict, clean

if TYPE_CHECKING:
    from grader.facts import Facts
    from grader.facts.signature import Elsewhere, Signature, Signatures

SHOWN = 10
"""Signatures shown."""


class Params(CheckParams):
    """The image, as a repository and a tag, and the file of the submission that holds the public key."""

    work: ClassVar[Work] = Work.LOOKS
    repository: RepositoryName
    tag: TagName = "latest"
    key: InnerPath = "cosign.pub"


def judge(facts: Facts, params: Params) -> Verdict:
    """Passed when one signature over the digest verifies."""
    name = f"{facts.repository(params.repository)}:{params.tag}"
    signatures = facts.signatures(params.repository, params.tag, params.key)
    if signatures is None:
        return Verdict.failed(
            f"There is no {name}: push the image, then sign what was pushed.",
            expected=f"{name}, signed",
            found="no tag",
        )
    if signatures.good:
        return Verdict.passed(
            f"Cosign verifies {signatures.digest} with {params.key}, and refuses it with one byte changed."
            + _remark(facts, params.key),
            details={"digest": signatures.digest},
        )
    elsewhere = facts.signed_elsewhere(params.repository, params.tag, params.key)
    return Verdict.failed(
        _why(name, params.key, signatures, elsewhere),
        expected=f"a signature over {signatures.digest} that verifies with {params.key}",
        found=_found(signatures),
        where=[_place(signature) for signature in signatures.found[:SHOWN]],
        details={"digest": signatures.digest, **({"signed_instead": elsewhere.digest} if elsewhere else {})},
    )


def _why(name: str, key: str, signatures: Signatures, elsewhere: Elsewhere | None) -> str:
    digest, found = signatures.digest, signatures.found
    copied = [signature for signature in found if signature.names not in ("", digest)]
    if any(not signature.damaged for signature in found if signature not in copied):
        return (
            f"{name} ({digest}) is signed, but not with the key that {key} belongs to, or what was signed was changed "
            "since."
        )
    if copied:
        return (
            f"The signature attached to {name} ({digest}) is one of {clean(copied[0].names, 80)}: it was made for "
            "another image, and says nothing of this one."
        )
    if found:
        return f"The signature of {name} ({digest}) is damaged: {clean(found[0].why, 200)}. Sign that digest again."
    if elsewhere and elsewhere.inside:
        return (
            f"{name} is an index ({digest}), and {key} vouches only for an image in it ({elsewhere.digest}): what is "
            "pulled by the tag is the index, so sign that."
        )
    if elsewhere:
        return (
            f"{name} is {digest} now, and is not signed; {key} vouches for another digest of the repository, "
            f"{elsewhere.digest}: the tag was moved since the signing, or something else was signed."
        )
    attested = " An attestation is attached, which says something of it, and is no signature."
    return f"{name} ({digest}) is not signed: sign that digest.{attested * bool(signatures.attestations)}"


def _found(signatures: Signatures) -> str:
    number = len(signatures.found)
    return f"{number} signature{'' if number == 1 else 's'}, none that verifies" if number else "no signature"


def _place(signature: Signature) -> Place:
    about = f"about {signature.names}: " * bool(signature.names)
    return Place(path=signature.place, text=f"{about}{signature.why}")


def _remark(facts: Facts, key: str) -> str:
    """A warning where the private key that was made with the public one would reach a build."""
    private = str(PurePosixPath(key).with_suffix(".key"))
    with suppress(SubmissionFault):
        if any(entry.path == private for entry in facts.context.sent):
            return f" One thing more: the private key {private} lies where a COPY could take it into an image."
    return ""
