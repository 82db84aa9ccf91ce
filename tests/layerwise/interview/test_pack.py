"""A pack for an interviewer: the same seed makes the same bytes, and the candidate's part gives nothing away."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerwise.errors import InputError, LabError
from layerwise.interview import pack
from layerwise.interview.mix import mix
from layerwise.interview.plan import Sources


def made(sources: Sources, folder: Path, seed: int = 3) -> dict[str, tuple[bytes, int]]:
    pack.write(mix(seed, 45, sources), sources, folder)
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mode)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_makes_the_same_bytes(sources: Sources, tmp_path: Path) -> None:
    first = made(sources, tmp_path / "a")
    (tmp_path / "b").mkdir()
    assert made(sources, tmp_path / "b") == first
    assert made(sources, tmp_path / "c", seed=4) != first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c", "instances"]


def test_what_is_in_it(sources: Sources, tmp_path: Path) -> None:
    plan = mix(3, 45, sources)
    found = made(sources, tmp_path / "pack")
    sheet, rubric = (found[name][0].decode() for name in ("candidate/sheet.md", "interviewer/rubric.md"))
    for item in plan.items:
        assert item.text in sheet
        if item.kind == "task":
            assert f"candidate/{item.name}/Dockerfile" in found
            assert f"interviewer/{item.name}-solution/Dockerfile" in found
            assert f"    lab grade {item.name} FOLDER --seed {item.seed}\n" in rubric
            assert "The team waits for each build." in sheet
            continue
        question = sources.bank[item.name]
        for text in (question.short, question.strong, *question.follow_up, *(one.why for one in question.wrong)):
            assert text in rubric
            assert text not in sheet
        for point in question.rubric:
            assert f"- [ ] {point.evidence} ({point.dimension})" in rubric
            assert point.evidence not in sheet
    for text in ("The install comes after", "The machine is slow.", "The key of the install", "And in CI?"):
        assert text in rubric
        assert text not in sheet
    assert "practice, and no proctoring" in rubric
    assert not [name for name in found if name.startswith("candidate/") and "solution" in name]


def test_a_folder_that_is_not_empty_is_left_alone(sources: Sources, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    for folder in (tmp_path, tmp_path / "mine"):
        with pytest.raises(InputError, match="is not empty; give a new folder"):
            made(sources, folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["instances", "mine"]


def test_nothing_half_made_is_left(sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pack, "_write", full)
    with pytest.raises(LabError, match="No space left on device"):
        made(sources, tmp_path / "out" / "pack")
    assert list((tmp_path / "out").iterdir()) == []
