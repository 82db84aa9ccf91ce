"""The apps that lesson 04 builds both ways: each passes its own tests, and both of its images answer the same."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from layerwise.stack.environment import lab_env

APPS = Path(__file__).resolve().parents[2] / "course" / "apps"
SECONDS = 600

ASKED = {
    "moon": (["2026-07-29"], "2026-07-29, UTC: full moon\n"),
    "seeds": (["node", "-p", "require('/app/dist/row.js').row('radish', 50)"], "50 radishes: 2 m of row\n"),
    "goodnight": (["python", "-c", "import wishes; print(wishes.wish('Ada', ['pt']))"], "Boa noite, Ada.\n"),
}
"""What an image of each app is asked, and answers."""
SERVED = {
    "seeds": ("radish/50", "50 radishes: 2 m of row\n"),
    "goodnight": ("Ada?in=de", "Gute Nacht, Ada.\n"),
}
"""What those that serve answer on port 8000."""
FETCH = {
    "seeds": "fetch('http://localhost:8000/{}').then(r => r.text())"
    ".then(t => process.stdout.write(t), () => process.exit(1))",
    "goodnight": "import urllib.request as u; print(u.urlopen('http://localhost:8000/{}').read().decode(), end='')",
}

pytestmark = [pytest.mark.lab, pytest.mark.long]


def docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *arguments], env=lab_env(), capture_output=True, text=True, timeout=SECONDS, check=False
    )


@pytest.fixture
def built(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """An app and an image of it, built as its Dockerfile.one or Dockerfile.two says."""
    app, way = request.param
    image = f"layerwise-test-{app}:{uuid.uuid4().hex[:8]}"
    done = docker("build", "--quiet", f"--tag={image}", f"--file={APPS / app / f'Dockerfile.{way}'}", str(APPS / app))
    assert done.returncode == 0, done.stderr
    yield app, image
    docker("image", "rm", "--force", image)


def both_ways(apps: dict[str, object]) -> pytest.MarkDecorator:
    pairs = [(app, way) for app in apps for way in ("one", "two")]
    return pytest.mark.parametrize("built", pairs, indirect=True, ids=[f"{app}-{way}" for app, way in pairs])


@pytest.mark.parametrize("app", ["moon", "seeds"])
def test_its_own_tests_pass_in_its_test_stage(app: str) -> None:
    done = docker("build", "--target=tests", "--output=type=cacheonly", f"--file={APPS / app / 'Dockerfile.two'}",
                  str(APPS / app))  # fmt: skip
    assert done.returncode == 0, done.stderr


@both_ways({**ASKED})
def test_both_images_answer_the_same(built: tuple[str, str]) -> None:
    app, image = built
    asked, answer = ASKED[app]
    done = docker("run", "--rm", "--network=none", image, *asked)
    if not done.stdout:  # A busy engine loses what a quick container printed, now and then.
        done = docker("run", "--rm", "--network=none", image, *asked)
    assert (done.stdout, done.returncode) == (answer, 0), done.stderr


@both_ways({**SERVED})
def test_both_images_serve_the_same(built: tuple[str, str]) -> None:
    app, image = built
    path, answer = SERVED[app]
    name = image.replace(":", "-")
    started = docker("run", "--detach", "--rm", f"--name={name}", "--network=none", image)
    assert started.returncode == 0, started.stderr
    program = ["node", "-e"] if app == "seeds" else ["python", "-c"]
    try:
        for _ in range(30):  # it takes a moment until it listens; each try is a program started
            done = docker("exec", name, *program, FETCH[app].format(path))
            if done.returncode == 0:
                break
        assert (done.stdout, done.returncode) == (answer, 0), done.stderr
    finally:
        docker("rm", "--force", name)
