"""The gate, tried at a registry of its own: images that it has to let in, images that it has to keep out, and tags that
move while it looks.

The registry (shelf.py) runs in a container without a network; the gate runs beside it and shares that container's
loopback, so that localhost:5000 is this registry and nothing else can be reached. Keys, images and their names are made
up for each grading. The signatures are made here, in whole numbers, as Cosign would make them.
"""

import base64
import hashlib
import json
import random
import re
import secrets
import time
from contextlib import ExitStack
from dataclasses import dataclass, field

from grader.errors import GraderError
from grader.facts.engine.command import run_command
from grader.facts.engine.container import started
from grader.facts.engine.engine import program_archive
from grader.lib.text import clean
from grader.verdict import Place, Verdict

IMAGE = "localhost:5000/base/python:3.13-slim"
GATE = "/gate"
SECONDS = 20
"""How long the gate may look at one image."""
LOOKS = 2
"""A tag moves after the gate has asked for it once, and another one after it was asked for so many times."""

OCI = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json"
WORDS = ["lamp", "kettle", "teapot", "ladle", "basket", "broom", "candle", "mirror", "drum", "kite", "spade", "bell"]


def admits(facts):
    """Whether it lets in what is signed with the key, by whatever name it is asked for, and names it by its digest."""
    counter = _counter(facts)
    return _judged(counter, counter.admitted, "let in")


def refuses(facts):
    """Whether it keeps out everything else. A gate that lets nothing in does not earn this by being shut."""
    counter = _counter(facts)
    return _shut(counter) or _judged(counter, counter.refused, "kept out")


def holds(facts):
    """Whether what it names is what it looked at, where a tag moves in the meantime. One race lost is all lost."""
    counter = _counter(facts)
    return _shut(counter) or _judged(counter, counter.raced, "moves of a tag withstood", shares=False)


def _counter(facts):
    return facts.once(Counter)


def _answer(_facts, counter, image):
    return counter.run(image)


def _shut(counter):
    case = counter.admitted[0]
    answer = counter.ask(case)
    if case.right(answer):
        return None
    return Verdict.failed(
        f"This is asked of a gate that lets in {case.what}, by its digest; this one {_told(answer)}.",
        expected="a gate that opens",
    )


def _judged(counter, cases, done, shares=True):
    results = [(case, counter.ask(case)) for case in cases]
    wrong = [(case, answer) for case, answer in results if not case.right(answer)]
    right = len(results) - len(wrong)
    if not wrong:
        return Verdict.passed(f"{right} of {len(results)} {done}.")
    case, answer = wrong[0]
    return Verdict.share(
        right / len(results) if shares else 0,
        f"{right} of {len(results)} {done}. {case.what.capitalize()}: {case.wanted()}; the gate {_told(answer)}.",
        expected=f"{len(results)} {done}",
        found=str(right),
        where=[Place(text=clean(f"{case.what}: the gate {_told(answer)}", 400)) for case, answer in wrong],
    )


def _told(answer):
    if answer.exit_code is None:
        return f"was stopped after {SECONDS} s" if answer.timed_out else "was stopped: too much output"
    said = clean(" ".join(answer.stdout.split()), 160)
    why = clean((answer.stderr.strip().splitlines() or [""])[-1], 160)
    return (
        f"ended with status {answer.exit_code}, "
        + (f"printed {said!r}" if said else "printed nothing")
        + (f" and said {why!r}" if why and answer.exit_code else "")
    )


@dataclass
class Case:
    """A question to the gate, and which answers are right."""

    what: str
    image: str
    pinned: tuple = ()
    """References that it may print with status 0."""
    may_refuse: bool = True

    def right(self, answer):
        if answer.exit_code == 0:
            return answer.stdout.strip() in self.pinned
        return self.may_refuse and answer.exit_code is not None and not answer.stdout.strip()

    def wanted(self):
        if not self.pinned:
            return "expected a status other than 0, and nothing on standard output"
        either = ", or a refusal" if self.may_refuse else ""
        return f"expected status 0 and the image by the digest that was verified{either}"


@dataclass
class Shelf:
    """What the registry holds."""

    blobs: dict = field(default_factory=dict)
    manifests: dict = field(default_factory=dict)
    tags: dict = field(default_factory=dict)

    def blob(self, data, kind):
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.blobs[digest] = base64.b64encode(data).decode()
        return {"mediaType": kind, "digest": digest, "size": len(data)}

    def manifest(self, config, layers):
        raw = json.dumps({"schemaVersion": 2, "mediaType": OCI, "config": config, "layers": layers}).encode()
        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        self.manifests[digest] = (OCI, base64.b64encode(raw).decode())
        return digest

    def tag(self, name, tag, *digests):
        self.tags.setdefault(name, {})[tag] = list(digests)

    def image(self):
        """Another image, each time; its digest."""
        layer = self.blob(secrets.token_bytes(300), "application/vnd.oci.image.layer.v1.tar")
        inner = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}
        return self.manifest(self.blob(json.dumps(inner).encode(), CONFIG), [layer])

    def sign(self, name, digest, *keys, vouches=None, signed=None):
        """Put signatures by these keys beside an image. `vouches` is what the payload says, `signed` what the payload
        said when it was signed."""
        payload = note(name, vouches or digest)
        layers = []
        for key in keys:
            made = base64.b64encode(key.sign(note(name, signed) if signed else payload)).decode()
            layers.append({**self.blob(payload, PAYLOAD), "annotations": {"dev.cosignproject.cosign/signature": made}})
        self.tag(name, digest.replace(":", "-") + ".sig", self.manifest(self.blob(b"{}", CONFIG), layers))


def note(name, digest):
    image = {"docker-manifest-digest": digest}
    critical = {"identity": {"docker-reference": f"localhost:5000/{name}"}, "image": image}
    return json.dumps({"critical": {**critical, "type": "cosign container image signature"}, "optional": None}).encode()


class Counter:
    """The gate at its registry: what it was asked, and how it answered."""

    def __init__(self, facts):
        self.facts = facts
        self.ours, self.theirs = Key(), Key()
        self.shelf = Shelf()
        self.words = random.sample(WORDS, len(WORDS))
        self.admitted, self.refused, self.raced = self._admitted(), self._refused(), self._raced()
        self._registry = None

    def ask(self, case):
        """How the gate answers; asked once."""
        if self._registry is None:
            self._registry = self._opened()
        return self.facts.once(_answer, self, case.image)

    def run(self, image):
        """How the gate answers about that image, asked now."""
        return run_command(
            self.facts.engine,
            self.facts.build.image,
            [GATE, image],
            timeout=SECONDS,
            judged=["stdout"],
            network_of=self._registry.id,
            archives=[program_archive("cosign.pub", self.ours.public().encode())],
        )

    def _opened(self):
        engine = self.facts.engine
        engine.pull(IMAGE)
        content = json.dumps({"blobs": self.shelf.blobs, "manifests": self.shelf.manifests, "tags": self.shelf.tags})
        archives = [
            program_archive("shelf.py", self.facts.exercise_file("shelf.py").read_bytes()),
            program_archive("shelf.json", content.encode()),
        ]
        stack = ExitStack()
        self.facts.at_end(stack.close)
        registry = stack.enter_context(
            started(engine, IMAGE, archives=archives, entrypoint=["python", "-B", "/shelf.py"], command=[])
        )
        deadline = time.monotonic() + 60
        while "open" not in registry.output[0]:
            if time.monotonic() > deadline or not registry.state.get("Running"):
                raise GraderError(f"the registry of this exercise does not start: {clean(registry.output[1], 200)}")
            time.sleep(0.1)
        return registry

    def _name(self):
        """A repository that no gate can know beforehand."""
        return f"{self.words[len(self.shelf.tags) % len(self.words)]}{secrets.token_hex(2)}/{secrets.choice(WORDS)}"

    def _made(self, *keys, tag="", **more):
        """An image with signatures by these keys, under a tag: repository, tag, digest."""
        name, tag = self._name(), tag or f"{secrets.randbelow(9)}.{secrets.randbelow(99)}"
        digest = self.shelf.image()
        self.shelf.tag(name, tag, digest)
        if keys:
            self.shelf.sign(name, digest, *keys, **more)
        return name, tag, digest

    def _admitted(self):
        def case(what, image, *pinned):
            return Case(what, f"localhost:5000/{image}", _pinned(*pinned), may_refuse=False)

        tagged, digested, latest, twice = (
            self._made(self.ours),
            self._made(self.ours),
            self._made(self.ours, tag="latest"),
            self._made(self.theirs, self.ours),
        )
        return [
            case("a signed image, by its tag", "{}:{}".format(*tagged), *tagged),
            case("a signed image, by its digest", f"{digested[0]}@{digested[2]}", *digested),
            case("a signed image without a tag (latest)", latest[0], *latest),
            case("an image with two signatures, the second with the key", "{}:{}".format(*twice), *twice),
        ]

    def _refused(self):
        cases = []
        name, tag, digest = self._made()
        cases.append(Case("an image that nobody signed", f"localhost:5000/{name}:{tag}"))
        cases.append(Case("the same by its digest", f"localhost:5000/{name}@{digest}"))
        name, tag, _ = self._made(self.theirs)
        cases.append(Case("an image signed with another key", f"localhost:5000/{name}:{tag}"))
        name, tag, _ = self._made(self.ours)
        self.shelf.tag(name, tag, self.shelf.image())
        cases.append(Case("a tag that was moved after the signing", f"localhost:5000/{name}:{tag}"))
        name, tag, _ = self._made(self.ours, vouches=self.shelf.image())
        cases.append(Case("an image with the signature of another", f"localhost:5000/{name}:{tag}"))
        name, tag, _ = self._made(self.ours, signed=self.shelf.image())
        cases.append(Case("an image with a signature whose payload was changed", f"localhost:5000/{name}:{tag}"))
        name, tag, _ = self._made(self.ours)
        cases.append(Case("a tag that does not exist", f"localhost:5000/{name}:none"))
        cases.append(Case("a word that is no image (--help)", "--help"))
        return cases

    def _raced(self):
        """A tag that names the signed image first and another then, and the other way round."""
        cases = []
        for look in range(1, LOOKS + 1):
            for first in (True, False):
                name, tag, digest = self._made(self.ours)
                other = self.shelf.image()
                before, after = (digest, other) if first else (other, digest)
                self.shelf.tag(name, tag, *[before] * look, after)
                way = "away from the signed image" if first else "to the signed image"
                what = f"a tag that moves {way} after it was asked for {_times(look)}"
                cases.append(Case(what, f"localhost:5000/{name}:{tag}", _pinned(name, tag, digest)))
        return cases


def _times(count):
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _pinned(name, tag, digest):
    return (f"localhost:5000/{name}@{digest}", f"localhost:5000/{name}:{tag}@{digest}")


# ECDSA on the curve P-256, in whole numbers. Good enough for keys that live for one grading.
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
HEAD = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")


class Key:
    """A pair of keys."""

    def __init__(self):
        self.private = 1 + secrets.randbelow(N - 1)

    def public(self):
        """As cosign.pub holds it."""
        x, y = _times_point(self.private, G)
        text = base64.encodebytes(HEAD + x.to_bytes(32, "big") + y.to_bytes(32, "big")).decode()
        lines = re.findall(r".{1,64}", text.replace("\n", ""))
        return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])

    def sign(self, data):
        """A signature in DER."""
        hashed = int.from_bytes(hashlib.sha256(data).digest(), "big")
        once = 1 + secrets.randbelow(N - 1)
        r = _times_point(once, G)[0] % N
        s = (hashed + r * self.private) * pow(once, -1, N) % N
        numbers = b"".join(b"\x02" + bytes([len(raw)]) + raw for raw in map(_bytes, (r, s)))
        return b"\x30" + bytes([len(numbers)]) + numbers


def _bytes(number):
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def _add(one, other):
    if one is None or other is None:
        return one or other
    if one[0] == other[0] and (one[1] + other[1]) % P == 0:
        return None
    if one == other:
        slope = (3 * one[0] ** 2 - 3) * pow(2 * one[1], -1, P)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, P)
    x = (slope**2 - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P


def _times_point(count, point):
    total = None
    while count:
        if count & 1:
            total = _add(total, point)
        count, point = count >> 1, _add(point, point)
    return total
