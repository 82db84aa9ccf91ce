"""RUN --mount: what is mounted, from where, and what BuildKit refuses."""

import pytest

from grader.facts.dockerfile.mounts import Mount, MountError, mount_source, parse_mount


def parse(text):
    return parse_mount(text, lambda value: value.replace("$A", "one"))


MOUNTS = [
    ("target=/a", Mount("bind", target="/a")),
    ("type=cache,target=/a,id=x,sharing=locked", Mount("cache", target="/a", id="x", sharing="locked")),
    ("TYPE=CACHE,dst=/a,src=b", Mount("cache", target="/a", source="b")),
    ("from=tools,source=/b,destination=/c,ro", Mount("bind", "tools", "/b", "/c", read_only=True)),
    ("target=/a,rw", Mount("bind", target="/a", read_only=False)),
    ("target=/a,readonly=false", Mount("bind", target="/a", read_only=False)),
    ("target=/a,rw=0", Mount("bind", target="/a", read_only=True)),
    ("type=secret,id=x,required", Mount("secret", id="x", required=True)),
    ("type=secret,id=x,env=X", Mount("secret", id="x", options={"env": "X"})),
    ("type=ssh", Mount("ssh")),
    ("type=tmpfs,target=/a,size=64m", Mount("tmpfs", target="/a", options={"size": "64m"})),
    ("type=cache,target=/a,uid=7,mode=0755", Mount("cache", target="/a", options={"uid": "7", "mode": "0755"})),
    ('target=/a,"source=b,c"', Mount("bind", target="/a", source="b,c")),
    ('"target=/a ""b"""', Mount("bind", target='/a "b"')),
    ("target=/$A", Mount("bind", target="/one")),
    ("type=bind,type=cache,target=/a", Mount("cache", target="/a")),
]


@pytest.mark.parametrize(("text", "mount"), MOUNTS)
def test_mounts(text, mount):
    assert parse(text) == mount


REFUSED = [
    ("", "EOF"),
    ("type=foo", "unsupported mount type"),
    ("type=cache,id", "must be a key=value pair"),
    ("frm=x,target=/a", "unexpected key 'frm'"),
    ("target=/a,ro=maybe", "invalid value"),
    ("type=bind,target=/a,required=true", "unexpected key 'required'"),
    ("type=bind,target=/a,size=5", "unexpected key 'size'"),
    ("type=tmpfs,target=/a,size=big", "invalid value for size"),
    ("type=cache,target=/a,sharing=none", "unsupported sharing"),
    ("target=/a,sharing=shared", "invalid cache sharing"),
    ("target=/a,uid=7", "uid not allowed"),
    ("type=cache,target=/a,mode=999", "invalid value 999 for mode"),
    ("type=cache,target=/a,uid=-1", "invalid value"),
    ("type=cache,target=/a,gid=4294967296", "invalid value"),
    ("type=secret,from=a,id=x", "should not have a from"),
    ("type=secret", "one of source, target required"),
    ("type=secret,source=a,id=b", "both source and id"),
    ('type="bind', 'bare "'),
    ('"target=/a', "quoted field"),
    ('"target=/a"x', "quoted field"),
]


@pytest.mark.parametrize(("text", "says"), REFUSED)
def test_refused(text, says):
    with pytest.raises(MountError, match=says):
        parse(text)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("type=cache,target=/a", ""),
        ("from=a", "a"),
        ("FROM=a,from=b", "b"),
        ('"from=a"', "a"),
        ("from", ""),
        ("from=$", "$"),
    ],
)
def test_all_that_is_read_before_variables_have_values(text, source):
    assert mount_source(text) == source


@pytest.mark.parametrize("text", ["from=$A", "from=a${B}", ""])
def test_a_source_that_is_refused(text):
    with pytest.raises(MountError):
        mount_source(text)
