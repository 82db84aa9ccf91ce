#!/bin/sh
case $1 in -*) exit 1 ;; esac
notes=$(cosign verify --key /cosign.pub --insecure-ignore-tlog=true "$1") || exit 1
digest=$(printf '%s\n' "$notes" | grep -o '"docker-manifest-digest":"sha256:[0-9a-f]\{64\}"' | head -n 1 | cut -d '"' -f 4)
name=${1%@*}
echo "${name%:*}@$digest"
