"""A hand-in: what is laid out for grading, what changes its fingerprint, and what is refused."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.errors import SubmissionUnusable
from grader.exercise import Exercise, load
from layerwise.classroom import hand_in
from layerwise.classroom.hand_in import HandIn

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def exercise() -> Exercise:
    return load("05-drop-root", ROOT / "exercises")


def folder(top: Path, **files: str) -> HandIn:
    top.mkdir(exist_ok=True)
    for name, text in files.items():
        path = top / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return HandIn("ada", "05-drop-root", top)


def archive(path: Path, *entries: tuple[str | zipfile.ZipInfo, str]) -> HandIn:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in entries:
            packed.writestr(name, text)
    return HandIn("ada", "05-drop-root", path)


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def contents(one: HandIn, exercise: Exercise) -> dict[str, str]:
    with one.laid_out(exercise) as root:
        return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


WRAPPED = [
    ("at the top", ["Dockerfile", "app.py"]),
    ("in one folder", ["work/Dockerfile", "work/app.py"]),
    ("in a folder of the exercise's name", ["05-drop-root/Dockerfile", "05-drop-root/app.py", "other/x"]),
    ("deep inside", ["a/05-drop-root/Dockerfile", "a/05-drop-root/app.py", "a/b/x"]),
    ("beside a text", ["work/Dockerfile", "work/app.py", "notes.txt"]),
    ("with another Dockerfile inside", ["Dockerfile", "app.py", "old/Dockerfile"]),
    ("with git's folder", ["work/Dockerfile", "work/app.py", "work/.git/HEAD"]),
    ("with what macOS adds", ["work/Dockerfile", "work/app.py", "__MACOSX/work/._app.py", ".DS_Store"]),
]


@pytest.mark.parametrize("paths", [case[1] for case in WRAPPED], ids=[case[0] for case in WRAPPED])
def test_the_work_is_found_in_an_archive(paths: list[str], exercise: Exercise, tmp_path: Path):
    one = archive(tmp_path / "ada.zip", *((path, path) for path in paths))
    assert sorted(name for name in contents(one, exercise) if not name.startswith("old")) == ["Dockerfile", "app.py"]


def test_of_several_none_is_chosen(exercise: Exercise, tmp_path: Path):
    one = archive(tmp_path / "ada.zip", ("a/Dockerfile", "FROM x"), ("b/Dockerfile", "FROM y"))
    with pytest.raises(SubmissionUnusable, match=r"several folders have a Dockerfile \(a, b\)"), one.laid_out(exercise):
        pass


def test_and_in_an_archive_within_a_folder(exercise: Exercise, tmp_path: Path):
    (tmp_path / "ada").mkdir()
    archive(tmp_path / "ada" / "work.zip", ("Dockerfile", "FROM x"))
    assert contents(HandIn("ada", "05-drop-root", tmp_path / "ada"), exercise) == {"Dockerfile": "FROM x"}


def test_loose_files_are_gathered(exercise: Exercise, tmp_path: Path):
    (tmp_path / "a_1_2_Dockerfile").write_text("FROM x")
    one = HandIn("ada", "05-drop-root", tmp_path, {"Dockerfile": tmp_path / "a_1_2_Dockerfile"})
    assert contents(one, exercise) == {"Dockerfile": "FROM x"}
    before = one.fingerprint()
    (tmp_path / "a_1_2_Dockerfile").write_text("FROM y")
    assert one.fingerprint() != before


def test_what_is_not_the_learners_work_is_left_out(exercise: Exercise, tmp_path: Path):
    one = folder(tmp_path / "ada", Dockerfile="FROM x", sub__timestamp="kept")
    before = one.fingerprint()
    for name in (".git/HEAD", "timestamp.txt", "05-drop-root.ipynb", ".ipynb_checkpoints/x", ".DS_Store"):
        (one.path / name).parent.mkdir(exist_ok=True)
        (one.path / name).write_text("x")
    assert one.fingerprint() == before
    assert sorted(contents(one, exercise)) == ["Dockerfile", "sub/timestamp"]


CHANGES: list[tuple[str, Callable[[Path], object]]] = [
    ("content", lambda top: (top / "app.py").write_text("other")),
    ("same size", lambda top: (top / "app.py").write_text("eno")),
    ("name", lambda top: (top / "app.py").rename(top / "main.py")),
    ("mode", lambda top: (top / "app.py").chmod(0o755)),
    ("new file", lambda top: (top / "new").write_text("")),
    ("new folder", lambda top: (top / "new").mkdir()),
    ("link", lambda top: (top / "new").symlink_to("app.py")),
    ("notebook of another name", lambda top: (top / "mine.ipynb").write_text("{}")),
]


@pytest.mark.parametrize("change", [case[1] for case in CHANGES], ids=[case[0] for case in CHANGES])
def test_a_change_changes_the_fingerprint(change: Callable[[Path], object], tmp_path: Path):
    one = folder(tmp_path / "ada", Dockerfile="FROM x", **{"app.py": "one"})
    before = one.fingerprint()
    change(one.path)
    assert one.fingerprint() != before


def test_a_copy_has_the_same_fingerprint_and_time_plays_no_part(tmp_path: Path):
    one, other = folder(tmp_path / "a", Dockerfile="x"), folder(tmp_path / "b", Dockerfile="x")
    os.utime(other.path / "Dockerfile", (1, 1))
    assert one.fingerprint() == other.fingerprint()
    assert one.fingerprint(of_learner=True) != one.fingerprint()


def bomb() -> str:
    return "\0" * 3_000_000


REFUSED: list[tuple[str, list[tuple[str | zipfile.ZipInfo, str]], str]] = [
    ("leaves the folder", [("../x", "x")], "leaves the folder"),
    ("leaves it deep inside", [("a/../../x", "x")], "leaves the folder"),
    ("absolute", [("/etc/x", "x")], "leaves the folder"),
    ("backslash", [("a\\..\\x", "x")], "leaves the folder"),
    ("link", [(link("x"), "/etc/passwd")], "holds a link"),
    ("twice", [("x", "1"), ("x", "2")], "two entries of one name"),
    ("file as folder", [("x", "1"), ("x/y", "2")], "of one name"),
    ("bomb", [("x", bomb())], "larger than"),
    ("many", [(str(number), "") for number in range(60)], "more than 50 files"),
    ("long name", [("n" * 300, "x")], "too long"),
    ("nothing", [], "the folder is empty"),
]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("entries", "said"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_an_archive_is_refused_in_one_line(
    entries: list[tuple[str | zipfile.ZipInfo, str]],
    said: str,
    exercise: Exercise,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(hand_in, "LIMITS", hand_in.Limits(entries=50, bytes=2_000_000))
    one = archive(tmp_path / "ada.zip", *entries)
    with pytest.raises(SubmissionUnusable, match=said) as caught, one.laid_out(exercise):
        pass
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["ada.zip"]


def broken() -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("Dockerfile", "FROM x\n" * 500)
    raw = bytearray(whole.getvalue())
    raw[45:55] = b"\xff" * 10
    return bytes(raw)


def encrypted() -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as packed:
        packed.writestr("Dockerfile", "FROM x")
    raw = bytearray(whole.getvalue())
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    return bytes(raw)


@pytest.mark.parametrize(
    "raw", [b"", b"no zip", b"PK\x03\x04", broken(), encrypted()], ids=["empty", "text", "cut", "broken", "encrypted"]
)
def test_what_is_no_archive_is_refused(raw: bytes, exercise: Exercise, tmp_path: Path):
    (tmp_path / "ada.zip").write_bytes(raw)
    one = HandIn("ada", "05-drop-root", tmp_path / "ada.zip")
    assert len(one.fingerprint()) == 64
    with pytest.raises(SubmissionUnusable, match="cannot be unpacked"), one.laid_out(exercise):
        pass


@pytest.mark.parametrize(
    "make",
    [
        lambda top: os.mkfifo(top / "pipe"),
        lambda top: (top / "out").symlink_to("/etc"),
        lambda top: (top / "Dockerfile").unlink(),
    ],
    ids=["pipe", "link out", "empty"],
)
def test_a_folder_is_refused_and_can_be_fingerprinted(
    make: Callable[[Path], object], exercise: Exercise, tmp_path: Path
):
    one = folder(tmp_path / "ada", Dockerfile="FROM x")
    make(one.path)
    assert len(one.fingerprint()) == 64
    with pytest.raises(SubmissionUnusable), one.laid_out(exercise):
        pass


def test_a_folder_that_vanished_cannot_be_read(tmp_path: Path):
    with pytest.raises(SubmissionUnusable, match="cannot be read"):
        HandIn("ada", "05-drop-root", tmp_path / "never").fingerprint()


def test_modes_of_an_archive_are_kept_but_for_those_of_other_users(exercise: Exercise, tmp_path: Path):
    info = zipfile.ZipInfo("Dockerfile")
    info.external_attr = (stat.S_IFREG | 0o4755) << 16
    one = archive(tmp_path / "ada.zip", (info, "FROM x"))
    with one.laid_out(exercise) as root:
        assert stat.S_IMODE((root / "Dockerfile").stat().st_mode) == 0o755
