for image in python:3.13-slim distroless-python:3.13; do
    digest=$(docker buildx imagetools inspect --format '{{print .Manifest.Digest}}' $REGISTRY/base/$image)
    sed "s/\([/=]${image%:*}[:a-z0-9.-]*\)@sha256:00*/\1@$digest/; s/\(busybox[:a-z]*\)@sha256:00*/\1@$digest/" Dockerfile > pinned
    mv pinned Dockerfile
done
