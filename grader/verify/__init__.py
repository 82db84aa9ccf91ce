"""Prove that an exercise judges correctly: the solution gets full marks, and every known variant its exact verdicts.

    for outcome in verify([load("05-drop-root")]):
        print(outcome.submission, outcome.problems)

`variants` reads what an exercise says about its known submissions. `setup` runs the scripts that some of them need, and
`cleanup` removes what the scripts leave. `trials` lays out the submissions, `workers` grades them in separate
processes, `proofs` remembers what was proved, and `proving` combines all of this.
"""
