"""The instrument: facts are measured, checks judge them, reports show the verdicts. Works with no Jupyter installed.

    submission -> facts -> checks -> report

``grader.grade.grade(exercise, submission)`` is the one entry; ``grader.exercise.load`` reads an exercise.
"""
