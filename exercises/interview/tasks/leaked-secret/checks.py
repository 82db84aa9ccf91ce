"""What only this exercise asks: that the list was fetched with the token of this grading."""

import hashlib
import re


def fetched(facts):
    """Whether /app/receipt is the hash of a token that was planted, as the tool writes it."""
    outcome = facts.run(["cat", "/app/receipt"], judged=["stdout"])
    found = re.findall(r"\b[0-9a-f]{64}\b", outcome.stdout)
    handed_in = {hashlib.sha256(canary.content.encode()).hexdigest() for canary in facts.canaries}
    if not found:
        return False, "Expected the hash of the token in /app/receipt, as the tool leaves it there; found none."
    if not handed_in.intersection(found):
        return False, "The list was fetched with another token than the one that was handed in to this build."
    return True, "The receipt is for the token that was handed in."
