"""`lab lint`: the judgements that need no build, over any Dockerfile and the folder it is built from.

    for path in find_dockerfiles([Path(".")]):
        linted = lint(path)
        linted.findings, linted.error

Nothing is run, fetched or asked of an engine; a file takes milliseconds. What the checks of an exercise judge as well
(how images, packages and downloads are named, who a user is, what a credential looks like) is judged by the same
functions of grader.facts.
"""
