"""What each base image promises to those who build on it, tried in containers and builds, whatever its source."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from grader.facts.engine.errors import NEVER_BEGAN
from layerwise.stack import certificates, images, recipe, upstream
from layerwise.stack.catalogue import catalogue

pytestmark = pytest.mark.lab

Engine = Callable[..., str]
BASE = "localhost:5000/base/"
DEBIAN, PYTHON, NODE, GO = "debian:trixie-slim", "python:3.13-slim", "node:20-slim", "golang:1.24"
BUSYBOX, STATIC, DISTROLESS = "busybox:musl", "distroless-static:debian13", "distroless-python:3.13"
ALL = [image.name for image in catalogue().values() if image.recipe]


@dataclass(frozen=True)
class Ended:
    status: int
    out: str


class Trying:
    """Containers and builds on the base images; each image is seeded when first used."""

    def __init__(self, env: dict[str, str], engine: Engine) -> None:
        self.env, self.engine = env, engine
        self.unique = uuid.uuid4().hex[:8]
        self._seeded: set[str] = set()
        self._built: list[str] = []

    def have(self, *names: str) -> None:
        missing = set(names) - self._seeded
        images.seed(missing, env=self.env, report=lambda name, text: None)
        self._seeded |= missing

    def labels(self, name: str) -> dict[str, str]:
        self.have(name)
        self.engine("pull", "--quiet", BASE + name)
        found: dict[str, str] = json.loads(
            self.engine("image", "inspect", "-f", "{{json .Config.Labels}}", BASE + name)
        )
        return found or {}

    def by_recipe(self, name: str) -> bool:
        return self.labels(name).get(recipe.ORIGIN) == "recipe"

    def run(self, name: str, *words: str, options: tuple[str, ...] = ("--network=none",)) -> Ended:
        """Run a container; `words` may begin with options."""
        if name in catalogue():
            self.have(name)
            name = BASE + name
        argv = ["docker", "run", "--rm", *options, name, *words]
        for _ in range(3):
            ended = subprocess.run(
                argv, env=self.env, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL
            )
            never_began = ended.returncode == 125 and NEVER_BEGAN.search(ended.stderr)
            # A busy engine loses what a quick container printed, now and then.
            if not never_began and (ended.stdout or ended.stderr):
                break
        return Ended(ended.returncode, (ended.stdout + ended.stderr).strip())

    def sh(self, name: str, script: str, **more: tuple[str, ...]) -> str:
        """What a shell script in a container says; it must end well."""
        ended = self.run(name, "sh", "-ec", script, **more)
        assert ended.status == 0, ended.out
        return ended.out

    def build(self, folder: Path, *lines: str) -> str:
        """Build a Dockerfile; the image's tag."""
        self.have(*(name for name in ALL if any(BASE + name in line for line in lines)))
        tag = f"layerwise-test/{self.unique}:{len(self._built)}"
        (folder / "Dockerfile").write_text("\n".join(lines) + "\n")
        self.engine("buildx", "build", "--quiet", "--load", "--provenance=false", "--tag", tag, str(folder))
        self._built.append(tag)
        return tag

    def clear(self) -> None:
        if self._built:
            self.engine("image", "rm", "--force", *self._built)


@pytest.fixture(scope="module")
def trying(env: dict[str, str], engine: Engine) -> Iterator[Trying]:
    trying = Trying(env, engine)
    yield trying
    trying.clear()


@pytest.mark.parametrize("name", ALL)
def test_labelled_with_where_it_came_from(trying: Trying, name: str):
    labels = trying.labels(name)
    origin = labels.get(recipe.ORIGIN)
    if origin is None:  # upstream's, byte for byte
        assert not certificates.trusted().private
        return
    assert origin in {"recipe", "upstream"}
    assert labels["layerwise"] == "base"
    assert labels[recipe.CERTIFICATES] == certificates.trusted().fingerprint


@pytest.mark.parametrize("name", [DEBIAN, PYTHON, NODE, GO])
def test_is_debian_13_without_leftovers(trying: Trying, name: str):
    out = trying.sh(
        name,
        ". /etc/os-release; echo $VERSION_CODENAME; ls /var/lib/apt/lists /var/cache/apt/archives;"
        "find /usr/share/doc -type f ! -name copyright | head -3; find /usr/share/man -name '*.gz' | head -3",
    )
    if trying.by_recipe(name):
        listed = [word for word in out.split() if not word.startswith("/var") and word not in {"lock", "partial"}]
        assert listed == ["trixie"]


@pytest.mark.parametrize("name", [DEBIAN, PYTHON, NODE, GO])
def test_nothing_of_the_machine_that_made_it(trying: Trying, name: str):
    """Packages come from Debian's own archive, through no proxy of ours."""
    out = trying.sh(name, "cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true")
    hosts = {word.split("/")[2] for word in out.split() if "://" in word and "debian.org" not in word.split("/")[2]}
    assert not hosts
    assert "Proxy" not in trying.sh(name, "apt-config dump")


@pytest.mark.parametrize("name", [DEBIAN, PYTHON, NODE])
def test_private_certificates_are_there_if_and_only_if_there_are_some(trying: Trying, name: str):
    labels = trying.labels(name)
    out = trying.sh(name, "ls /usr/local/share/ca-certificates /etc/pip.conf 2>/dev/null || true")
    assert ("private-1.crt" in out) == bool(labels.get(recipe.CERTIFICATES))
    assert ("/etc/pip.conf" in out) == (name == PYTHON and bool(labels.get(recipe.CERTIFICATES)))


@pytest.mark.long
def test_debian_installs_packages_in_a_build(trying: Trying, tmp_path: Path):
    tag = trying.build(
        tmp_path,
        f"FROM {BASE}{DEBIAN}",
        "RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates",
    )
    assert "BEGIN CERTIFICATE" in trying.sh(tag, "cat /etc/ssl/certs/ca-certificates.crt; ls /var/cache/apt/archives")


def test_debian_starts_a_shell(trying: Trying, engine: Engine):
    trying.have(DEBIAN)
    assert json.loads(engine("image", "inspect", "-f", "{{json .Config.Cmd}}", BASE + DEBIAN)) == ["bash"]


@pytest.mark.parametrize("program", ["python", "python3", "python3.13"])
def test_python_is_3_13(trying: Trying, program: str):
    assert trying.run(PYTHON, program, "-V").out.startswith("Python 3.13.")


def test_python_has_its_whole_library(trying: Trying):
    modules = "bz2, ctypes, curses, dbm.ndbm, ensurepip, lzma, readline, sqlite3, ssl, uuid, venv, zoneinfo"
    script = f"import {modules}; print(zoneinfo.ZoneInfo('Asia/Tokyo'))"
    assert trying.run(PYTHON, "python", "-c", script).out == "Asia/Tokyo"


@pytest.mark.long
@pytest.mark.parametrize(
    ("install", "found"),
    [
        (
            "pip install six",
            "python -c 'import six; print(six.__file__)' | grep ^/usr/local/lib/python3.13/site-packages/",
        ),
        ("pip3 install six", "python3 -c 'import six'"),
        ("python -m pip install --user six", "python -c 'import six; print(six.__file__)' | grep ^/root/.local/"),
        ("pip install --target /target six", "ls /target/six.py"),
        ("pip install --prefix /prefix six", "ls /prefix/lib/python3.13/site-packages/six.py"),
        (
            "python -m venv /venv && /venv/bin/pip install six",
            "/venv/bin/python -c 'import six' && ! python -c 'import six'",
        ),
        ("pip install normalizer", "ls /usr/local/bin/normalizer"),
    ],
    ids=["pip", "pip3", "user", "target", "prefix", "venv", "programs"],
)
def test_pip_installs_in_a_build(trying: Trying, tmp_path: Path, install: str, found: str):
    install = install.replace("normalizer", "charset-normalizer")
    tag = trying.build(tmp_path, f"FROM {BASE}{PYTHON}", f"RUN {install}")
    trying.sh(tag, found)


@pytest.mark.long
def test_a_prefix_can_be_copied_to_another_stage(trying: Trying, tmp_path: Path):
    """The multi-stage habit of `pip install --prefix` and COPY to /usr/local."""
    tag = trying.build(
        tmp_path,
        f"FROM {BASE}{PYTHON} AS build",
        "RUN pip install --no-cache-dir --prefix=/install charset-normalizer",
        f"FROM {BASE}{PYTHON}",
        "COPY --from=build /install /usr/local",
        "USER 1000",
        "RUN normalizer --version && python -c 'import charset_normalizer'",
    )
    assert trying.run(tag, "id", "-u").out == "1000"


@pytest.mark.long
def test_a_venv_can_be_copied_to_distroless_python(trying: Trying, tmp_path: Path):
    if not trying.by_recipe(PYTHON) or not trying.by_recipe(DISTROLESS):
        pytest.skip("upstream's two have their interpreters in different places")
    tag = trying.build(
        tmp_path,
        f"FROM {BASE}{PYTHON} AS build",
        "RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir six",
        f"FROM {BASE}{DISTROLESS}",
        "COPY --from=build /venv /venv",
        'ENTRYPOINT ["/venv/bin/python"]',
    )
    assert trying.run(tag, "-c", "import six; print(six.__file__)").out.startswith("/venv/lib/python3.13/")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (DEBIAN, {"Cmd": ["bash"]}),
        (PYTHON, {"Cmd": ["python3"], "User": ""}),
        (NODE, {"Cmd": ["node"], "Entrypoint": ["docker-entrypoint.sh"], "User": ""}),
        (GO, {"WorkingDir": "/go"}),
        (BUSYBOX, {"Cmd": ["sh"], "User": ""}),
        (DISTROLESS, {"Entrypoint": ["/usr/bin/python3.13"]}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_settings(trying: Trying, engine: Engine, name: str, expected: dict[str, object]):
    trying.labels(name)
    settings = json.loads(engine("image", "inspect", "-f", "{{json .Config}}", BASE + name))
    found = {key: settings.get(key) or type(value)() for key, value in expected.items()}
    assert found == expected


def test_node_runs_as_node_with_uid_1000(trying: Trying):
    assert trying.run(NODE, "id", options=("--user=node",)).out.startswith("uid=1000(node) gid=1000(node)")
    assert trying.sh(NODE, "stat -c '%U %a' /home/node") == "node 755"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("node", "--version"), "v20."),
        (("--version",), "v20."),
        (("-p", "6 * 7"), "42"),
        (("npm", "--version"), "10."),
        (("npx", "--version"), "10."),
        (("sh", "-c", "echo shell"), "shell"),
    ],
    ids=" ".join,
)
def test_node_commands(trying: Trying, words: tuple[str, ...], said: str):
    ended = trying.run(NODE, *words)
    assert ended.status == 0
    assert ended.out.startswith(said)


def test_node_runs_a_file(trying: Trying, tmp_path: Path):
    (tmp_path / "app.js").write_text("console.log('app')")
    tag = trying.build(tmp_path, f"FROM {BASE}{NODE}", "WORKDIR /app", "COPY app.js .", "USER node")
    assert trying.run(tag, "app.js").out == "app"


@pytest.mark.long
def test_npm_installs_in_a_build(trying: Trying, tmp_path: Path):
    (tmp_path / "package.json").write_text('{"name": "app", "version": "1.0.0", "dependencies": {"is-odd": "3.0.1"}}')
    tag = trying.build(
        tmp_path,
        f"FROM {BASE}{NODE}",
        "RUN npm install -g semver@7.6.3 && semver 1.2.3",
        "WORKDIR /app",
        "RUN chown node /app",
        "USER node",
        "COPY package.json .",
        "RUN npm install && npm ci && npm ls",
    )
    assert trying.run(tag, "-p", "require('is-odd')(3)").out == "true"
    assert trying.run(tag, "which", "semver").out == "/usr/local/bin/semver"


HELLO = """package main

import (
    "fmt"
    "os"
    "time"
)

func main() {
    _, err := time.LoadLocation("Europe/Berlin")
    fmt.Println("uid", os.Getuid(), "zones", err == nil)
}
"""


@pytest.fixture(scope="module")
def hello(trying: Trying, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image holding /hello, built by the golang image: a program linked statically."""
    folder = tmp_path_factory.mktemp("hello")
    (folder / "main.go").write_text(HELLO)
    (folder / "go.mod").write_text("module hello\n\ngo 1.24\n")
    return trying.build(
        folder,
        f"FROM {BASE}{GO} AS build",
        "WORKDIR /src",
        "COPY . .",
        "RUN go vet ./... && CGO_ENABLED=0 go build -o /hello .",
        "FROM scratch",
        "COPY --from=build /hello /hello",
        'ENTRYPOINT ["/hello"]',
    )


@pytest.mark.long
def test_go_builds_for_scratch(trying: Trying, hello: str):
    assert trying.run(hello).out.startswith("uid 0 zones")


def test_go_stays_at_its_version_and_has_its_places(trying: Trying):
    out = trying.sh(GO, "go version; go env GOPATH GOTOOLCHAIN; echo $PATH")
    version, gopath, toolchain, path = out.splitlines()
    assert version.startswith("go version go1.24.")
    assert (gopath, toolchain) == ("/go", "local")
    assert path.startswith("/go/bin:/usr/local/go/bin:")


@pytest.mark.long
def test_a_static_program_runs_on_distroless_static_as_nonroot(trying: Trying, tmp_path: Path, hello: str):
    tag = trying.build(
        tmp_path,
        f"FROM {BASE}{STATIC}",
        f"COPY --from={hello} /hello /hello",
        "USER nonroot",
        'ENTRYPOINT ["/hello"]',
    )
    assert trying.run(tag).out == "uid 65532 zones true"


@pytest.mark.parametrize("name", [STATIC, DISTROLESS])
@pytest.mark.parametrize("program", ["sh", "/bin/sh", "/bin/bash", "apt-get", "busybox", "pip"])
def test_distroless_has_no_shell(trying: Trying, name: str, program: str):
    ended = trying.run(name, options=("--network=none", f"--entrypoint={program}"))
    assert ended.status in {126, 127}
    assert "no such file" in ended.out or "not found" in ended.out


def test_distroless_python(trying: Trying):
    script = (
        "import os, ssl, sqlite3, ctypes, sys, zoneinfo as z; z.ZoneInfo('Asia/Tokyo'); print(os.getuid(), sys.version)"
    )
    root, _, version = trying.run(DISTROLESS, "-c", script).out.partition(" ")
    assert (root, version[:5]) == ("0", "3.13.")
    user = trying.run(DISTROLESS, "-c", script, options=("--network=none", "--user=nonroot"))
    assert user.out.startswith("65532 3.13.")


@pytest.mark.parametrize("name", [STATIC, DISTROLESS])
def test_distroless_tells_scanners_its_packages(trying: Trying, engine: Engine, name: str):
    trying.have(name)
    container = engine("create", BASE + name, "x")
    try:
        archive = subprocess.run(
            ["docker", "cp", f"{container}:/var/lib/dpkg/status.d", "-"],
            env=trying.env,
            capture_output=True,
            timeout=60,
        ).stdout
        certificates_ = engine("cp", f"{container}:/etc/ssl/certs/ca-certificates.crt", "-")
    finally:
        engine("rm", container)
    assert b"Package: tzdata" in archive
    assert (b"Package: libssl3t64" in archive) == (name == DISTROLESS)
    assert certificates_.count("BEGIN CERTIFICATE") > 50


@pytest.mark.parametrize("applet", ["ls", "wget", "awk", "vi", "httpd", "nc", "sha256sum"])
def test_busybox_has_its_applets(trying: Trying, applet: str):
    trying.sh(BUSYBOX, f"test -x /bin/{applet} || test -x /usr/sbin/{applet}")


@pytest.mark.long
def test_busybox_runs_what_is_linked_statically_and_not_what_needs_glibc(trying: Trying, tmp_path: Path, hello: str):
    tag = trying.build(
        tmp_path,
        f"FROM {BASE}{BUSYBOX}",
        f"COPY --from={hello} /hello /hello",
        f"COPY --from={BASE}{DEBIAN} /usr/bin/true /glibc-true",
    )
    assert trying.run(tag, "/hello").status == 0
    failed = trying.run(tag, "/glibc-true")
    assert failed.status != 0
    assert "no such file" in failed.out.lower()


def test_busybox_by_recipe_has_musl_s_loader(trying: Trying):
    if not trying.by_recipe(BUSYBOX):
        pytest.skip("upstream's busybox:musl may be all static")
    assert "musl libc" in trying.run(BUSYBOX, "sh", "-c", "/lib/ld-musl-*.so.1").out


def test_busybox_has_a_user_to_be(trying: Trying):
    assert trying.run(BUSYBOX, "id", options=("--user=nobody",)).out.startswith("uid=65534(nobody)")


def test_alpine_comes_from_upstream_or_is_told_to_be_missing(trying: Trying):
    if upstream.has("docker.io/library/alpine:3.22", trying.env):
        assert trying.sh("alpine:3.22", ". /etc/os-release; echo $ID") == "alpine"
    else:
        with pytest.raises(images.NotAvailable, match=r"only docker\.io has alpine:3\.22"):
            trying.have("alpine:3.22")
