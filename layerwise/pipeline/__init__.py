"""A delivery pipeline on one machine: build, test, scan, SBOM, push, sign, verify, release, with a gate at each.

pipeline = read(Path("course/apps/ferry"))   # pipeline.toml in that folder
with Run(pipeline, env, "me") as run:
    for result in run.results(print):
        print(result.name, result.status, result.message)
"""
