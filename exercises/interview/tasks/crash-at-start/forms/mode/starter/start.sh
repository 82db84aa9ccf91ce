#!/bin/sh
# What the service needs to know, and then the service.
set -e
export PLACE="@{place}"
exec @{runs} @{main} "${1:-$PORT}"
