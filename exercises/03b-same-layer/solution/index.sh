#!/bin/sh
# Lays out every word once for each round of comparing, and leaves an index: a word spelt backwards, and the word.
set -eu
cd /work
for round in $(seq 128); do
    sed "s/^/$round /" words.txt
done > compare.txt
mkdir -p /dict
rev words.txt | paste - words.txt | sort > /dict/index.txt
