"""Which service, machine and times an instance has, and which of three things makes the tag name what nobody tested.

The registry's documents are made here. Their digests are the SHA-256 of the very bytes that are in the files.
"""

import hashlib
import json

from layerwise.instances import Instance, Pick

SERVICES = (
    ("board", "pier-3", "bigger-letters", "shows the departures of the ferry"),
    ("tides", "lock-2", "new-moon", "tells the lock keeper when the tide turns"),
    ("bells", "tower-1", "half-hours", "rings the bells of the town hall"),
    ("gauge", "hut-7", "in-inches", "reads the level of the river"),
    ("lamps", "mole-4", "softer-light", "lights the lamps on the mole"),
    ("scale", "barn-5", "round-up", "weighs the apples at the barn"),
)
FAULTS = {
    "pushed-again": (
        "pushed by another pipeline",
        "The pipeline of the branch @{branch} took the version from a file and pushed the same tag at @{since}.",
    ),
    "old-platform": (
        "an old platform in the index",
        "The index job ran before the arm64 job had pushed, so latest-arm64 still named the image of the week before, "
        "and at @{since} the new index got that as its entry for arm64.",
    ),
    "built-again": (
        "built again after the test",
        "The release job did not push what was tested. It built the folder once more, and the tag of the base had "
        "moved in between, so at @{since} another image got the tag.",
    ),
}
DOCKER = "application/vnd.docker.distribution.manifest"


def instance(pick: Pick) -> Instance:
    service, machine, branch, does = pick.one(*SERVICES)
    fault = pick.one(*FAULTS)
    mark, cause = FAULTS[fault]
    day, pipeline, job = pick.number(10, 26), pick.number(300, 899), pick.number(7000, 9800)
    clock = Clock(pick)
    old_base, new_base = (f"sha256:{pick.letters(64)}" for _ in range(2))
    arm = fault == "old-platform"
    values = {
        "service": service,
        "machine": machine,
        "branch": branch,
        "does": does,
        "arch": "arm64" if arm else "amd64",
        "uname": "aarch64" if arm else "x86_64",
        "host": pick.one("registry.harbour.example", "images.county.example", "registry.quay.example"),
        "tag": f"{pick.number(1, 4)}.{pick.number(2, 9)}",
        "before": f"1.{pick.number(0, 1)}",
        "day": f"2026-03-{day}",
        "next": f"2026-03-{day + 1}",
        "week": f"2026-03-{day - 7:02}",
        "good_pipeline": str(pipeline),
        "bad_pipeline": str({"pushed-again": pipeline + 3, "old-platform": pipeline - 7}.get(fault, pipeline)),
        "good_job": str(job),
        "test_job": str(job + 1),
        "third_job": str(job + 2),
        "bad_job": str(job - 61 if arm else job + 3 if fault == "built-again" else job + 19),
        "old_base": old_base,
        "new_base": new_base,
        "mark": mark,
        **{f"t{number}": clock.later() for number in range(1, 7)},
    }
    values["since"] = values[{"pushed-again": "t5", "old-platform": "t3", "built-again": "t4"}[fault]]
    values["minute"] = values["since"][:5]
    base = {"good": old_base, "bad": new_base if fault == "built-again" else old_base, "third": old_base}
    made = {}
    for name in ("good", "bad", "third"):
        arch = values["arch"] if name != "third" else "amd64"
        config, manifest = image(pick, service, arch, base[name])
        made[name] = manifest
        values |= {
            f"{name}_manifest": manifest,
            f"{name}_digest": digest(manifest),
            f"{name}_short": digest(manifest)[: len("sha256:") + 12],
            f"{name}_size": str(len(manifest)),
            f"{name}_config": config,
            f"{name}_bare": digest(manifest).removeprefix("sha256:"),
            f"{name}_id": digest(config),
            f"{name}_hex": digest(config).removeprefix("sha256:"),
        }
    index = document(
        mediaType=f"{DOCKER}.list.v2+json",
        manifests=[
            {"mediaType": f"{DOCKER}.v2+json", **named(made[name]), "platform": {"architecture": arch, "os": "linux"}}
            for name, arch in (("third", "amd64"), ("bad", "arm64"))
        ],
    )
    values |= {"index": index, "index_digest": digest(index)}
    values["cause"] = cause.replace("@{branch}", branch).replace("@{since}", values["since"])
    return Instance(values=values, forms=[fault])


class Clock:
    """Times of a day, each a few minutes after the one before."""

    def __init__(self, pick: Pick) -> None:
        self.pick = pick
        self.seconds = pick.number(8 * 3600, 11 * 3600)

    def later(self) -> str:
        self.seconds += self.pick.number(150, 900)
        return f"{self.seconds // 3600:02}:{self.seconds // 60 % 60:02}:{self.seconds % 60:02}"


def image(pick: Pick, service: str, arch: str, base: str) -> tuple[str, str]:
    """The config and the manifest of an image: a layer of the base, and one of the service's own."""
    layers = [base, f"sha256:{pick.letters(64)}"]
    config = json.dumps(
        {
            "architecture": arch,
            "os": "linux",
            "config": {
                "Entrypoint": [f"/{service}"],
                "User": "10001",
                "Labels": {"org.opencontainers.image.revision": pick.letters(40)},
            },
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{pick.letters(64)}" for _ in layers]},
        },
        separators=(",", ":"),
    )
    manifest = document(
        mediaType=f"{DOCKER}.v2+json",
        config={"mediaType": "application/vnd.docker.container.image.v1+json", **named(config)},
        layers=[
            {
                "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                "size": 29_000_000 + int(layer[-4:], 16) if layer == base else pick.number(200_000, 900_000),
                "digest": layer,
            }
            for layer in layers
        ],
    )
    return config, manifest


def document(**keys: object) -> str:
    """A manifest as a registry serves it."""
    return json.dumps({"schemaVersion": 2, **keys}, indent=3)


def named(text: str) -> dict[str, object]:
    """How another document names this one."""
    return {"size": len(text), "digest": digest(text)}


def digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
