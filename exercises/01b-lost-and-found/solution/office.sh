#!/bin/sh
# Opens the post office: what is there to deliver?
cd "$(dirname "$0")" || exit 1
letters=$(grep -c . addresses.txt)
echo "$letters letters to deliver, the first one to $(head -n 1 addresses.txt | cut -d, -f1)"
