#!/bin/sh
# Which words end like this one?
word=${1:?which word?}
ending=$(printf %s "$word" | rev | cut -c 1-3 | rev)
found=$(cut -f 2 /dict/index.txt | grep -- "$ending\$" | grep -vx -- "$word" | head -n 5 | tr '\n' ' ')
echo "$word rhymes with ${found:-nothing}"
