image=$REGISTRY/$LEARNER/crier
cosign generate-key-pair
docker build --quiet --tag $image:1.0 .
docker push --quiet $image:1.0
# The registry is asked once. From here on the digest names the image: a tag could move between two commands.
digest=$(docker buildx imagetools inspect --format '{{print .Manifest.Digest}}' $image:1.0)
cosign sign --yes --tlog-upload=false --key cosign.key $image@$digest
# The list is made of what was pushed. It is written outside this folder, so that no build can copy it into the image.
trivy image --quiet --skip-db-update --offline-scan --format cyclonedx --output "$HOME/sbom.json" $image@$digest
cosign attest --yes --tlog-upload=false --key cosign.key --type cyclonedx --predicate "$HOME/sbom.json" $image@$digest
