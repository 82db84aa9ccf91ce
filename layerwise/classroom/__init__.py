"""Grade a class: find what each learner handed in, grade it in parallel into a store, and give the results out again.

`layouts` finds the hand-ins in a folder, and `hand_in` lays one out for grading. `store` keeps the verdicts, `grading`
runs the gradings, and `gradebook` joins hand-ins and verdicts: what is graded, stale, missing or late. Everything that
goes out (exports, feedback, nbgrader's scores) is made from the gradebook, and from nothing else.
"""
