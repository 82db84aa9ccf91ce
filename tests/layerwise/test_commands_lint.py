"""`lab lint`: exit statuses, formats and paths, by the real command."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location(
    "sarif_validators", Path(__file__).parents[1] / "grader" / "reports" / "validators.py"
)
validators = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(validators)

NOWHERE = {"DOCKER_HOST": "unix:///nowhere.sock"}
CLEAN = "FROM scratch\nCOPY x /\nUSER 1000\n"
INFO = "FROM alpine:3.22\nUSER 1000\n"
ROOT = "FROM scratch\nCOPY x /\nUSER 0\n"
BROKEN = "FROM scratch\nCOPPY x /\n"
FORMATS = ("text", "json", "sarif")


@pytest.mark.parametrize(
    ("text", "words", "status", "form"),
    [
        (INFO, [], 1, "json"),
        (INFO, ["--level", "warning"], 0, "json"),
        (ROOT, ["--level", "error"], 1, "json"),
        *((text, [], status, form) for text, status in ((CLEAN, 0), (BROKEN, 1), ("\0", 2)) for form in FORMATS),
    ],
)
def test_the_exit_status_is_the_same_in_each_format(lab, tmp_path, text, words, status, form):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "Dockerfile").write_text(text)
    ended = lab("lint", "--format", form, *words, cwd=tmp_path / "src", **NOWHERE)
    assert (ended.status, ended.err) == (status, ""), ended
    if form == "json":
        [file] = json.loads(ended.out)["files"]
        assert bool(file["findings"]) == (status == 1)
        assert (file["error"] is None) == (text not in (BROKEN, "\0"))
    elif form == "sarif":
        run = validators.sarif_run(ended.out)
        assert bool(run["results"]) == (status == 1)
        assert run["invocations"][0]["executionSuccessful"] == (text not in (BROKEN, "\0"))
    else:
        assert (ended.out == "nothing found in 1 file\n") == (status == 0)


def test_text_is_as_compilers_write_it(lab, tmp_path):
    (tmp_path / "src" / "sub").mkdir(parents=True)
    (tmp_path / "src" / "sub" / "app.Dockerfile").write_text(ROOT)
    (tmp_path / "src" / "Containerfile").write_text(CLEAN)
    ended = lab("lint", cwd=tmp_path / "src")
    assert ended.out == (
        "sub/app.Dockerfile:3: error: The image runs as root: its last USER is 0. [root-user]\n1 finding in 2 files\n"
    )


def test_json_has_the_published_keys(lab, tmp_path):
    (tmp_path / "Dockerfile").write_text(ROOT)
    shown = json.loads(lab("lint", "Dockerfile", "--format", "json").out)
    assert shown == {
        "schema": 1,
        "files": [
            {
                "path": "Dockerfile",
                "findings": [
                    {
                        "rule": "root-user",
                        "line": 3,
                        "severity": "error",
                        "message": "The image runs as root: its last USER is 0.",
                        "lesson": "05-runtime",
                    }
                ],
                "error": None,
            }
        ],
    }


def test_sarif_names_file_line_and_rule(lab, tmp_path):
    (tmp_path / "a b: [x](y)").mkdir()
    (tmp_path / "a b: [x](y)" / "Dockerfile").write_text(ROOT)
    run = validators.sarif_run(lab("lint", "a b: [x](y)", "--format", "sarif").out)
    [result] = run["results"]
    assert (result["ruleId"], result["level"]) == ("root-user", "error")
    place = result["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 3}
    assert place["artifactLocation"]["uri"].startswith("a%20b%3A%20")


def test_the_context_may_be_another_folder(lab, tmp_path):
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "Dockerfile").write_text(
        "FROM scratch\nCOPY requirements.txt /\nRUN pip install --no-cache-dir -r /requirements.txt\nUSER 1\n"
    )
    (tmp_path / "requirements.txt").write_text("flask\n")
    assert "cannot be shown" in lab("lint", "docker").out
    ended = lab("lint", "docker", "--context", ".")
    assert "warning: flask (in requirements.txt): any version will do. [package-unpinned]" in ended.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "no file or folder nowhere"),
        (["."], "no Dockerfile in ."),
        ([], "no Dockerfile in ."),
        ([""], "the name of a file or folder to lint is empty"),
        ([".", "--context", "nowhere"], "--context nowhere: there is no such folder"),
    ],
)
def test_nothing_to_lint_is_unusable_input_in_one_line(lab, tmp_path, words, said):
    (tmp_path / "empty").mkdir()
    ended = lab("lint", *words, cwd=tmp_path / "empty")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith("lab: ")
    assert said in ended.err
    assert ended.err.count("\n") == 1


def test_it_loads_no_engine_and_no_notebook(lab, tmp_path):
    """It is for each save and each commit: what takes long to load stays out."""
    import subprocess

    (tmp_path / "Dockerfile").write_text(ROOT)
    code = (
        "import sys; from layerwise.cli import main; main(['lint', 'Dockerfile']); "
        "print(sorted({'docker', 'requests', 'ipywidgets', 'nbgrader', 'IPython', 'rich'} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=lab.env, capture_output=True, text=True, check=True
    )
    assert ended.stdout.endswith("\n[]\n"), ended.stdout
