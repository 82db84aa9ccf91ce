"""The grader: facts are measured, checks judge them, reports show the verdicts. It needs no Jupyter.

    submission -> facts -> checks -> report

``grader.grade.grade(exercise, folder)`` grades a submission; ``grader.exercise.load`` reads an exercise.
"""
