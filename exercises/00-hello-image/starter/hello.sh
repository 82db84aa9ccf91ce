#!/bin/sh
# Greets every guest on the list that lies beside this program.
cd "$(dirname "$0")" || exit 1
while read -r guest; do
    echo "Hello, $guest!"
done < guests.txt
