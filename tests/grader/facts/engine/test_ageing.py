"""Files that are made to look old: which ones, what in them, and that nothing else about them changes."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from grader.errors import EngineFailure
from grader.facts.engine import ageing
from grader.facts.engine.ageing import MAX_FILE, SHIFT, aged_container, aged_image, aged_text
from grader.facts.engine.engine import Engine

NOW = 1_790_000_000.0  # 2026-09-21
OLD = 5 * 86_400


def entry(
    name: str, content: bytes = b"", *, kind: bytes = tarfile.REGTYPE, age: float = 10.0, **more: Any
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mtime = kind, len(content), time.time() - age
    for key, value in more.items():
        setattr(info, key, value)
    return info, content


def folder(name: str, age: float = 10.0) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, kind=tarfile.DIRTYPE, age=age, mode=0o755)


def archive(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, content in entries:
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def unpacked(data: bytes) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        found = {}
        for info in tar:
            file = tar.extractfile(info) if info.isreg() else None
            found[info.name] = (info, file.read() if file else b"")
        return found


class Files:
    """An engine with one container, started a minute ago, that has these files, and others in a volume."""

    def __init__(self, data: bytes = b"", **volumes: bytes) -> None:
        self.data, self._volumes = data, {f"/var/{name}": volume for name, volume in volumes.items()}
        self.removed = False

    def create_container(self, image: str, *, host: Any) -> str:
        return "x"

    def remove_container(self, name: str) -> None:
        self.removed = True

    def export_container(self, name: str) -> Iterator[bytes]:
        for at in range(0, len(self.data), 1000):
            yield self.data[at : at + 1000]

    def inspect_container(self, name: str) -> dict[str, Any]:
        began = datetime.fromtimestamp(time.time() - 60, UTC)
        mounts = [{"Destination": path} for path in self._volumes]
        return {"State": {"StartedAt": f"{began:%Y-%m-%dT%H:%M:%S}.123456789Z"}, "Mounts": mounts}

    def get_tree(self, name: str, path: str, limit: int) -> bytes | None:
        found = self._volumes[path]
        return found if len(found) <= limit else None


def of_image(*entries: tuple[tarfile.TarInfo, bytes]) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    engine = Files(archive(*entries))
    data = aged_image(cast(Engine, engine), "i")
    assert engine.removed
    return unpacked(data) if data else {}


@pytest.mark.parametrize(
    ("content", "aged"),
    [
        (b"1790000000", b"1758550400"),
        (b"at 1789999990.25 sharp", b"at 1758550390.25 sharp"),
        (b"1790000000123", b"1758550400123"),
        (b"1790000000123456789\n", b"1758550400123456789\n"),
        (b"2026-09-21T10:00:00Z", b"2025-09-22T10:00:00Z"),
        (b"Mon Sep 21 10:00:00 UTC 2026\n", b"Mon Sep 21 10:00:00 UTC 2025\n"),
        (b"Mon, 21 Sep 2026 10:00:00 GMT", b"Mon, 21 Sep 2025 10:00:00 GMT"),
        (b"21/Sep/2026:10:00:00", b"21/Sep/2025:10:00:00"),
        (b"Sep 1 2020 in 2026 ways", b"Sep 1 2020 in 2025 ways"),
        (b"port 2026", b"port 2026"),
        (b"1600000000", b"1600000000"),
        (b"2026-01-01", b"2026-01-01"),
        (b"2026-99-99", b"2026-99-99"),
        (b"17900000001", b"17900000001"),
        (b"x1790000000", b"x1790000000"),
        (b"", b""),
        (b"1790000000" + b" " * 5000, b"1790000000" + b" " * 5000),
    ],
)
def test_times_in_a_file(content: bytes, aged: bytes) -> None:
    assert aged_text(content, NOW) == aged


def test_young_files_of_an_image_become_old_and_stay_the_same_otherwise() -> None:
    found = of_image(
        folder("run", OLD),
        folder("run/app"),
        entry("run/app/hb", b"x", mode=0o4750, uid=1000, gid=7),
        entry("run/app/old", b"y", age=OLD),
        entry("run/app/link", kind=tarfile.SYMTYPE, linkname="hb"),
        entry("run/app/same", kind=tarfile.LNKTYPE, linkname="run/app/hb"),
        entry("run/app/pipe", kind=tarfile.FIFOTYPE),
        entry("etc/old", b"z", age=OLD),
    )
    assert set(found) == {"run", "run/app", "run/app/hb", "run/app/link", "run/app/same"}
    info, content = found["run/app/hb"]
    assert (info.mode, info.uid, info.gid, content) == (0o4750, 1000, 7, b"x")
    now = time.time()
    ages = {name: now - info.mtime for name, (info, _) in found.items()}
    assert OLD <= ages.pop("run") < OLD + 100, "a folder keeps its own age, although a file in it is replaced"
    assert all(SHIFT <= age < SHIFT + 100 for age in ages.values())
    assert list(found)[-1] == "run/app/same", "a hard link comes after its file"


def test_what_stays_as_it_is() -> None:
    large = entry("large", b"x" * (MAX_FILE + 1))
    capable = entry("ping", b"x", pax_headers={"SCHILY.xattr.security.capability": "x"})
    mounted = [
        entry(name, b"x") for name in ("etc/hostname", "etc/hosts", "./etc/resolv.conf", ".dockerenv", "dev/console")
    ]
    assert of_image(large, capable, *mounted, folder("proc"), entry("old", b"x", age=OLD)) == {}


def test_of_too_many_files_the_smallest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ageing, "MAX_ALL", 1000)
    files = [entry(f"f{size}", b"x" * size) for size in (900, 600, 300, 800, 0, 500, 200)]
    assert set(of_image(*files)) == {"f0", "f200", "f300", "f500"}


def test_an_archive_cut_short_is_no_archive() -> None:
    engine = Files(archive(entry("a", b"x" * 5000))[:2000])
    with pytest.raises(EngineFailure, match="cannot be read"):
        aged_image(cast(Engine, engine), "i")
    assert engine.removed


def test_no_time_to_read_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ageing, "EXPORT", -1.0)
    with pytest.raises(EngineFailure, match="in time"):
        of_image(entry("a"))


def written(engine: Files) -> dict[str, tuple[tarfile.TarInfo, bytes]] | None:
    data = aged_container(cast(Engine, engine), "x")
    return unpacked(data) if data else None if data is None else {}


def test_what_a_container_wrote_since_its_start_becomes_old() -> None:
    data = archive(
        *(folder("tmp"), entry("tmp/hb", b"x"), entry("tmp/big", b"x" * (MAX_FILE + 1)), entry("etc/x", b"y", age=90)),
        *(folder("etc", 90), folder("state")),
    )
    found = written(Files(data))
    assert found is not None
    assert set(found) == {"tmp", "tmp/hb", "state"}
    assert all(info.mtime < time.time() - SHIFT + 1 for info, _ in found.values())
    assert written(Files(archive(folder("etc", 90)))) == {}


def test_what_is_in_a_volume(monkeypatch: pytest.MonkeyPatch) -> None:
    volume = archive(folder("state"), entry("state/hb", b"x"), entry("state/old", b"x", age=90))
    found = written(Files(archive(folder("etc")), state=volume))
    assert found is not None
    assert set(found) == {"etc", "var/state", "var/state/hb"}
    monkeypatch.setattr(ageing, "MAX_ALL", 10)
    assert written(Files(archive(folder("etc")), state=volume)) is None
