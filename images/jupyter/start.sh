#!/bin/sh
# Process 1 of the container `jupyter` until it knows who the learner is; then the lab takes over.
set -eu
as=

# Started as root, as docker-compose.yml does: become the owner of the work folder, so that what is made there is theirs.
if [ "$(id -u)" = 0 ]; then
    user=$(stat -c %u /work) group=$(stat -c %g /work)
    # Docker Desktop shows root as the owner and lets everybody write: nobody has to be root for that.
    if [ "$user" = 0 ] && setpriv --reuid=1000 --regid=1000 --clear-groups test -w /work; then
        user=1000 group=1000
    fi
    sed -i "s/^learner:x:[0-9]*:[0-9]*:/learner:x:$user:$group:/" /etc/passwd
    [ "$(stat -c %u "$HOME")" = "$user" ] || chown -R "$user:$group" "$HOME"
    as="setpriv --reuid=$user --regid=$group --groups=2375 --no-new-privs"
fi
exec $as python -P -m layerwise.stack.container
