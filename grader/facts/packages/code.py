"""The package managers of Ruby, Go and Rust (gem 3.6, bundler 2.6, go 1.25, cargo 1.90)."""

from __future__ import annotations

from grader.facts.packages.manager import Action, Manager, actions
from grader.facts.packages.options import OptionTable, table

GEM = Manager(
    "gem",
    "gem",
    table(
        "-v/--version -s/--source -i/--install-dir -n/--bindir --platform -P/--trust-policy -p/--http-proxy"
        " --without --build-root -B/--bulk-threshold --config-file --target-rbconfig -g/--file",
    ),
    {
        **actions(("install i", Action("install")), ("update", Action("update"))),
        "fetch": Action("download"),
        "exec": Action("exec", "first"),
    },
    files={"--file": "manifest"},
)
BUNDLE = Manager(
    "bundle",
    "gem",
    table(
        "--gemfile --path -j/--jobs --retry --without --with --system -v/--version -g/--group -s/--source"
        " --shebang --target-rbconfig -P/--trust-policy --git --github --branch --ref --glob --require",
    ),
    {
        "": Action("install", "none", reads="lock"),
        "install": Action("install", "none", reads="lock"),
        "add": Action("add"),
        "update": Action("update", reads="manifest"),
        "lock": Action("lock", "none", reads="manifest"),
    },
    files={"--gemfile": "manifest"},
    manifest="Gemfile",
    lock="Gemfile.lock",
)
_GO_OPTIONS = table(
    "-C -o -p -mod -modfile -overlay -pgo -tags -ldflags -gcflags -asmflags -gccgoflags -buildmode"
    " -compiler -toolexec -installsuffix -pkgdir -exec -covermode -coverpkg -buildvcs -asan -count -run"
    " -timeout -json",
    single_dash=True,
)
GO = Manager(
    "go",
    "go",
    OptionTable(_GO_OPTIONS.valued - {"-json", "-asan"}, {}, single_dash=True),
    {
        "install": Action("install", reads="lock"),
        "get": Action("get", reads="lock"),
        "run": Action("run", "first", reads="lock"),
        "mod download": Action("mod download", reads="lock"),
        "mod tidy": Action("mod tidy", "none", reads="manifest"),
        **{name: Action(name, "none", reads="lock") for name in ("build", "test", "vet", "generate")},
    },
    directory=frozenset(("-C",)),
    manifest="go.mod",
    lock="go.sum",
)
CARGO = Manager(
    "cargo",
    "cargo",
    table(
        "--version --vers --git --rev --tag --branch --path --root -F/--features --bin --example --profile"
        " --target --target-dir --index --registry --config --color -j/--jobs -Z --manifest-path"
        " -p/--package --message-format --recipe-path -C --rename --lockfile-path --exclude --test --bench",
    ),
    {
        **actions(
            ("install binstall", Action("install", reads="lock")),
            ("build b run r test t check c fetch bench rustc", Action("build", "none", reads="lock")),
        ),
        "chef cook": Action("build", "none", reads="lock"),
        "add": Action("add"),
        "update": Action("update", "none", reads="manifest"),
    },
    packages=frozenset(("--git",)),
    directory=frozenset(("-C",)),
    manifest="Cargo.toml",
    lock="Cargo.lock",
)
