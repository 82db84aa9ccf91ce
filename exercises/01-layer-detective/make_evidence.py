"""Makes starter/evidence.tar, byte for byte the same each time: python exercises/01-layer-detective/make_evidence.py

An image archive as `docker save` writes it, for both image stores (index.json and manifest.json) and both usual
platforms: the layers are the same, since they hold nothing but text. What is in it is what key.toml asks about.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

NAME = "evidence:1"
PRICES = "rye bread   {}\nrolls       0.60\nplum cake   2.90\n"
GLAZE = "The glaze that made this shop:\n340 g sugar, 2 lemons, a spoon of cardamom.\nTell nobody.\n"
LOG = "".join(f"{5 + n // 3600:02}:{n // 60 % 60:02}:{n % 60:02} oven at {20 + n // 20} degrees\n" for n in range(4000))

STEPS: list[tuple[str, dict[str, str] | None]] = [
    (
        "COPY shop /shop",
        {
            "shop/hours.txt": "Mondays closed.\n",
            "shop/prices.txt": PRICES.format("3.20"),
            "shop/recipes/glaze.txt": GLAZE,
            "shop/recipes/rye.txt": "1 kg rye flour, 20 g salt, 700 g water, yesterday's dough.\n",
        },
    ),
    ("ENV BAKER=Ada", None),
    ("RUN /bin/sh -c bake --warm-up > /var/log/oven.log", {"var/log/oven.log": LOG}),
    ("COPY prices.txt /shop/prices.txt", {"shop/prices.txt": PRICES.format("4.10")}),
    ('LABEL season="autumn"', None),
    ("RUN /bin/sh -c rm /var/log/oven.log", {"var/log/.wh.oven.log": ""}),
    ("RUN /bin/sh -c tidy /shop", {"shop/recipes/.wh.glaze.txt": ""}),
    ("USER 1000", None),
    ("COPY note.txt /shop/note.txt", {"shop/note.txt": "Looking for the glaze? There never was one.\n"}),
    ('CMD ["cat", "/shop/note.txt"]', None),
]


def evidence() -> bytes:
    """The archive."""
    layers = [_tar(files) for _, files in STEPS if files is not None]
    blobs = {_digest(layer): layer for layer in layers}
    manifests, configs = [], []
    for architecture in ("amd64", "arm64"):
        config = _json(
            {
                "architecture": architecture,
                "os": "linux",
                "config": {"Env": ["BAKER=Ada"], "User": "1000", "Cmd": ["cat", "/shop/note.txt"],
                           "Labels": {"season": "autumn"}},
                "rootfs": {"type": "layers", "diff_ids": [_digest(layer) for layer in layers]},
                "history": [{"created_by": text, **({"empty_layer": True} if files is None else {})}
                            for text, files in STEPS],
            }
        )  # fmt: skip
        manifest = _json(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": _described("config.v1+json", config),
                "layers": [_described("layer.v1.tar", layer) for layer in layers],
            }
        )
        blobs |= {_digest(config): config, _digest(manifest): manifest}
        configs.append(config)
        manifests.append(
            {**_described("manifest.v1+json", manifest), "platform": {"architecture": architecture, "os": "linux"}}
        )
    index = _json({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests})
    blobs[_digest(index)] = index
    names = {"io.containerd.image.name": f"docker.io/library/{NAME}", "org.opencontainers.image.ref.name": "1"}
    top = {"schemaVersion": 2, "manifests": [{**_described("index.v1+json", index), "annotations": names}]}
    listing = [{"Config": _path(configs[0]), "RepoTags": [NAME], "Layers": [_path(layer) for layer in layers]}]
    files = {f"blobs/sha256/{digest.partition(':')[2]}": blob for digest, blob in blobs.items()}
    files |= {
        "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
        "index.json": _json(top),
        "manifest.json": _json(listing),
    }
    return _tar(dict(sorted(files.items())))


def _tar(files: dict[str, str] | dict[str, bytes]) -> bytes:
    """An archive of these files and the folders they lie in."""
    buffer = io.BytesIO()
    made: set[str] = set()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, content in files.items():
            for folder in list(Path(path).parents)[-2::-1]:
                if folder.as_posix() not in made:
                    made.add(folder.as_posix())
                    archive.addfile(_member(folder.as_posix(), tarfile.DIRTYPE, 0o755, 0))
            data = content.encode() if isinstance(content, str) else content
            archive.addfile(_member(path, tarfile.REGTYPE, 0o644, len(data)), io.BytesIO(data))
    return buffer.getvalue()


def _member(path: str, kind: bytes, mode: int, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.type, info.mode, info.size = kind, mode, size
    return info


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _path(data: bytes) -> str:
    return f"blobs/sha256/{hashlib.sha256(data).hexdigest()}"


def _described(kind: str, data: bytes) -> dict[str, object]:
    return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": _digest(data), "size": len(data)}


if __name__ == "__main__":
    Path(__file__).with_name("starter").joinpath("evidence.tar").write_bytes(evidence())
