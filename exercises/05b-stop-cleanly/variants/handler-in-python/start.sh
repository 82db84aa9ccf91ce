#!/bin/sh
STATION=$(python -c 'print(open("station.txt").read().strip().title())')
export STATION
exec python light.py
