#!/bin/sh
echo "refused: $1" >&2
exit 1
