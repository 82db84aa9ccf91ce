"""How a package manager is described."""

from grader.facts.packages.manager import Action, actions


def test_subcommands_with_several_names():
    install = Action("install", reads="lock")
    assert actions(("install i add", install), ("ci", Action("ci", "none"))) == {
        "install": install,
        "i": install,
        "add": install,
        "ci": Action("ci", "none"),
    }
