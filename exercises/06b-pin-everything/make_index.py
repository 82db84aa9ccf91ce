"""Makes the package index of this exercise: two packages in a folder, so that it builds with no network.

python make_index.py    # writes starter/index/ and solution/index/
"""

import base64
import hashlib
import io
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent

TIDEBELL = '''"""Bells for a harbour."""


def strokes(hour: int, minute: int) -> str:
    """{doc}"""
    count = {count}
    return f"{{count}} {word}" + ("s" if count > 1 else "")
'''
KNOTS = '''"""Speeds for a harbour."""


def knots(kmh: float) -> str:
    """A speed in knots."""
    return f"{kmh / 1.852:.0f} kn"
'''
PACKAGES = {
    ("tidebell", "1.4.0"): TIDEBELL.format(
        doc="What a ship's bell says: one more each half-hour of a watch.",
        count="(hour % 4 * 60 + minute) // 30 or 8",
        word="bell",
    ),
    ("tidebell", "2.0.0"): TIDEBELL.format(
        doc="What a church's bell says, which landlubbers know better.",
        count="hour % 12 or 12",
        word="stroke",
    ),
    ("knots", "0.9.1"): KNOTS,
    ("knots", "0.9.2"): KNOTS.replace("A speed in knots.", "A speed in knots, rounded."),
}


def index() -> dict[str, bytes]:
    """Every file of the index by its path: a page for each package, as pip reads it, and the wheels it names."""
    found = {}
    for package in sorted({name for name, _ in PACKAGES}):
        wheels = {
            f"{package}-{v}-py3-none-any.whl": _wheel(name, v, code)
            for (name, v), code in PACKAGES.items()
            if name == package
        }
        page = ["<!DOCTYPE html>", *(f'<a href="{wheel}">{wheel}</a>' for wheel in wheels), ""]
        found[f"{package}/index.html"] = "\n".join(page).encode()
        found |= {f"{package}/{wheel}": content for wheel, content in wheels.items()}
    return found


def _wheel(name: str, version: str, code: str) -> bytes:
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: make_index\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_hash(text)},{len(text.encode())}\n" for path, text in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2024, 1, 1, 0, 0, 0)), text)
    return made.getvalue()


def _hash(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


if __name__ == "__main__":
    for folder in ("starter", "solution"):
        for name, content in index().items():
            path = HERE / folder / "index" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
