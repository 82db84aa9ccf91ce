#!/bin/sh
# Fetches the price list into the folder it is run in. The licence: the file $1, or the variable LICENCE.
# A receipt beside the list says by its hash which licence it was.
set -eu
if [ $# -gt 0 ]; then
    licence=$(cat "$1")
else
    licence=${LICENCE:?no licence}
fi
[ "${#licence}" -eq 42 ] || { echo "a licence has 42 letters, this one has ${#licence}" >&2; exit 1; }

printf '%s' "$licence" | sha256sum | cut -d ' ' -f 1 > receipt
cat > prices.txt <<END
tea     3.20
coffee  2.90
cake    4.10
END
