# The repository's own Dockerfile names the base image by tag: which digest it has is known where it was made.
for name in debian:trixie-slim distroless-static:debian13; do
    digest=$(docker buildx imagetools inspect --format '{{print .Manifest.Digest}}' $REGISTRY/base/$name)
    sed "s|^\(FROM $REGISTRY/base/$name\) |\1@$digest |" Dockerfile > pinned
    mv pinned Dockerfile
done
image=$REGISTRY/$LEARNER/registry
docker build --quiet --target debian --tag $image:2.8.3 .
docker push --quiet $image:2.8.3
# From here on the digest names the image: a tag could move between two commands.
pushed=$(docker buildx imagetools inspect --format '{{print .Manifest.Digest}}' $image:2.8.3)
trivy image --quiet --skip-db-update --offline-scan --format cyclonedx --output "$HOME/sbom.json" $image@$pushed
cd "$HOME"
cosign generate-key-pair
cosign attest --yes --tlog-upload=false --key cosign.key --type cyclonedx --predicate sbom.json $image@$pushed
