"""JavaScript's package managers (npm 11, yarn 1 and 4, pnpm 10, bun 1.3, corepack)."""

from __future__ import annotations

from grader.facts.packages.manager import Action, Manager, actions
from grader.facts.packages.options import table

_NPM = table(
    "-C/--prefix --registry --tag --omit --include --only --also --loglevel --cache --userconfig"
    " --globalconfig -w/--workspace --install-strategy --save-prefix --before --cpu --os --libc"
    " --fetch-timeout --fetch-retries --maxsockets --node-options --script-shell --cafile --ca --cert"
    " --key --proxy --https-proxy --noproxy -p/--package -c/--call --access --otp --auth-type --location"
    " --depth --scope --python --target --arch --min-release-age --network-timeout"
    " --fetch-retry-mintimeout --fetch-retry-maxtimeout --umask --user-agent --node-gyp"
    " --lockfile-version --cache-min --cache-max --tmp -n/--node-arg --replace-registry-host",
    flags="-g/--global -D/--save-dev -E/--save-exact -O/--save-optional -P/--save-prod -y/--yes -f/--force",
)
NPM = Manager(
    "npm",
    "npm",
    _NPM,
    actions(
        (
            "install i in ins inst insta instal isnt isnta isntal isntall add install-test it",
            Action("install", reads="lock"),
        ),
        ("ci clean-install ic install-clean isntall-clean install-ci-test cit", Action("ci", "none", reads="lock")),
        ("exec x", Action("exec", "first")),
        ("init create innit", Action("create", "first")),
        ("update up upgrade udpate", Action("update", reads="manifest")),
    ),
    packages=frozenset(("--package",)),
    directory=frozenset(("--prefix",)),
    manifest="package.json",
    lock="package-lock.json",
)
NPX = Manager("npx", "npm", _NPM, {"": Action("exec", "first")}, packages=frozenset(("--package",)))
YARN = Manager(
    "yarn",
    "npm",
    table(
        "--cwd --modules-folder --cache-folder --registry --network-timeout --network-concurrency --mutex"
        " --prefix --global-folder --preferred-cache-folder --link-folder --tag --otp --proxy --https-proxy"
        " --use-yarnrc --mode -p/--package --folder --ignore-engines-for",
    ),
    {
        "": Action("install", "none", reads="lock"),
        "install": Action("install", "none", reads="lock"),
        "add": Action("add"),
        "global add": Action("global add"),
        "dlx": Action("exec", "first"),
        "create": Action("create", "first"),
        "up": Action("update", reads="manifest"),
        "upgrade": Action("update", reads="manifest"),
        "workspaces focus": Action("install", "none", reads="lock"),
        "set version": Action("set version"),
    },
    packages=frozenset(("--package",)),
    directory=frozenset(("--cwd",)),
    manifest="package.json",
    lock="yarn.lock",
)
PNPM = Manager(
    "pnpm",
    "npm",
    table(
        "-C/--dir -F/--filter --store-dir --virtual-store-dir --registry --reporter --loglevel"
        " --lockfile-dir --omit --modules-dir --child-concurrency --network-concurrency --node-linker"
        " --package-import-method --package --allow-build --cpu --os --libc --trust-policy --fetch-timeout"
        " --fetch-retries",
    ),
    {
        **actions(("install i", Action("install", reads="lock")), ("update up upgrade", Action("update"))),
        "add": Action("add"),
        "dlx": Action("exec", "first"),
        "create": Action("create", "first"),
        "fetch": Action("fetch", "none", reads="lock"),
        "env use": Action("env use"),
        "self-update": Action("self-update"),
    },
    packages=frozenset(("--package",)),
    directory=frozenset(("--dir",)),
    manifest="package.json",
    lock="pnpm-lock.yaml",
)
PNPX = Manager("pnpm", "npm", PNPM.options, {"": Action("exec", "first")}, packages=frozenset(("--package",)))
BUN = Manager(
    "bun",
    "npm",
    table(
        "--cwd --registry --backend --cache-dir -c/--config --filter --concurrent-scripts"
        " --network-concurrency --omit --cafile --ca --linker --minimum-release-age -p/--package",
    ),
    {
        **actions(("install i", Action("install", reads="lock")), ("add a", Action("add"))),
        "ci": Action("ci", "none", reads="lock"),
        "x": Action("exec", "first"),
        "create": Action("create", "first"),
        "update": Action("update", reads="manifest"),
    },
    packages=frozenset(("--package",)),
    directory=frozenset(("--cwd",)),
    manifest="package.json",
    lock="bun.lock",
)
BUNX = Manager("bun", "npm", BUN.options, {"": Action("exec", "first")}, packages=frozenset(("--package",)))
COREPACK = Manager(
    "corepack",
    "npm",
    table(
        "--install-directory -o/--output",
    ),
    {name: Action(name) for name in ("prepare", "install", "use", "up")},
)
