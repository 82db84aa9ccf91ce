#!/bin/sh
# The name of the station in capitals, as it stands on the platform.
STATION=$(python -c 'print(open("station.txt").read().strip().title())')
export STATION
python board.py
