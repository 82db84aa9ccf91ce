#!/bin/sh
# Process 1 of the engine's container: prepares what dockerd needs in here, then becomes dockerd.
set -eu

# To set limits on its containers, dockerd writes control groups. In here they are mounted for reading only.
groups=/sys/fs/cgroup
if [ -f "$groups/cgroup.controllers" ]; then
    mount -o remount,bind,rw "$groups" 2> /dev/null || mount -t cgroup2 cgroup2 "$groups"
    # A group that has processes passes no controllers on: ours move into a group of their own, beside the containers'.
    mkdir -p "$groups/engine"
    while read -r process; do echo "$process" > "$groups/engine/cgroup.procs" || :; done < "$groups/cgroup.procs"
    for controller in $(cat "$groups/cgroup.controllers"); do
        echo "+$controller" > "$groups/cgroup.subtree_control" || :
    done
else
    for group in "$groups"/*/; do mount -o remount,bind,rw "$group" 2> /dev/null || :; done
fi

# dockerd runs whatever `iptables` comes first. Old kernels do not know nf_tables.
if ! iptables --table nat --list-rules > /dev/null 2>&1; then
    for name in iptables ip6tables; do update-alternatives --quiet --set "$name" "/usr/sbin/$name-legacy"; done
fi

# In a network with smaller packets (a VPN), larger ones of the containers would be lost.
exec dockerd --mtu "$(cat /sys/class/net/eth0/mtu 2> /dev/null || echo 1500)" "$@"
