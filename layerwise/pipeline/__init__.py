"""A delivery pipeline on one machine: build, test, scan, SBOM, push, sign, verify, release, with a gate at each.

pipeline = read(Path("bakery"))             # pipeline.toml in that folder
for result in run(pipeline, env):
    print(result.name, result.status, result.message)
"""
