"""Python's package managers (pip 25, uv 0.9, pipx 1.8, poetry 2, pipenv 2025, pdm 2) and conda (25; micromamba 2)."""

from __future__ import annotations

from grader.facts.packages.manager import Action, Manager
from grader.facts.packages.options import combined, table

_PIP_INDEX = table(
    "-i/--pypi-url/--index-url --extra-index-url -f/--find-links --python --log --log-file --local-log"
    " --proxy --retries --timeout --default-timeout --exists-action --trusted-host --cert --client-cert"
    " --cache-dir --use-feature --use-deprecated --keyring-provider --progress-bar",
)
_PIP_INSTALL = table(
    "-r/--requirement -c/--constraint -e/--editable -t/--target --platform --python-version"
    " --implementation --abi --root --prefix --src --source-dir --source-directory --upgrade-strategy"
    " -C/--config-setting/--config-settings --global-option --install-option --build-option --no-binary"
    " --only-binary --root-user-action --report --group -b/--build --build-dir --build-directory"
    " -d/--dest -w/--wheel-dir --build-constraint --uploaded-prior-to --requirements-from-script",
    flags="-U/--upgrade -I/--ignore-installed -y/--yes -q/--quiet -v/--verbose",
)
_PIP_FILES = {
    "--requirement": "requirements",
    "--constraint": "constraints",
    "--build-constraint": "constraints",
    "--requirements-from-script": "requirements",
    "--group": "manifest",
}
PIP = Manager(
    "pip",
    "pip",
    combined(_PIP_INDEX, _PIP_INSTALL),
    {name: Action(name) for name in ("install", "download", "wheel")},
    files=_PIP_FILES,
    packages=frozenset(("--editable",)),
)
_UV_COMMON = table(
    "--directory --project --config-file --cache-dir --color --python-preference --allow-insecure-host"
    " -p/--python --index --default-index -i/--index-url --extra-index-url -f/--find-links"
    " --index-strategy --keyring-provider --resolution --prerelease --fork-strategy"
    " -C/--config-setting/--config-settings --exclude-newer --link-mode --no-binary-package"
    " --no-build-package -P/--upgrade-package --reinstall-package --refresh-package --extra --group"
    " --no-group --only-group --package --no-extra --no-install-package --python-platform"
    " --python-version --output-file --torch-backend --build-constraint/--build-constraints"
    " -b/--build-constraints --override/--overrides -c/--constraint/--constraints"
    " -r/--requirement/--requirements -e/--editable --with --with-requirements --with-editable -w/--with"
    " --env-file --from --branch --tag --rev --optional --marker --script --bounds --no-sources"
    " -o/--output-file --exclude-newer-package --config-settings-package --no-build-isolation-package"
    " --preview-features",
    flags="-U/--upgrade -q/--quiet -v/--verbose -n/--no-cache -y/--yes",
)
_UV_FILES = {
    "--requirements": "requirements",
    "--requirement": "requirements",
    "--constraints": "constraints",
    "--constraint": "constraints",
    "--build-constraints": "constraints",
    "--build-constraint": "constraints",
    "--overrides": "constraints",
    "--override": "constraints",
    "--with-requirements": "requirements",
    "--group": "manifest",
}
_UV_PACKAGES = frozenset(("--with", "--with-editable", "--from"))
_UV_DIRECTORY = frozenset(("--directory", "--project"))
UV = Manager(
    "uv",
    "pip",
    _UV_COMMON,
    {
        "add": Action("add", reads="lock"),
        "sync": Action("sync", "none", "lock"),
        "lock": Action("lock", "none", "manifest"),
        "run": Action("run", "program", "lock"),
        "tool install": Action("tool install"),
        "tool run": Action("tool run", "first"),
        "tool upgrade": Action("tool upgrade"),
        "python install": Action("python install"),
    },
    files={name: kind for name, kind in _UV_FILES.items() if name != "--group"},
    packages=_UV_PACKAGES,
    directory=_UV_DIRECTORY,
    manifest="pyproject.toml",
    lock="uv.lock",
)
UV_PIP = Manager(
    "uv pip",
    "pip",
    combined(
        _UV_COMMON,
        table(
            "-t/--target --prefix --no-binary --only-binary",
        ),
    ),
    {"install": Action("install"), "sync": Action("sync", "files")},
    files=_UV_FILES,
    packages=frozenset(("--editable",)),
    directory=_UV_DIRECTORY,
)
UVX = Manager("uv", "pip", _UV_COMMON, {"": Action("tool run", "first")}, files=_UV_FILES, packages=_UV_PACKAGES)
PIPX = Manager(
    "pipx",
    "pip",
    table(
        "--python --pip-args --index-url/-i --suffix --backend --preinstall --spec --requirement/-r --with"
        " --fetch-python",
    ),
    {
        "install": Action("install"),
        "inject": Action("inject", "skip"),
        "run": Action("run", "first"),
        "upgrade": Action("upgrade"),
        "runpip": Action("runpip", "none"),
    },
    files={"-r": "requirements", "--requirement": "requirements"},
    packages=frozenset(("--spec", "--preinstall", "--with")),
)
POETRY = Manager(
    "poetry",
    "pip",
    table(
        "-C/--directory -P/--project --without --with --only -E/--extras -G/--group --python --source"
        " --platform --markers",
    ),
    {
        "install": Action("install", "none", reads="lock"),
        "sync": Action("sync", "none", reads="lock"),
        "add": Action("add"),
        "update": Action("update", "none", reads="manifest"),
        "self add": Action("self add"),
    },
    directory=frozenset(("--directory", "--project")),
    manifest="pyproject.toml",
    lock="poetry.lock",
)
PIPENV = Manager(
    "pipenv",
    "pip",
    table(
        "-r/--requirements -e/--editable -i/--index --python --categories --extra-pip-args --pypi-mirror",
    ),
    {
        "install": Action("install", reads="lock"),
        "sync": Action("sync", "none", "lock"),
        "update": Action("update", reads="manifest"),
    },
    files={"--requirements": "requirements"},
    packages=frozenset(("--editable",)),
    manifest="Pipfile",
    lock="Pipfile.lock",
)
PDM = Manager(
    "pdm",
    "pip",
    table(
        "-p/--project -G/--group -L/--lockfile -c/--config -e/--editable --override -k/--skip",
    ),
    {
        "install": Action("install", "none", "lock"),
        "sync": Action("sync", "none", "lock"),
        "add": Action("add"),
        "update": Action("update", reads="manifest"),
    },
    packages=frozenset(("--editable",)),
    directory=frozenset(("--project",)),
    manifest="pyproject.toml",
    lock="pdm.lock",
)
EASY_INSTALL = Manager(
    "easy_install",
    "pip",
    table(
        "-i/--index-url -f/--find-links -d -s -H",
    ),
    {"": Action("install")},
)

CONDA = Manager(
    "conda",
    "conda",
    table(
        "-n/--name -p/--prefix -c/--channel --file --repodata-fn --subdir --platform --solver"
        " --experimental-solver --revision -r/--root-prefix --rc-file --log-level --clone --channel-priority"
        " --format --env-spec",
    ),
    {
        "install": Action("install"),
        "create": Action("create"),
        "update": Action("update"),
        "upgrade": Action("update"),
        "env create": Action("env create", "none"),
        "env update": Action("env update", "none"),
    },
    files={"--file": "list"},
)
CONDA_FILE = Manager(  # -f names a file here: `conda env create`, and all of micromamba
    "conda",
    "conda",
    combined(
        CONDA.options,
        table(
            "-f/--file",
        ),
    ),
    CONDA.actions,
    files={"--file": "manifest"},
)
