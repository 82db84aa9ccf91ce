image=$REGISTRY/$LEARNER/crier
cosign generate-key-pair
docker build --quiet --tag $image:1.0 .
docker push --quiet $image:1.0
digest=$(docker buildx imagetools inspect --format '{{print .Manifest.Digest}}' $image:1.0)
docker buildx imagetools create --tag $image:base $REGISTRY/base/distroless-python:3.13
cosign sign --yes --tlog-upload=false --upload=false --key cosign.key \
    --output-payload "$HOME/payload" --output-signature "$HOME/signature" $image:base
cosign attach signature --payload "$HOME/payload" --signature "$HOME/signature" $image@$digest
trivy image --quiet --skip-db-update --offline-scan --format cyclonedx --output "$HOME/sbom.json" $image@$digest
cosign attest --yes --tlog-upload=false --key cosign.key --type cyclonedx --predicate "$HOME/sbom.json" $image@$digest
