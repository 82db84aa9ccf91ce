image=$REGISTRY/$LEARNER/registry
docker build --quiet --target debian --tag $image:2.8.3 .
docker push --quiet $image:2.8.3
# From here on the digest names the image: a tag could move between two commands.
pushed=$(docker buildx imagetools inspect --format '{{print .Manifest.Digest}}' $image:2.8.3)
trivy image --quiet --skip-db-update --offline-scan --format cyclonedx --output "$HOME/sbom.json" $image@$pushed
cd "$HOME"
cosign generate-key-pair
cosign attest --yes --tlog-upload=false --key cosign.key --type cyclonedx --predicate sbom.json $image@$pushed
