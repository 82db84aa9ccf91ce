#!/bin/sh
STATION=$(python -c 'print(open("station.txt").read().strip().title())')
export STATION
python board.py &
trap 'kill "$!"' TERM
wait
