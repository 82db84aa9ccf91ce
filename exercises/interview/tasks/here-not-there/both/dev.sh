#!/bin/sh
# On the laptop: with the folder mounted, so that an edit is there at once.
set -e
docker build --tag @{word} .
docker run --rm --network host --volume "$PWD":/app @{word}
