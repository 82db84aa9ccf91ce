"""The rules: one module for each family. A module here is found by itself, and so is every rule in it.

    @rule("shell-form", Severity.WARNING, lesson="05-runtime", text="The main program is started without a shell …")
    def shell_form(target: LintTarget) -> Iterator[Hit]:
        yield Hit(step.line, "CMD in shell form starts a shell, and docker stop signals that shell, not the program.")

A rule reads what the target holds. It runs nothing, fetches nothing and asks no engine.
"""
