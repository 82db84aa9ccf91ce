"""Package installs and downloads: what is taken from outside, with which options, files and checks."""

import pytest

from grader.facts.dockerfile import downloads, installs, parse, resolve

HEAD = 'FROM debian\nARG V=2.0\nENV PKGS="a b"\nWORKDIR /app\n'


def build(text, head=HEAD):
    return resolve(parse(f"{head}{text}\n"))


def shown(install):
    """manager action: packages; ! marks what is not known, ~ what is local; then files in < >."""
    packages = [("!" * (not p.known) + "~" * p.local) + (p.text or p.raw) for p in install.packages]
    files = [f"<{file.kind} {'' if file.implied else '='}{file.path}>" for file in install.files]
    return f"{install.manager} {install.action}: {' '.join([*packages, *files])}".strip()


PROJECT = "<manifest pyproject.toml> <lock uv.lock>"
NODE = "<manifest package.json> <lock package-lock.json>"
PYTHON = [
    ("pip install flask", "pip install: flask"),
    ("pip install flask==3.0 'requests>=2' \"x[y]==1\"", "pip install: flask==3.0 requests>=2 x[y]==1"),
    ("pip3 install a", "pip install: a"),
    ("pip3.13 install a", "pip install: a"),
    ("/opt/venv/bin/pip install a", "pip install: a"),
    ("./venv/bin/python -m pip install a", "pip install: a"),
    ("python3.13 -Im pip install a", "pip install: a"),
    ("python -u -W ignore -m pip install a", "pip install: a"),
    ("python -mpip install a", "pip install: a"),
    ("python -c 'import pip' install a", None),
    ("python app.py install a", None),
    ("python -m venv /x", None),
    ("pip install a==$V", "pip install: a==2.0"),
    ("pip install $PKGS", "pip install: a b"),
    ("pip install a==$NOPE", "pip install: !a=="),
    ("pip install a==${NOPE:-1.0}", "pip install: a==1.0"),
    ("pip install --index-url https://x a", "pip install: a"),
    ("pip install -i https://x a", "pip install: a"),
    ("pip install --index-url=https://x a", "pip install: a"),
    ("pip install -t /x a --target /y", "pip install: a"),
    ("pip install --no-cache-dir -qU --user a", "pip install: a"),
    ("pip --no-cache-dir --cache-dir /x install a", "pip install: a"),
    ("pip install -r req.txt -c con.txt", "pip install: <requirements =req.txt> <constraints =con.txt>"),
    ("pip install -rreq.txt --constraint=con.txt", "pip install: <requirements =req.txt> <constraints =con.txt>"),
    ("pip install --requirement req.txt --require-hashes", "pip install: <requirements =req.txt>"),
    ("pip install -e . --editable=./x", "pip install: ~. ~./x"),
    ("pip install .", "pip install: ~."),
    ("pip install ./a.whl /b.tar.gz c.whl file:///d", "pip install: ~./a.whl ~/b.tar.gz ~c.whl ~file:///d"),
    ("pip install git+https://x/y@main", "pip install: git+https://x/y@main"),
    ("pip install https://x/a.whl", "pip install: https://x/a.whl"),
    ("pip install --group dev a", "pip install: a <manifest =dev>"),
    ("pip install --config-settings a=b --global-option x --python-version 3.13 c", "pip install: c"),
    ("pip install -- a", "pip install: a"),
    ("pip download a", "pip download: a"),
    ("pip wheel -w /x a", "pip wheel: a"),
    ("pip list", None),
    ("pip --version", None),
    ("pip install --help", None),
    ("pip uninstall -y a", None),
    ("echo pip install a", None),
    ("# pip install a", None),
    ("pip install $(cat req.txt)", "pip install: <list =req.txt>"),
    ("cat req.txt | xargs pip install", "pip install: <list =req.txt>"),
    ("echo a b | xargs pip install", "pip install: a b"),
    ("xargs pip install < req.txt", "pip install: <list =req.txt>"),
    ("sh -c 'pip install a'", "pip install: a"),
    ("sudo -H pip install a", "pip install: a"),
    ("$(which pip) install a", "pip install: a"),
    ("$CONDA_DIR/bin/pip install a", "pip install: a"),
    ("python$PY -m pip install a", "pip install: a"),
    ("yes | pip install a", "pip install: a"),
    ("P=pip && $P install a", "pip install: a"),
    ("conda run -n e pip install a", "pip install: a"),
    ("for p in a b; do pip install $p; done", "pip install: a b"),
    ("easy_install a", "easy_install install: a"),
    ("pipx install black==24 && true", "pipx install: black==24"),
    ("pipx inject env a b", "pipx inject: a b"),
    ("pipx run --spec black==24 black --check", "pipx run: black==24"),
    ("pipx run cowsay hi", "pipx run: cowsay"),
    ("uv pip install --system a", "uv pip install: a"),
    ("uv pip install -r req.txt", "uv pip install: <requirements =req.txt>"),
    ("uv pip sync req.txt", "uv pip sync: <requirements =req.txt>"),
    ("uv --directory /x pip install a", "uv pip install: a"),
    ("uv sync --frozen --no-dev", f"uv sync: {PROJECT}"),
    ("uv sync --extra dev", f"uv sync: {PROJECT}"),
    ("uv add a --dev", "uv add: a"),
    ("uv tool install ruff==0.6", "uv tool install: ruff==0.6"),
    ("uvx ruff@0.6 check .", "uv tool run: ruff@0.6"),
    ("uvx --from black==24 black .", "uv tool run: black==24"),
    ("uv run --with a python app.py -r x", "uv run: a"),
    ("uv python install 3.13", "uv python install: 3.13"),
    ("uv venv", None),
    ("poetry install --no-root", "poetry install: <manifest pyproject.toml> <lock poetry.lock>"),
    ("poetry add a", "poetry add: a"),
    ("pipenv install --deploy --system", "pipenv install: <manifest Pipfile> <lock Pipfile.lock>"),
    ("pipenv install a", "pipenv install: a"),
    ("pdm sync", "pdm sync: <manifest pyproject.toml> <lock pdm.lock>"),
    ("conda install -y -c conda-forge -n base numpy=1.26", "conda install: numpy=1.26"),
    ("conda create -n e python=3.13", "conda create: python=3.13"),
    ("conda env create -f env.yml", "conda env create: <manifest =env.yml>"),
    ("conda install --file f.txt", "conda install: <list =f.txt>"),
    ("mamba install a", "conda install: a"),
    ("micromamba install -y -n base -f env.yml", "conda install: <manifest =env.yml>"),
    ("micromamba -r /x create -f env.yml", "conda create: <manifest =env.yml>"),
]
OTHERS = [
    ("npm ci", f"npm ci: {NODE}"),
    ("npm ci --omit=dev", f"npm ci: {NODE}"),
    ("npm clean-install", f"npm ci: {NODE}"),
    ("npm install", f"npm install: {NODE}"),
    ("npm i -g a@1.2.3 b", "npm install: a@1.2.3 b"),
    ("npm i @s/a@^1 b@latest", "npm install: @s/a@^1 b@latest"),
    ("npm add a", "npm install: a"),
    ("npm --prefix dir i a", "npm install: a"),
    ("npm install --registry https://x a", "npm install: a"),
    ("npm install ./dir x.tgz", f"npm install: ~./dir ~x.tgz {NODE}"),
    ("npm run build", None),
    ("npm --version", None),
    ("npx -y cowsay@1 hi -p x", "npx exec: cowsay@1"),
    ("npx -p @a/b@1 c d", "npx exec: @a/b@1"),
    ("npm exec --package=a -- b", "npm exec: a"),
    ("npx", None),
    ("yarn", "yarn install: <manifest package.json> <lock yarn.lock>"),
    ("yarn --frozen-lockfile", "yarn install: <manifest package.json> <lock yarn.lock>"),
    ("yarn install --immutable", "yarn install: <manifest package.json> <lock yarn.lock>"),
    ("yarn add a@1 --dev", "yarn add: a@1"),
    ("yarn global add a", "yarn global add: a"),
    ("yarn workspace x add a", "yarn add: a"),
    ("yarn dlx a b", "yarn exec: a"),
    ("yarn build", None),
    ("yarn --version", None),
    ("pnpm i --frozen-lockfile", "pnpm install: <manifest package.json> <lock pnpm-lock.yaml>"),
    ("pnpm -C sub add a", "pnpm add: a"),
    ("pnpm dlx a b", "pnpm exec: a"),
    ("pnpm fetch", "pnpm fetch: <manifest package.json> <lock pnpm-lock.yaml>"),
    ("bun install", "bun install: <manifest package.json> <lock bun.lock>"),
    ("bun add a", "bun add: a"),
    ("bunx a b", "bun exec: a"),
    ("corepack prepare yarn@4 --activate", "corepack prepare: yarn@4"),
    ("apt-get install -y --no-install-recommends curl=8.1 git", "apt install: curl=8.1 git"),
    ("apt-get -o X=1 install -y foo", "apt install: foo"),
    ("apt-get -yqq -t stable install foo/stable", "apt install: foo/stable"),
    ("apt install ./x.deb y", "apt install: ~./x.deb y"),
    ("DEBIAN_FRONTEND=noninteractive apt-get install -y $PKGS $NOPE", "apt install: a b !$NOPE"),
    ("apt-get upgrade -y", "apt upgrade:"),
    ("apt-get update", None),
    ("apt-get clean", None),
    ("aptitude install -y a", "apt install: a"),
    ("xargs -a pkgs.txt apt-get install -y", "apt install: <list =pkgs.txt>"),
    ("apk add --no-cache a=1.2-r0 'b~=2'", "apk install: a=1.2-r0 b~=2"),
    ("apk --no-cache add -t .deps gcc", "apk install: gcc"),
    ("apk add --virtual=.deps -X https://x a", "apk install: a"),
    ("apk add ./x.apk", "apk install: ~./x.apk"),
    ("apk del a", None),
    ("dnf -y install a-1.2 b", "dnf install: a-1.2 b"),
    ("yum install -y --enablerepo x a", "dnf install: a"),
    ("microdnf install --nodocs a", "dnf install: a"),
    ("dnf groupinstall 'Dev Tools'", "dnf group install: Dev Tools"),
    ("dnf module install nodejs:20", "dnf module install: nodejs:20"),
    ("gem install rails -v 7.1 --no-document", "gem install: rails"),
    ("gem install rails:7.1", "gem install: rails:7.1"),
    ("bundle install --jobs 4", "bundle install: <manifest Gemfile> <lock Gemfile.lock>"),
    ("bundle", "bundle install: <manifest Gemfile> <lock Gemfile.lock>"),
    ("bundle exec rake", None),
    ("bundle config set x y", None),
    ("go install a.b/c@v1.2.3", "go install: a.b/c@v1.2.3"),
    ("go install ./cmd/...", "go install: ~./cmd/... <manifest go.mod> <lock go.sum>"),
    ("go get -u a.b/c", "go get: a.b/c"),
    ("go run a.b/c@latest x y", "go run: a.b/c@latest"),
    ("go mod download", "go mod download: <manifest go.mod> <lock go.sum>"),
    ("go build -ldflags '-s -w' -o /x ./cmd", "go build: <manifest go.mod> <lock go.sum>"),
    ("go version", None),
    ("cargo install --locked ripgrep --version 14.1", "cargo install: ripgrep"),
    ("cargo install ripgrep@14.1", "cargo install: ripgrep@14.1"),
    ("cargo install --git https://x/y --rev abc", "cargo install: https://x/y"),
    ("cargo +nightly install a", "cargo install: a"),
    ("cargo install --path .", "cargo install: <manifest Cargo.toml> <lock Cargo.lock>"),
    ("cargo build --release --locked", "cargo build: <manifest Cargo.toml> <lock Cargo.lock>"),
    ("cargo fmt", None),
]


@pytest.mark.parametrize(("script", "expected"), PYTHON + OTHERS, ids=[script for script, _ in PYTHON + OTHERS])
def test_installs(script, expected):
    assert [shown(install) for install in installs(build(f"RUN {script}"))] == ([expected] if expected else [])


ECOSYSTEMS = [
    *(("uv sync", "pip"), ("poetry install", "pip"), ("conda install a", "conda"), ("npx a", "npm"), ("yarn", "npm")),
    *(("apt install a", "apt"), ("apk add a", "apk"), ("yum install a", "dnf"), ("bundle", "gem"), ("go get a", "go")),
]


@pytest.mark.parametrize(("script", "ecosystem"), ECOSYSTEMS)
def test_ecosystems(script, ecosystem):
    assert [install.ecosystem for install in installs(build(f"RUN {script}"))] == [ecosystem]


def test_options():
    (install,) = installs(build("RUN pip install -qU --require-hashes --no-cache-dir=false -r a -r b --index-url=c d"))
    assert install.has("--require-hashes")
    assert install.has("--upgrade", "--nope")
    assert not install.has("--no-cache-dir")
    assert install.option("--index-url") == "c"
    assert install.options["--requirement"] == ("a", "b")
    assert install.option("--nope") == ""


def test_where_and_when():
    first = "RUN true \\\n && cd sub \\\n && pip install a \\\n && npm --prefix x ci\n"
    found = installs(build(f"{first}USER bob\nRUN <<E\n\ngem install b\nE"))
    assert [(i.manager, i.line, i.workdir, i.workdir_known, i.stage) for i in found] == [
        ("pip", 7, "/app/sub", True, "0"),
        ("npm", 8, "/app/sub/x", True, "0"),
        ("gem", 12, "/app", True, "0"),
    ]
    assert found[2].step.before.user == "bob"
    (install,) = installs(build("RUN pip install a", head="FROM debian\n"))
    assert (install.workdir, install.workdir_known) == ("/", False)


def test_of_a_step_a_stage_a_build():
    made = build(
        "RUN pip install a\nFROM debian\nRUN pip install b\nFROM debian AS c\nCOPY --from=0 / /\nRUN pip install d"
    )
    assert [shown(i) for i in installs(made)] == ["pip install: a", "pip install: d"]
    assert [shown(i) for i in installs(made.stages[1])] == ["pip install: b"]
    assert [shown(i) for i in installs(made.target.steps[-1])] == ["pip install: d"]
    assert installs(made)[1].stage == "c"


SUM = "0123456789abcdef" * 4
COMMIT = "0123456789" * 4
DOWNLOADS = [
    # script, then of the first download: url, output, piped to, verified
    ("curl -fsSL https://x/a.tgz -o /tmp/a.tgz", "https://x/a.tgz", "/tmp/a.tgz", "", False),
    ("curl -fsSLO https://x/a.tgz", "https://x/a.tgz", "a.tgz", "", False),
    ("curl -H 'A: https://no' --retry 3 https://x/a > f", "https://x/a", "f", "", False),
    ("curl --output-dir /t -o f https://x/$V", "https://x/2.0", "/t/f", "", False),
    ("wget https://x/a.tgz", "https://x/a.tgz", "a.tgz", "", False),
    ("wget -P /t -q https://x/a.tgz", "https://x/a.tgz", "/t/a.tgz", "", False),
    ("wget -qO /f https://x/a", "https://x/a", "/f", "", False),
    ("wget -O- https://x/a | tar xz", "https://x/a", "", "tar", False),
    ("curl https://x/a | sh", "https://x/a", "", "sh", False),
    ("curl https://x/a | sudo -E bash -s -- -y", "https://x/a", "", "bash", False),
    ("curl https://x/a | tee f | sh", "https://x/a", "f", "tee", False),
    ('sh -c "$(curl -fsSL https://x/a)"', "https://x/a", "", "sh", False),
    ("bash <(curl -s https://x/a)", "https://x/a", "", "bash", False),
    ('eval "$(wget -qO- https://x/a)"', "https://x/a", "", "eval", False),
    ("curl https://x/a | python3 -", "https://x/a", "", "python3", False),
    (f"curl -o f https://x/a && echo '{SUM}  f' | sha256sum -c - && tar xf f", "https://x/a", "f", "", True),
    (f"curl -o /t/f https://x/a && echo '{SUM} */t/f' | sha256sum --check --status", "https://x/a", "/t/f", "", True),
    (f"curl -o f https://x/a; echo '{SUM}  f' | sha256sum -c -; tar xf f", "https://x/a", "f", "", False),
    (f"set -e; curl -o f https://x/a; echo '{SUM}  f' | sha256sum -c -; tar xf f", "https://x/a", "f", "", True),
    (f"curl -o f https://x/a && echo '{SUM}  f' | sha256sum -c - || true", "https://x/a", "f", "", False),
    (f"curl -o f https://x/a && echo '{SUM}  f' | sha256sum -c - || exit 1", "https://x/a", "f", "", True),
    (f"curl -o f https://x/a && (echo '{SUM}  f' | sha256sum -c) && x", "https://x/a", "f", "", True),
    (f"curl -o f https://x/a && echo '{SUM}  /etc/passwd' | sha256sum -c -", "https://x/a", "f", "", False),
    (f"echo '{SUM}  f' | sha256sum -c - ; curl -o f https://x/a", "https://x/a", "f", "", False),
    (f"curl -o f https://x/a && echo '{SUM}  f' | sha256sum -c - | tee log", "https://x/a", "f", "", False),
    ("curl -o f https://x/a && sha256sum f", "https://x/a", "f", "", False),
    ("curl -o f https://x/a && sha256sum -c SHA256SUMS", "https://x/a", "f", "", True),
    ("curl -o f https://x/a && grep ' f$' SUMS | sha512sum -c -", "https://x/a", "f", "", True),
    ("curl -o f https://x/a && shasum -a 256 -c f.sha256", "https://x/a", "f", "", True),
    ("curl -o f https://x/a && md5sum -c f.md5", "https://x/a", "f", "", False),
    (f'curl -o f https://x/a && [ "$(sha256sum f | cut -c-64)" = {SUM} ]', "https://x/a", "f", "", True),
    (
        "wget https://x/a.tar https://x/a.tar.asc && gpg --batch --verify a.tar.asc a.tar",
        "https://x/a.tar",
        "a.tar",
        "",
        True,
    ),
    ("curl -o f https://x/a && gpg --import f", "https://x/a", "f", "", False),
    ("curl -o f https://x/a && cosign verify-blob --key k f", "https://x/a", "f", "", True),
    ("aria2c -d /t -o f https://x/a", "https://x/a", "/t/f", "", False),
    (f"aria2c --checksum=sha-256={SUM} https://x/a", "https://x/a", "a", "", True),
    ("git clone https://x/a.git", "https://x/a.git", "a", "", False),
    (f"git clone https://x/a.git /d && cd /d && git checkout {COMMIT}", "https://x/a.git", "/d", "", True),
]


@pytest.mark.parametrize(
    ("script", "url", "output", "piped_to", "verified"), DOWNLOADS, ids=[row[0] for row in DOWNLOADS]
)
def test_downloads(script, url, output, piped_to, verified):
    first = downloads(build(f"RUN {script}"))[0]
    assert (first.url, first.output, first.piped_to, first.verified) == (url, output, piped_to, verified)


RUN_UNSEEN = [
    ("curl https://x | sh", True),
    ("curl https://x | python3.13 -", True),
    ("bash <(curl https://x)", True),
    ("curl https://x | tar x", False),
    ("curl -o f https://x && sh f", False),
]


@pytest.mark.parametrize(("script", "expected"), RUN_UNSEEN)
def test_what_is_executed_as_it_arrives(script, expected):
    assert [download.runs_unseen for download in downloads(build(f"RUN {script}"))] == [expected]


CLONES = [
    ("git clone -b v1 https://x/a", "v1", False),
    ("git clone --depth=1 --branch v1 https://x/a d", "v1", False),
    (f"git clone https://x/a && git -C a checkout -q {COMMIT}", COMMIT, True),
    (f"git clone https://x/a && cd a && git reset --hard {COMMIT}", COMMIT, True),
    (f"git clone --revision={COMMIT} https://x/a", COMMIT, True),
    ("git clone https://x/a && cd a && git checkout main", "main", False),
    ("git clone https://x/a && git clone https://x/b && git checkout v2", "", False),
    ("git -c a=b clone https://x/a", "", False),
]


@pytest.mark.parametrize(("script", "ref", "commit"), CLONES)
def test_clones(script, ref, commit):
    first = downloads(build(f"RUN {script}"))[0]
    assert (first.tool, first.ref, first.commit, first.verified) == ("git", ref, commit, commit)


def test_a_url_that_is_not_known():
    first, second = downloads(build("RUN curl -O https://x/$NOPE && curl $URL | sh"))
    assert (first.url, first.known, second.url, second.known, second.runs_unseen) == (
        "https://x/",
        False,
        "",
        False,
        True,
    )


def test_nothing_is_fetched():
    assert not downloads(build("RUN curl --version && wget --help && git fetch && echo curl https://x"))
