"""The pipeline as CI files: each follows its service's schema, names actions by commit, and its shell can be read."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

CI = Path(__file__).resolve().parents[2] / "course" / "apps" / "ferry" / "ci"
GITHUB, GITLAB = CI / "github.yml", CI / "gitlab-ci.yml"
SCHEMAS = {GITHUB: "github-workflows", GITLAB: "gitlab-ci"}
"""As the package check-jsonschema carries them."""
STAGES = ("build", "test", "scan", "sbom", "push", "sign", "verify", "release")

each = pytest.mark.parametrize("file", SCHEMAS, ids=lambda file: file.name)


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def scripts(file: Path) -> Iterator[str]:
    if file == GITHUB:
        for job in read(file)["jobs"].values():
            yield from (step["run"] for step in job["steps"] if "run" in step)
    else:
        for job in read(file).values():
            if isinstance(job, dict):
                for part in ("before_script", "script", "after_script"):
                    yield "\n".join(flat(job.get(part, [])))


def flat(lines: list[Any]) -> Iterator[str]:
    """GitLab's scripts may hold lists, as anchors leave them."""
    for line in lines:
        yield from flat(line) if isinstance(line, list) else [line]


@each
def test_it_follows_the_schema(file: Path) -> None:
    schema = json.loads(
        files("check_jsonschema").joinpath(f"builtin_schemas/vendor/{SCHEMAS[file]}.json").read_text(encoding="utf-8")
    )
    # YAML 1.1 reads the word `on` as true.
    content = {"on" if key is True else key: value for key, value in read(file).items()}
    found = list(jsonschema.validators.validator_for(schema)(schema).iter_errors(content))
    assert not found, found[0].message


@each
def test_a_misspelt_key_is_found_by_the_schema(file: Path) -> None:
    schema = json.loads(
        files("check_jsonschema").joinpath(f"builtin_schemas/vendor/{SCHEMAS[file]}.json").read_text(encoding="utf-8")
    )
    content = {"on" if key is True else key: value for key, value in read(file).items()}
    content["jobs" if file == GITHUB else "build"] = {"ship": {"runs_on": "ubuntu", "script_": ["x"]}}
    assert list(jsonschema.validators.validator_for(schema)(schema).iter_errors(content))


@each
def test_the_stages_stand_in_the_order_of_lab_pipeline(file: Path) -> None:
    from layerwise.pipeline.stages import Run

    assert Run.STAGES == STAGES
    if file == GITLAB:
        assert tuple(read(file)["stages"]) == STAGES
    else:
        names = [step.get("name", "").lower() for step in read(file)["jobs"]["ship"]["steps"]]
        assert [stage for name in names for stage in STAGES if re.match(rf"{stage}\b", name)] == list(STAGES)


@each
def test_its_shell_can_be_read(file: Path) -> None:
    found = [script for script in scripts(file) if script]
    assert len(found) >= len(STAGES)
    for script in found:
        subprocess.run(["sh", "-n"], input=script, text=True, check=True, timeout=20)


def test_actions_are_named_by_commit() -> None:
    used = [step["uses"] for job in read(GITHUB)["jobs"].values() for step in job["steps"] if "uses" in step]
    assert used
    for action in used:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", action)
    text = GITHUB.read_text(encoding="utf-8")
    assert len(re.findall(r"uses: \S+@[0-9a-f]{40} # v\d+\.\d+\.\d+\n", text)) == len(used), "which version, in words"


def test_no_more_rights_than_needed_and_nobody_elses_code() -> None:
    workflow = read(GITHUB)
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["jobs"]["ship"]["permissions"] == {"contents": "read", "packages": "write"}
    assert list(workflow[True]) == ["push"]
    for script in scripts(GITHUB):
        assert "${{" not in script, "what comes from outside goes through the environment, never into a script's text"


@each
def test_nothing_is_published_and_no_secret_is_a_word_of_a_command(file: Path) -> None:
    for script in scripts(file):
        for line in script.replace("\\\n", " ").splitlines():
            if re.search(r"\bcosign (sign|attest)\b", line):
                assert "--tlog-upload=false" in line
                assert "--key env://COSIGN_PRIVATE_KEY" in line
            assert not re.search(r"(--password[ =]|echo .*(PASSWORD|TOKEN|PRIVATE_KEY))", line)


@each
def test_it_signs_with_cosign_2_and_3_alike(file: Path) -> None:
    """Cosign 3 refuses --tlog-upload=false unless these say that its new defaults are not wanted."""
    content = read(file)
    variables = content["env"] if file == GITHUB else content["variables"]
    assert any("--tlog-upload=false" in script for script in scripts(file))
    assert (variables["COSIGN_USE_SIGNING_CONFIG"], variables["COSIGN_NEW_BUNDLE_FORMAT"]) == ("false", "false")
