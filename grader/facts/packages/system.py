"""The package managers of distributions (apt 3, apk 3, dnf 5 and yum)."""

from __future__ import annotations

from grader.facts.packages.manager import Action, Manager, actions
from grader.facts.packages.options import table

# dselect-upgrade installs what `dpkg --set-selections` selected, by name and without a version.
_APT_UPGRADES = ("upgrade", "dist-upgrade", "full-upgrade", "safe-upgrade", "dselect-upgrade")

APT = Manager(
    "apt",
    "apt",
    table(
        "-o/--option -c/--config-file -t/--target-release/--default-release -a/--host-architecture"
        " -P/--build-profiles -S/--snapshot --solver --planner -F -O -w --user-tag --add-user-tag-to",
        flags="-y/--yes/--assume-yes -d/--download-only -q/--quiet -f/--fix-broken -m/--ignore-missing",
    ),
    {
        **{name: Action(name) for name in ("install", "reinstall", "satisfy", "build-dep", "download", "source")},
        **{name: Action("upgrade") for name in _APT_UPGRADES},
    },
)
APK = Manager(
    "apk",
    "apk",
    table(
        "-t/--virtual -X/--repository -p/--root --keys-dir --repositories-file --arch --cache-dir"
        " --cache-max-age --wait --progress-fd --timeout --repository-config",
    ),
    {"add": Action("install"), "fix": Action("fix"), "fetch": Action("download"), "upgrade": Action("upgrade")},
)
DNF = Manager(
    "dnf",
    "dnf",
    table(
        "-c/--config -x/--exclude --excludepkgs --enablerepo --enable-repo --disablerepo --disable-repo"
        " --repo --repoid --installroot --releasever --setopt -d/--debuglevel -e/--errorlevel"
        " -R/--randomwait --rpmverbosity --disableexcludes --comment --forcearch --color --downloaddir"
        " --destdir --advisory --repofrompath --disableplugin --enableplugin --installroot --use-host-config",
    ),
    {
        **actions(
            ("install in localinstall reinstall install-n install-na install-nevra", Action("install")),
            ("upgrade update up distro-sync upgrade-minimal update-minimal", Action("upgrade")),
            ("groupinstall", Action("group install")),
            ("builddep", Action("build-dep")),
        ),
        "group install": Action("group install"),
        "module install": Action("module install"),
        "swap": Action("install", "skip"),
    },
)
