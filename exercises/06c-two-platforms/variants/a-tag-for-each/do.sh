lamp=$REGISTRY/$LEARNER/lamp
for arch in amd64 arm64; do
    docker buildx build --quiet --provenance=false --platform linux/$arch --tag $lamp:1.0-$arch .
    docker push --quiet $lamp:1.0-$arch
done
docker tag $lamp:1.0-amd64 $lamp:1.0
docker push --quiet $lamp:1.0
