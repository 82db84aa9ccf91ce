#!/bin/sh
notes=$(cosign verify --key /cosign.pub --insecure-ignore-tlog=true "$1") || exit 1
digest=$(printf '%s\n' "$notes" | grep -o '"docker-manifest-digest":"sha256:[0-9a-f]\{64\}"' | head -n 1 | cut -d '"' -f 4)
repository=${1%@*}
case ${repository##*/} in *:*) repository=${repository%:*} ;; esac
echo "$repository@$digest"
