"""The skills that questions of the interview bank train, by the slugs that their files use."""

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
