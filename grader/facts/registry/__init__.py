"""What a registry serves, over its own HTTP interface (the OCI distribution specification).

    repository = Repository.parse("localhost:5000/me/tides")
    manifest = repository.manifest("1.0")          # None if nothing is pushed under that tag
    config = repository.blob(manifest.config.digest, MAX_MANIFEST)

`client` talks to one registry and logs in, `login` finds the login, `documents` reads what was pushed, `repository`
puts them together, and `lookup` looks up one image by its reference.
"""
