"""The skills that questions of the interview bank train, by the slugs of their files, and what else shows them."""

from __future__ import annotations

SKILLS = {
    "layers": "what layers hold, and how a container sees and changes them",
    "content-addressing": "digests: manifests, configs and blobs named by their content",
    "dockerfile": "instructions and their forms, and what each leaves in the image",
    "build-cache": "what a step's key is, and the order of steps",
    "build-context": "what reaches the builder, and `.dockerignore`",
    "buildkit": "mounts, parallel stages and outputs of BuildKit",
    "multi-stage": "stages: what builds and what ships",
    "base-images": "choosing a base: C library, packages, shell",
    "image-size": "finding and removing bytes that nobody needs",
    "secrets": "secrets in builds and in containers",
    "least-privilege": "users, capabilities and user namespaces",
    "processes": "PID 1, signals, entry points and health checks",
    "debugging": "from a symptom to its cause, with evidence",
    "registries": "push, pull, logins, mirrors and clean-up",
    "tags-and-digests": "names that move, names that do not, and what to deploy",
    "platforms": "one name for several kinds of machine",
    "scanning": "what scanners read, gates and triage",
    "supply-chain": "signatures, SBOM and provenance: what each one shows",
    "reproducibility": "the same bytes from the same sources",
    "ci": "builds, caches and gates in pipelines",
}

LESSON_SKILLS = {
    "00-start-here": ("dockerfile",),
    "01-layers": ("layers", "content-addressing"),
    "02-caching": ("build-cache", "build-context"),
    "03-small-images": ("image-size", "base-images"),
    "04-multi-stage": ("multi-stage", "buildkit"),
    "05-runtime": ("processes", "least-privilege"),
    "06-registries": ("registries", "tags-and-digests"),
    "07-scanning": ("scanning",),
    "08-signing": ("supply-chain",),
    "09-when-it-breaks": ("debugging",),
    "10-capstone": ("ci",),
    "11-interview": (),
}
"""What an answer to a question of a lesson says of the learner, by the lesson."""

EXERCISE_SKILLS = {
    "00-hello-image": ("dockerfile",),
    "01-layer-detective": ("layers", "content-addressing"),
    "01b-lost-and-found": ("layers", "secrets"),
    "02-cache-order": ("build-cache",),
    "02b-cache-mount": ("buildkit", "build-cache"),
    "02c-ignore-the-noise": ("build-context",),
    "03-slim-down": ("image-size",),
    "03b-same-layer": ("layers", "image-size"),
    "03c-right-base": ("base-images",),
    "04-go-static": ("multi-stage",),
    "04b-node-two-stage": ("multi-stage",),
    "04c-python-wheels": ("multi-stage", "base-images"),
    "04d-build-secret": ("secrets", "buildkit"),
    "05-drop-root": ("least-privilege",),
    "05b-stop-cleanly": ("processes",),
    "05c-healthy": ("processes",),
    "06-push-by-digest": ("registries", "tags-and-digests"),
    "06b-pin-everything": ("tags-and-digests", "reproducibility"),
    "06c-two-platforms": ("platforms",),
    "07-clean-scan": ("scanning",),
    "07b-triage": ("scanning",),
    "08-sign-and-verify": ("supply-chain",),
    "08b-gate": ("supply-chain", "ci"),
    "09-on-call": ("debugging",),
    "10-capstone": ("ci", "supply-chain"),
    "99-dogfood": ("multi-stage", "supply-chain"),
}
"""What a grade of an exercise says of the learner, by the exercise."""
