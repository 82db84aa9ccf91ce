image=$REGISTRY/$LEARNER/crier
cosign generate-key-pair
docker build --quiet --tag $image:1.0 .
docker push --quiet $image:1.0
digest=$(docker buildx imagetools inspect --format '{{print .Manifest.Digest}}' $image:1.0)
cosign sign --yes --tlog-upload=false --key cosign.key $image@$digest
trivy image --quiet --skip-db-update --offline-scan --format cyclonedx --output "$HOME/sbom.json" $image@$digest
cosign attest --yes --tlog-upload=false --key cosign.key --type cyclonedx --predicate "$HOME/sbom.json" $image@$digest
docker build --quiet --no-cache --tag $image:1.0 .
docker push --quiet $image:1.0
