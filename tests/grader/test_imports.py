"""The house stays a house: imports run one way, from the top floor down, and in no circle."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from tests.floors import floor, graph, imports, modules


def test_no_arrow_runs_up() -> None:
    faces = ("grader", "layerwise")
    arrows = [(one, other) for one, used in graph(*faces).items() for other in used if not {one, other} & {*faces}]
    assert [arrow for arrow in arrows if floor(arrow[0]) < floor(arrow[1])] == []


def test_no_circle() -> None:
    try:
        TopologicalSorter(graph("grader", "layerwise")).prepare()
    except CycleError as problem:
        circle = problem.args[1]
    else:
        circle = []
    assert circle == []


def test_reports_know_only_verdicts() -> None:
    allowed = ("grader.reports", "grader.verdict", "grader.errors", "grader.lib")
    used = {
        used for name, all_of_it in graph("grader").items() if name.startswith("grader.reports") for used in all_of_it
    }
    assert [name for name in used if not name.startswith(allowed)] == []


def test_the_grader_imports_nothing_of_the_lab_nor_of_jupyter() -> None:
    known = modules("grader")
    for path in known.values():
        used = {name.partition(".")[0] for name in imports(path, known)}
        assert not used & {"layerwise", "IPython", "ipywidgets", "jupyterlab", "nbgrader", "traitlets"}, path
