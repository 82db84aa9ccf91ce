"""The stages of a pipeline, one after the other. It ends at the first gate that stays shut.

One and the same image is built, tested, scanned, pushed, signed and verified: after the push it is named by its digest,
and the tag that people use is moved last.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from grader import checks
from grader.errors import EngineFailure, SubmissionFault
from grader.facts import Facts
from grader.facts.build import build
from grader.facts.registry import served_image
from grader.facts.registry.documents import Manifest, Platform
from grader.facts.registry.repository import Repository
from grader.facts.supply import trivy
from grader.facts.supply.scan import scan_of
from grader.lib.scratch import private_folder
from grader.lib.text import clean
from grader.lib.units import format_size
from grader.submission import Submission
from layerwise.errors import InputError
from layerwise.pipeline.settings import Pipeline
from layerwise.stack.run import CommandFailed, last_line
from layerwise.stack.run import run as run_program

COMMAND_SECONDS = 300.0
"""For a push, a signature, an SBOM."""

SBOMS = {"cyclonedx": ("cyclonedx", "cyclonedx"), "spdx": ("spdx-json", "spdxjson")}
"""What Trivy and what Cosign call each format."""


class GateShut(Exception):
    """A stage's condition is not met. The text says what was found."""


@dataclass(frozen=True)
class Result:
    """How a stage ended. `message` is one line, fit to show."""

    name: str
    status: Literal["passed", "failed", "not run"]
    message: str
    seconds: float = 0.0


class Run:
    """One run of a pipeline. Use it in a `with` block: the end of the block removes what it made on engine and disk."""

    STAGES = ("build", "test", "scan", "sbom", "push", "sign", "verify", "release")

    def __init__(self, pipeline: Pipeline, env: Mapping[str, str], learner: str) -> None:
        """`env` is the lab's environment with COSIGN_PASSWORD."""
        self._pipeline = pipeline
        self._env = env
        self._learner = learner
        self._stack = ExitStack()
        self.digest: str | None = None
        """Of what was pushed."""

    def __enter__(self) -> Run:
        settings = self._pipeline.settings
        self._folder = self._stack.enter_context(private_folder())
        submission = self._stack.enter_context(Submission.open(self._pipeline.folder, settings.build))
        self._facts = self._stack.enter_context(Facts(submission, learner=self._learner))
        return self

    def __exit__(self, *fault: object) -> None:
        self._stack.close()

    @cached_property
    def repository(self) -> Repository:
        """The repository to which the image is pushed."""
        return Repository.parse(self._facts.repository(self._pipeline.settings.image))

    def results(self, begin: Callable[[str], object]) -> Iterator[Result]:
        """The result of each stage; `begin` is called with its name when it begins.

        Raises GraderError or LabError if a stage could not be carried out: then no gate is to blame.
        """
        shut = False
        for name in self.STAGES:
            if shut:
                yield Result(name, "not run", "")
                continue
            begin(name)
            began = time.monotonic()
            try:
                message = getattr(self, f"_{name}")()
            except (GateShut, SubmissionFault) as problem:
                shut = True
                yield Result(name, "failed", clean(" ".join(str(problem).split()), 400), time.monotonic() - began)
            else:
                yield Result(name, "passed", message, time.monotonic() - began)

    def _build(self) -> str:
        facts, key = self._facts, self._pipeline.private_key.resolve()
        context = (self._pipeline.folder / self._pipeline.settings.build.context).resolve()
        if key.is_relative_to(context) and key.relative_to(context).as_posix() in {e.path for e in facts.context.sent}:
            raise GateShut(f"the private key {key.name} would be sent to the builder: move it out of the build context")
        _ = facts.build
        return f"{format_size(facts.image.size)}, {len(facts.image.layers)} layers, image {_short(facts.image.id)}"

    def _test(self) -> str:
        test, said = self._pipeline.settings.test, []
        if test.target:
            settings = self._pipeline.settings.build.model_copy(update={"target": test.target})
            with Submission.open(self._pipeline.folder, settings) as submission:
                build.build(self._facts.engine, submission, export=False)
            said.append(f"stage {clean(test.target, 40)} builds")
        if test.run:
            outcome = self._facts.run(list(test.run), timeout=test.timeout, judged=())
            words = last_line(outcome.stderr) or last_line(outcome.stdout)
            if outcome.exit_code is None:
                raise GateShut(f"{' '.join(test.run)} did not end in time: {words}")
            if outcome.exit_code:
                raise GateShut(f"{' '.join(test.run)} ended with status {outcome.exit_code}: {words}")
            said.append(f"{clean(' '.join(test.run), 40)} ends with status 0")
        return ", ".join(said)

    def _scan(self) -> str:
        verdict = checks.kind("scan").judge(self._facts, self._pipeline.settings.scan)
        if verdict.status != "passed":
            raise GateShut(verdict.message)
        return clean(verdict.message, 200)

    def _sbom(self) -> str:
        layout = self._folder / "image"
        try:
            self._facts.image.write_layout(layout)
        except OSError as problem:
            raise EngineFailure(f"the image cannot be written to disk: {problem.strerror}") from None
        form = SBOMS[self._pipeline.settings.sbom.format][0]
        # Packages are only listed, not scanned: that needs no advisories.
        words = ["--quiet", "--offline-scan", "--skip-version-check", "--disable-telemetry"]
        words += [f"--cache-dir={self._folder / 'cache'}", f"--format={form}", f"--output={self._sbom_file}"]
        self._program(str(trivy.program()), "image", *words, f"--input={layout}")
        shutil.rmtree(layout)
        packages = len(scan_of(self._facts, self._pipeline.settings.scan.snapshot).packages)
        return (
            f"{self._pipeline.settings.sbom.format}, {packages} packages, {format_size(self._sbom_file.stat().st_size)}"
        )

    def _push(self) -> str:
        image = self._facts.image
        name = f"{self.repository}:build-{_hexadecimal(image.id)[:12]}"
        self._program("docker", "tag", self._facts.build.image, name)
        self._facts.at_end(self._facts.engine.remove_image, name)
        self._program("docker", "push", "--quiet", name)
        manifest = self._served(name.rpartition(":")[2])
        info = self._facts.engine.info
        one = served_image.of_platform(self.repository, manifest, Platform(info.os, info.architecture))
        if list(self.repository.image_config(one).diff_ids) != [layer.diff_id for layer in image.layers]:
            raise GateShut(f"{self.repository} does not serve what was built: somebody else has pushed there")
        self.digest = manifest.digest
        return f"{self.repository}@{manifest.digest}"

    def _sign(self) -> str:
        key = f"--key={self._pipeline.private_key}"
        form = SBOMS[self._pipeline.settings.sbom.format][1]
        self._cosign("sign", "--yes", "--tlog-upload=false", key, self._pinned)
        self._cosign("attest", "--yes", "--tlog-upload=false", key, f"--type={form}", f"--predicate={self._sbom_file}",
                     self._pinned)  # fmt: skip
        return f"the digest and its SBOM, with {self._pipeline.private_key.name}"

    def _verify(self) -> str:
        key = f"--key={self._pipeline.public_key}"
        form = SBOMS[self._pipeline.settings.sbom.format][1]
        for words in (("verify",), ("verify-attestation", f"--type={form}")):
            try:
                self._cosign(*words, key, "--insecure-ignore-tlog=true", "--output=text", self._pinned)
            except CommandFailed as problem:
                raise GateShut(f"{self._pipeline.public_key.name} does not verify it: {problem}") from None
        return f"signature and SBOM, with {self._pipeline.public_key.name}"

    def _release(self) -> str:
        tag = self._pipeline.settings.tag
        manifest = self._served(self._pinned.partition("@")[2])
        self.repository.put_manifest(tag, manifest.raw, manifest.media_type)
        if self._served(tag).digest != manifest.digest:
            raise GateShut(f"{self.repository}:{tag} names something else: somebody moved it at the same time")
        return f"{self.repository}:{tag} is {_short(manifest.digest)}"

    @property
    def _sbom_file(self) -> Path:
        return self._folder / "sbom.json"

    @property
    def _pinned(self) -> str:
        return f"{self.repository}@{self.digest}"

    def _served(self, which: str) -> Manifest:
        manifest = self.repository.manifest(which)
        if manifest is None:
            raise GateShut(f"{self.repository} does not serve {which}")
        return manifest

    def _cosign(self, *words: str) -> str:
        return self._program("cosign", *words)

    def _program(self, *words: str) -> str:
        return run_program(words, env=self._env, timeout=COMMAND_SECONDS)


def require_password(env: Mapping[str, str]) -> None:
    """Raise InputError if Cosign would have to ask for the password: there may be no terminal."""
    if "COSIGN_PASSWORD" not in env:
        raise InputError("the password of the signing key is missing: set COSIGN_PASSWORD (to nothing if it has none)")


def _hexadecimal(digest: str) -> str:
    return digest.partition(":")[2] or digest


def _short(digest: str) -> str:
    return f"sha256:{_hexadecimal(digest)[:12]}"
