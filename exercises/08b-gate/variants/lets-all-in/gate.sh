#!/bin/sh

# The digest that a tag or digest names, as the registry tells.
resolve() {
    case $1 in
        *@*) echo "${1#*@}"; return ;;
    esac
    rest=${1#*/}
    tag=latest
    case ${rest##*/} in *:*) tag=${rest##*:}; rest=${rest%:*} ;; esac
    curl --silent --show-error --fail --head --header "Accept: application/vnd.oci.image.manifest.v1+json" \
        "http://${1%%/*}/v2/$rest/manifests/$tag" | tr -d '\r' | sed -n 's/^[Dd]ocker-[Cc]ontent-[Dd]igest: //p'
}

case $1 in -*) exit 1 ;; esac
digest=$(resolve "$1")
[ -n "$digest" ] || exit 1
repository=${1%@*}
case ${repository##*/} in *:*) repository=${repository%:*} ;; esac
echo "$repository@$digest"
