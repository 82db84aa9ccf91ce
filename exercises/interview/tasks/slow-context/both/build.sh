#!/bin/sh
# From the top of the repository, as the other services are built.
exec docker build --file @{service}/Dockerfile --tag @{service} .
