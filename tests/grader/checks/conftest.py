"""Cosign in both versions, for the kinds that look at what it made."""

from __future__ import annotations

import pytest

from tests import cosigns
from tests.cosigns import Signer


@pytest.fixture(scope="module", params=["2", "3"])
def signer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer(cosigns.program(request.param), tmp_path_factory.mktemp("signer"))


@pytest.fixture(scope="module")
def third(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Signer:
    """Cosign 3, with the same keys."""
    return signer.with_program(cosigns.program("3"), tmp_path_factory.mktemp("third"))
