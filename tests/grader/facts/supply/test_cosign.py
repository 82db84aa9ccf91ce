"""What Cosign says, and what it must not say besides. The program itself is in the tests of the `signed` check."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.errors import GraderError
from grader.facts.registry.referrers import Form, Referrer
from grader.facts.supply import cosign as module
from grader.facts.supply.cosign import Cosign, CosignResult, KeyUnreadable, Subject
from grader.lib import patience

SUBJECT = Subject(b'{"a": 1}')
FORMS = (Form.SIMPLE, Form.ENVELOPE, Form.BUNDLE)
# The manifest that it is asked about, in whichever form; and whether that is the control, which is known to be good.
READ = """
case "$1" in version) echo '{"gitVersion": "v9.9.9"}'; exit 0;; esac
text=$(cat subject layout/blobs/sha256/* 2>/dev/null | tr -d '\\0')
tampered() { case "$text" in *'1} '*) return 0;; esac; return 1; }
control() { case "$text" in *'"a": 1'*) return 1;; esac; return 0; }
"""


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH; `stand_in` puts a Cosign there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def stand_in(folder: Path, script: str) -> None:
    (folder / "cosign").write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{READ}{script}\n")
    (folder / "cosign").chmod(0o755)


def verify(form: Form = Form.SIMPLE) -> CosignResult:
    thing = Referrer("sha256-1.sig", form, "", b"payload", "c2lnbmF0dXJl")
    return Cosign().verify(thing, b"a key", SUBJECT)


@pytest.mark.parametrize("form", FORMS)
def test_a_good_signature(play: Path, form: Form) -> None:
    stand_in(play, "tampered && { echo 'Error: no' >&2; exit 1; }; exit 0")
    assert verify(form) == CosignResult(True)


@pytest.mark.parametrize("form", FORMS)
def test_a_bad_one(play: Path, form: Form) -> None:
    words = "error during command execution: invalid \x1b[31msignature"
    stand_in(play, f"control && exit 0; echo 'warning' >&2; echo '{words}' >&2; exit 1")
    assert verify(form) == CosignResult(False, "invalid signature")


@pytest.mark.parametrize("form", FORMS)
def test_one_that_accepts_whatever_it_is_given(play: Path, form: Form) -> None:
    stand_in(play, "exit 0")
    with pytest.raises(GraderError, match=r"tampered with.*v9\.9\.9"):
        verify(form)


@pytest.mark.parametrize("form", FORMS)
def test_one_that_refuses_whatever_it_is_given(play: Path, form: Form) -> None:
    stand_in(play, "echo 'unknown flag' >&2; exit 1")
    with pytest.raises(GraderError, match=r"known to be good \(unknown flag\).*v9\.9\.9"):
        verify(form)


def test_a_key_that_is_none_to_it(play: Path) -> None:
    stand_in(play, "echo 'Error: loading public key: no' >&2; exit 1")
    with pytest.raises(KeyUnreadable, match="loading public key"):
        verify()


def test_no_cosign(play: Path) -> None:
    with pytest.raises(GraderError, match="no Cosign on PATH"):
        verify()


@pytest.mark.parametrize(
    ("script", "says"),
    [("exec sleep 60", "did not end in time"), ("kill -9 $$", "was killed"), ("exec yes", "printed without end")],
)
def test_one_that_does_not_answer(play: Path, script: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 1.0)
    monkeypatch.setattr(patience, "MOST", 1.0)
    monkeypatch.setattr(module, "MAX_OUTPUT", 1 << 20)
    stand_in(play, script)
    with pytest.raises(GraderError, match=f"{says}.*grade again"):
        verify()


def test_one_that_hangs_once_is_started_again(play: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 1.0)
    monkeypatch.setattr(patience, "MOST", 1.0)
    stand_in(play, f"mkdir {play}/hung 2>/dev/null && exec sleep 60; tampered && exit 1; exit 0")
    assert verify() == CosignResult(True)
    assert (play / "hung").is_dir()


def test_a_file_that_is_no_program(play: Path) -> None:
    (play / "cosign").write_bytes(b"\x7fELF but no")
    (play / "cosign").chmod(0o755)
    with pytest.raises(GraderError, match="cannot be started"):
        verify()


def test_it_gets_nothing_of_our_environment_and_no_key_of_another(play: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSIGN_REKOR_URL", "https://example.com")
    notes = f'env > {play}/env; pwd > {play}/pwd; echo "$@" > {play}/words; cat key.pub > {play}/key'
    stand_in(play, f"{notes}; tampered && exit 1; exit 0")
    assert verify().good
    assert "COSIGN" not in (play / "env").read_text()
    assert "--insecure-ignore-tlog=true" in (play / "words").read_text()
    assert (play / "key").read_text() == "a key"
    assert not Path((play / "pwd").read_text().strip()).exists(), "and leaves nothing"


def test_a_version_that_cannot_be_told(play: Path) -> None:
    stand_in(play, "")
    (play / "cosign").write_text("#!/bin/sh\necho hello\n")
    assert Cosign().version == "Cosign of unknown version"
