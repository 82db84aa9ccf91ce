# Wherever the Dockerfile names one of these by a digest of nothing but zeros, the registry's own is put in its place.
for image in python:3.13-slim distroless-python:3.13 busybox:musl; do
    digest=$(docker buildx imagetools inspect --format '{{print .Manifest.Digest}}' $REGISTRY/base/$image)
    sed "s/\([/=]${image%:*}[:a-z0-9.-]*\)@sha256:00*/\1@$digest/" Dockerfile > pinned
    mv pinned Dockerfile
done
