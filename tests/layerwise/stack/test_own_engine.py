"""`./lab up` on an engine of the machine, in a clone, by root and by a plain user: to a graded exercise and down again.

The engine and its ports are in a network of their own. It reaches no hub: either a mirror has the base images, or
recipes make them, for which a plain user needs user namespaces.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest

from layerwise.stack import apt, environment, isolated, paths, recipe, registry, rootfs
from layerwise.stack.isolated import Design, Isolated
from tests.floors import ROOT

pytestmark = [pytest.mark.lab, pytest.mark.alone, pytest.mark.long]

NAME = "layerwise-plain"
IMAGES = ("debian:trixie-slim", "busybox:musl", "python:3.13-slim")
COPIED = ("course", "exercises", "grader", "images", "layerwise")
FILES = ("lab", "LICENSE", "README.md", "pyproject.toml", "requirements.lock")
PROGRAMS = {
    "usr/bin/docker": "bin",
    "usr/libexec/docker/cli-plugins/docker-buildx": ".docker/cli-plugins",
    "usr/libexec/docker/cli-plugins/docker-compose": ".docker/cli-plugins",
}
"""What Docker's packages bring beside the engine, in Debian's root filesystem -> in the user's home."""
SOCKET = "/mnt/docker.sock"
INSIDE = 'mount --bind "$1" /mnt && shift && cd "$1" && shift && exec "$@"'
"""In a mount namespace of its own, where the engine's socket is at SOCKET."""
FROM_HERE = (
    "SSL_CERT_FILE",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "PIP_FIND_LINKS",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
)


@dataclass(frozen=True)
class Person:
    """A user of this machine with a clone of the project in their home, and an engine that they may use."""

    is_root: bool
    home: Path
    engine: Isolated

    def run(self, *argv: str, minutes: float = 2) -> tuple[int, str]:
        """A command in the clone. Returns its status and all that it said."""
        env = {name: os.environ[name] for name in FROM_HERE if name in os.environ}
        env |= {"HOME": str(self.home), "PATH": f"{self.home}/bin:{os.defpath}", "DOCKER_HOST": f"unix://{SOCKET}"}
        # Not without the right to gain privileges: newuidmap has to.
        become = () if self.is_root else ("setpriv", f"--reuid={NAME}", f"--regid={NAME}", "--init-groups")
        inside = ["sh", "-c", INSIDE, "sh", str(self.socket.parent), str(self.home / "clone"), *become, *argv]
        ended = subprocess.run(
            self.engine.command(["unshare", "--mount", *inside]),
            env=env,
            capture_output=True,
            text=True,
            timeout=minutes * 60,
            stdin=subprocess.DEVNULL,
        )
        return ended.returncode, ended.stdout + ended.stderr

    @property
    def socket(self) -> Path:
        return Path(self.engine.host.removeprefix("unix://"))


@contextmanager
def mirror(context: Path) -> Iterator[int]:
    """A registry that has the lab's base images under the names of their originals. The value is its port."""
    env = environment.lab_env()

    def docker(*words: str) -> str:
        ended = subprocess.run(["docker", *words], env=env, capture_output=True, text=True, timeout=300, check=True)
        return ended.stdout.strip()

    container = docker("run", "--detach", "--label=layerwise=test", "--publish=127.0.0.1::5000", registry.IMAGE)
    try:
        port = int(docker("port", container, "5000/tcp").rpartition(":")[2])
        for image in IMAGES:
            (context / "Dockerfile").write_text(f"FROM localhost:5000/base/{image}\nLABEL {recipe.ORIGIN}=mirror\n")
            name = f"localhost:{port}/library/{image}"
            docker("buildx", "build", "--quiet", "--provenance=false", "--push", "--tag", name, str(context))
        yield port
    finally:
        docker("rm", "--force", "--volumes", container)


@pytest.fixture(scope="module", params=["no hub", "a mirror"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int | None]:
    """The port of a mirror of Docker Hub, None if there is none."""
    if request.param == "no hub":
        yield None
    else:
        with mirror(tmp_path_factory.mktemp("mirror")) as port:
            yield port


@pytest.fixture(scope="module", params=["root", "plain"])
def person(
    request: pytest.FixtureRequest, hub: int | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Person]:
    assert os.geteuid() == 0, "another user can only be made by root"
    if not shutil.which("newuidmap"):
        apt.install(["uidmap"], print)
    is_root = request.param == "root"
    ports = (hub,) if hub else ()
    mirrors = tuple(f"http://localhost:{port}" for port in ports)
    design = Design("a machine's own", rootfs.LAB, containerd=True, mirrors=mirrors, ports=ports, hub=False)
    with (
        nullcontext(tmp_path_factory.mktemp("root")) if is_root else plain_user() as home,
        isolated.running(paths.home(), design, say=print) as engine,
    ):
        _clone(home / "clone")
        base = isolated.place(paths.home(), design).engine / "rootfs"
        for program, folder in PROGRAMS.items():
            (home / folder).mkdir(parents=True, exist_ok=True)
            shutil.copy(base / program, home / folder)
        found = Person(is_root, home, engine)
        if not is_root:
            subprocess.run(["chown", "-R", f"{NAME}:", str(home)], check=True)
            shutil.chown(found.socket, NAME)
        try:
            yield found
        finally:
            found.run("./lab", "down", "--purge")


@contextmanager
def plain_user() -> Iterator[Path]:
    """A new user. The value is their home."""
    _remove()
    subprocess.run(["useradd", "--create-home", "--shell", "/bin/sh", NAME], check=True, capture_output=True)
    try:
        home = Path(pwd.getpwnam(NAME).pw_dir)
        home.chmod(0o755)
        yield home
    finally:
        _remove()


def _clone(clone: Path) -> None:
    clone.mkdir()
    for name in COPIED:
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__", "exported.tar"))
    for name in FILES:
        shutil.copy(ROOT / name, clone)


def _remove() -> None:
    """The user, their home and what they still run."""
    subprocess.run(["pkill", "-KILL", "-U", NAME], capture_output=True, check=False)
    subprocess.run(["userdel", "--remove", "--force", NAME], capture_output=True, check=False)


@pytest.mark.parametrize(("hub", "person"), [("no hub", "plain")], indirect=True)
def test_without_user_namespaces_it_says_what_to_do(person: Person) -> None:
    """The user has no ids in /etc/subuid, as on a machine where nobody gave them any."""
    ranges = [line.split(":") for line in Path("/etc/subuid").read_text().splitlines()]
    spans = [f"{int(first)}-{int(first) + int(count) - 1}" for name, first, count in ranges if name == NAME]
    assert spans, "useradd gives them"
    for span in spans:
        subprocess.run(["usermod", f"--del-subuids={span}", NAME], check=True)
    try:
        status, said = person.run("./lab", "up", "--no-jupyter", minutes=10)
    finally:
        for span in spans:
            subprocess.run(["usermod", f"--add-subuids={span}", NAME], check=True)
    assert status == 3, said
    assert "unable to pick chroot mode" in said
    assert "sudo ./lab up --no-jupyter --images all" in said


def test_up_to_a_graded_exercise(person: Person, hub: int | None) -> None:
    status, said = person.run("./lab", "up", minutes=15)
    assert status == 0, said
    assert f"The lab is up. Engine: Docker {person.engine.version} (unix://{SOCKET}). Registry: localhost:5000" in said
    assert "http://127.0.0.1:8888/" in said
    for image in IMAGES:
        assert image in person.run("./lab", "status")[1]
        argv = ["docker", "image", "inspect", "--format={{json .Config.Labels}}", f"localhost:5000/base/{image}"]
        labels = json.loads(person.run(*argv)[1])
        # The mirror lacks the registry's own image, which is then made on Debian's by recipe. With private certificates
        # a thin image is made on top of the mirror's, and says "upstream".
        by_recipe = not hub or image == registry.DEBIAN
        assert labels[recipe.ORIGIN] in (("recipe",) if by_recipe else ("mirror", "upstream")), image
    status, said = person.run("./lab", "grade", "00-hello-image", "exercises/00-hello-image/solution", minutes=5)
    assert status == 0, said
    assert "10 of 10" in said


def test_it_leaves_nothing_behind(person: Person) -> None:
    status, said = person.run("./lab", "down", "--purge", minutes=3)
    assert status == 0, said
    assert not (person.home / ".local" / "share" / "layerwise").exists()
    for listing in (["ps", "--all"], ["volume", "ls"], ["network", "ls", "--filter=type=custom"], ["image", "ls"]):
        assert person.run("docker", *listing, "--quiet")[1] == "", listing
