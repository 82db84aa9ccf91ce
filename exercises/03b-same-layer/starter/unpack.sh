#!/bin/sh
# Turns the parts in /work into words: each beginning with each ending.
set -eu
cd /work
while read -r first; do
    sed "s/^/$first/" endings.txt
done < beginnings.txt > words.txt
