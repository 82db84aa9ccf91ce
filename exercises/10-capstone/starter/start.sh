#!/bin/sh
export HOST=0.0.0.0
export TOWN="Lower Quay"
python names.py
