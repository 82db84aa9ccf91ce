#!/bin/sh
# `docker run IMAGE --version` and `docker run IMAGE app.js` mean node; any other word is a command of its own.
set -e
case "${1:-}" in
    -*) set -- node "$@" ;;
    *) if [ -f "${1:-}" ] && [ ! -x "$1" ] && ! command -v "$1" > /dev/null; then set -- node "$@"; fi ;;
esac
exec "$@"
