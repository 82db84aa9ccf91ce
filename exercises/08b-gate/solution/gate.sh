#!/bin/sh
# gate IMAGE: prints the image by its digest, if it is signed with the key in /cosign.pub. Else status 1, and why.
set -u

refuse() {
    echo "refused: $*" >&2
    exit 1
}

[ $# -eq 1 ] || refuse "expected one image"
# Cosign would take this for an option. For --help it ends with status 0, and nothing is verified.
case $1 in -*) refuse "$1 is no image" ;; esac

# What Cosign prints is what it has verified, so the digest is taken from there. Asking the registry for the tag again
# could give another image: the tag may have moved meanwhile.
notes=$(cosign verify --key /cosign.pub --insecure-ignore-tlog=true "$1") || refuse "$1 is not signed with our key"
digest=$(printf '%s\n' "$notes" | grep -o '"docker-manifest-digest":"sha256:[0-9a-f]\{64\}"' | head -n 1 | cut -d '"' -f 4)
[ -n "$digest" ] || refuse "$1: what was verified names no digest"

# The repository: without a digest, and without a tag, which is a colon after the last slash (one before it is a port).
repository=${1%@*}
case ${repository##*/} in *:*) repository=${repository%:*} ;; esac
echo "$repository@$digest"
