lamp=$REGISTRY/$LEARNER/lamp
for arch in arm64 amd64; do
    docker buildx build --quiet --provenance=false --platform linux/$arch --tag $lamp:1.0 .
    docker push --quiet $lamp:1.0
done
