"""The frozen advisories: grader/data/advisories.toml, and what is known of them in each of its two snapshots.

Scan results drift: an image that is clean today may not be clean next month, without any change to it. So a graded scan
takes its advisories from here, as of a fixed day, and gives the same findings next year. They are for teaching, and the
file says so at its top.

    frozen.advisories()       all of them, read once
    frozen.snapshot("then")   those known on an earlier day
    trivydb.folder("now")     the same as a database that Trivy reads
    artifact.publish(…)       the same as an artifact that Trivy pulls from a registry
"""
