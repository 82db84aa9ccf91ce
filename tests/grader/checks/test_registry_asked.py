"""The kinds that look at what is attached to an image give no verdict where the registry does not tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from grader import checks
from grader.errors import LoginRequired, RegistryUnavailable
from tests import cosigns
from tests.cosigns import Signer
from tests.grader.conftest import facts_of

pytestmark = pytest.mark.lab
KINDS: dict[str, dict[str, Any]] = {"signed": {}, "sbom": {"format": "cyclonedx"}}


@pytest.mark.parametrize("signer", ["2"], indirect=True)
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(("place", "fault"), [("localhost:1", RegistryUnavailable), ("localhost:5001", LoginRequired)])
def test_no_verdict(
    name: str, place: str, fault: type[Exception], signer: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "submission"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "cosign.pub").write_bytes(signer.public("mine"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    kind = checks.kind(name)
    params = kind.params.model_validate({"repository": f"{place}/{{learner}}/tides", "tag": "1.0", **KINDS[name]})
    with facts_of(folder, learner=cosigns.LEARNER) as facts, pytest.raises(fault):
        kind.judge(facts, params)
