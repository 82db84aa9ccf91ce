#!/bin/sh
# Makes a page of a list of crossings: make-timetable.sh LIST
set -e
if [ ! -f "$1" ]; then
    echo "make-timetable: no list of crossings at $1" >&2
    exit 1
fi
echo "<title>Ferry</title><pre>"
sort "$1"
echo "</pre>"
