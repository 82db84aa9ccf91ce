#!/bin/sh
# The name of the station in capitals, as it stands on the platform.
STATION=$(python -c 'print(open("station.txt").read().strip().title())')
export STATION

# In place of the shell, not below it: what is sent to process 1 is sent to the board.
exec python board.py
