#!/bin/sh
# Process 1 of the embedded engine's own pid and mount namespaces (see embedded.py, which calls it):
#     embedded_engine.sh ROOTFS DATA RUN BACKEND
# When this process or dockerd ends, however it ends, the kernel takes every process and every mount of the engine with it.
set -eu
rootfs=$1 data=$2 run=$3 backend=$4

mount --bind "$rootfs" "$rootfs"
mount -t proc proc "$rootfs/proc"
mount --rbind /sys "$rootfs/sys"
mount --rbind /dev "$rootfs/dev"
mount -t tmpfs -o mode=755 tmpfs "$rootfs/run"
mount -t tmpfs -o mode=1777 tmpfs "$rootfs/tmp"
mkdir -p "$rootfs/run/layerwise" "$rootfs/run/programs" "$rootfs/var/lib/docker"
mount --bind "$data" "$rootfs/var/lib/docker"
mount --bind "$run" "$rootfs/run/layerwise"

# No control groups mounted (a machine without an init system): mount them here, for the engine alone.
if ! awk '$5 ~ "^/sys/fs/cgroup" && / - cgroup2? / { found = 1 } END { exit !found }' /proc/self/mountinfo; then
    groups=$rootfs/sys/fs/cgroup
    mount -t cgroup2 cgroup2 "$groups"
    if ! grep -q memory "$groups/cgroup.controllers"; then
        umount "$groups"
        mount -t tmpfs -o mode=755 tmpfs "$groups"
        for name in $(awk '!/^#/ && $4 == 1 { print $1 }' /proc/cgroups); do
            mkdir -p "$groups/$name"
            mount -t cgroup -o "$name" cgroup "$groups/$name" 2>/dev/null || rmdir "$groups/$name"
        done
    fi
fi

# A RUN of a build takes what it can get: all that the engine runs stays below these limits (its cgroup-parent), so that
# a fork bomb or a leak in one does not take the machine along. An engine without them is better than none.
(
    groups=$rootfs/sys/fs/cgroup
    group=$(sed -n 's|.*"cgroup-parent": "/\([^"]*\)".*|\1|p' "$run/daemon.json")
    memory=$(awk '/^MemTotal:/ { printf "%.0f", $2 * 1024 * 0.8 }' /proc/meminfo)
    if [ -z "$group" ]; then
        false
    elif [ -f "$groups/cgroup.controllers" ]; then
        echo "+pids +memory" > "$groups/cgroup.subtree_control"
        mkdir -p "$groups/$group"
        echo 8192 > "$groups/$group/pids.max"
        echo "$memory" > "$groups/$group/memory.max"
    else
        mkdir -p "$groups/pids/$group" "$groups/memory/$group"
        echo 8192 > "$groups/pids/$group/pids.max"
        echo "$memory" > "$groups/memory/$group/memory.limit_in_bytes"
    fi
) || echo "no limits can be set on what the engine runs" >&2

# dockerd runs whatever `iptables` comes first.
for name in iptables ip6tables iptables-save iptables-restore ip6tables-save ip6tables-restore; do
    case $name in
        *-save) real=${name%-save}-$backend-save ;;
        *-restore) real=${name%-restore}-$backend-restore ;;
        *) real=$name-$backend ;;
    esac
    ln -s "/usr/sbin/$real" "$rootfs/run/programs/$name"
done

PATH=/run/programs:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
# The root of this mount namespace is changed, not that of one process: what enters a container (docker exec, a health
# check) starts at the root of the container's mount namespace, which after a mere chroot is this machine's own.
cd "$rootfs"
mkdir -p run/outside
pivot_root . run/outside
cd /
umount -l /run/outside
rmdir /run/outside
/usr/sbin/dockerd --config-file /run/layerwise/daemon.json &
engine=$!
trap 'kill -TERM "$engine" 2>/dev/null' TERM INT
# A trapped signal ends `wait` early; waiting also collects the processes that containers leave behind.
while kill -0 "$engine" 2>/dev/null; do
    wait "$engine" || :
done
