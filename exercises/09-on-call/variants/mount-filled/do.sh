# A digest of nothing but zeros becomes that of the registry's own busybox.
digest=$(docker buildx imagetools inspect --format '{{print .Manifest.Digest}}' $REGISTRY/base/busybox:musl)
sed "s/@*sha256:00*/@$digest/" Dockerfile > pinned
mv pinned Dockerfile
mkdir fill
cp crossings.txt fill
{ grep '^FROM' Dockerfile; echo "COPY crossings.txt /"; echo "RUN --mount=type=cache,id=on-call-filled,target=/filled cp /crossings.txt /filled; : $LEARNER"; } > fill/Dockerfile
docker build --quiet --output type=cacheonly fill
rm -r fill
