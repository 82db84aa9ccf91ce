"""The grades of a class in the formats of others: one module per format, each a pure function over the gradebook.

    csv           a table with a line for each check
    jsonl         a JSON object for each learner and exercise
    junit         JUnit XML: a testsuite for each learner and exercise
    gradescope    a results.json for each learner and exercise
    classroom50   a result.json for each learner and exercise
    canvas        the file that Canvas imports into its gradebook
    moodle        the worksheet of one assignment that Moodle imports

Each module has `render(book)`, which returns an Export. An entry without a score is left empty: it is never 0. A module
is imported when its format is asked for: see `export.render`.
"""

FORMATS = ("csv", "jsonl", "junit", "gradescope", "classroom50", "canvas", "moodle")
FOLDERS = ("gradescope", "classroom50")
"""The formats that are a folder of files."""
