#!/bin/sh
# When does the next ferry leave? bell.sh [HH:MM], now where no time is given.
set -eu
now=${1:-$(date +%H:%M)}

awk -v now="$now" -F: '
function minutes(text,   part) {
    split(text, part, ":")
    return part[1] * 60 + part[2]
}
{ if (NR == 1) first = $0 }
minutes($0) > minutes(now) {
    printf "after %s the next ferry leaves at %s, in %d minutes\n", now, $0, minutes($0) - minutes(now)
    found = 1
    exit
}
END { if (!found) printf "after %s the first ferry leaves at %s, tomorrow\n", now, first }
' "$(dirname "$0")/timetable.txt"
