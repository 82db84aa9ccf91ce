#!/bin/sh
# Turns each negative in negatives/ into a print: darkroom.sh ALBUM
# A copy of each is kept in $DARKROOM (/var/cache/darkroom), and taken from there when the same negative comes again.
set -eu
album=${1:?which folder is the album?}
memory=${DARKROOM:-/var/cache/darkroom}
mkdir -p "$album" "$memory"

for negative in negatives/*.txt; do
    kept=$memory/$(sha256sum "$negative" | cut -c 1-16).kept
    if [ ! -e "$kept" ]; then
        echo "in the bath: $negative"
        sleep 0.3 # no bath works faster
        rev "$negative" > "$kept.wet"
        mv "$kept.wet" "$kept"
    fi
    cp "$kept" "$album/$(basename "$negative" .txt).print"
done
