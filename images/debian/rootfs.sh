#!/bin/sh
# Write the root filesystem of debian:trixie-slim to standard output, as a tar archive.
# Usage: rootfs.sh FOLDER, where FOLDER holds private certificates to trust (*.crt) or is empty.
set -eu
certificates=$1
here=$(cd "$(dirname "$0")" && pwd)
export certificates here

# Files newer than this are given this time, so that the same packages make the same archive (Debian 13's release).
export SOURCE_DATE_EPOCH=1754697600

# Single quotes: mmdebstrap expands the hooks, with the root filesystem as $1.
# shellcheck disable=SC2016
exec mmdebstrap --quiet --format=tar --variant=minbase \
    --dpkgopt="$here/slim.dpkg" \
    --customize-hook='cp -r "$here/files/." "$1"' \
    --customize-hook='find "$certificates" -name "*.crt" -exec install -D -m 644 -t "$1/usr/local/share/ca-certificates" {} +' \
    --customize-hook='mv "$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap" "$1/etc/dpkg/dpkg.cfg.d/slim"' \
    --customize-hook='rm -f "$1/etc/hostname" "$1/etc/resolv.conf"' \
    --customize-hook='rm -rf "$1"/var/cache/apt/*.bin "$1"/var/cache/debconf/*-old "$1"/var/cache/ldconfig/aux-cache' \
    --customize-hook='rm -f "$1"/var/lib/dpkg/*-old' \
    --customize-hook='find "$1/var/log" -type f -exec truncate -s 0 {} +' \
    trixie -
