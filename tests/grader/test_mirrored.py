"""Whoever changes a module finds its tests: they are where the module is, under tests/."""

from __future__ import annotations

from pathlib import Path

from tests.floors import ROOT, modules

RULES = "grader/lint/rules/"
"""Each rule's tests are a table: tests/grader/lint/cases/RULE.toml, and test_rules.py there asks for it."""


def mirrored(path: Path) -> Path:
    """Where the tests of a module are, both below the project's folder."""
    return Path("tests") / path.with_name(f"test_{path.name.removeprefix('_')}")


def test_every_module_has_its_tests_where_it_is_itself() -> None:
    paths = [path.relative_to(ROOT) for path in modules("grader").values() if path.name != "__init__.py"]
    wanted = [mirrored(path) for path in paths if not path.as_posix().startswith(RULES)]
    assert len(wanted) > 100
    missing = [str(path) for path in wanted if not (ROOT / path).is_file()]
    assert not missing, "missing:\n" + "\n".join(missing)
