#!/bin/sh@{cr}
# What the service needs to know, and then the service.@{cr}
set -e@{cr}
export PLACE="@{place}"@{cr}
exec @{runs} @{main} "${1:-$PORT}"@{cr}
