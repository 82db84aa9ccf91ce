#!/bin/sh
# The name of the station in capitals, as it stands on the platform.
STATION=$(python -c 'print(open("station.txt").read().strip().title())')
export STATION

# exec puts the board in the shell's place, so the signal for process 1 reaches the board. Without it, the shell
# would stay process 1, and it passes no signal on.
exec python board.py
