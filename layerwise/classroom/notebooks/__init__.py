"""An nbgrader course made from the exercises, and the parts that nbgrader's own commands call in it.

`course` makes the course and `generate` its notebooks. The rest is named in its nbgrader_config.py: `submission` and
`rebuild` read whatever was handed in, and `missing` lets a hand-in without a notebook be graded. `verdicts` fills in
the points. `late`, `collect` and `export` are plugins, and `markdown` shows answers to others. Nothing of a learner's
is executed, and every score comes from the store.

Only `course` and `generate` can be imported without nbgrader.
"""
