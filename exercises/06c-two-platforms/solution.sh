lamp=$REGISTRY/$LEARNER/lamp
for arch in amd64 arm64; do
    docker buildx build --quiet --platform linux/$arch --tag $lamp:1.0-$arch .
    docker push --quiet $lamp:1.0-$arch
done
docker buildx imagetools create --tag $lamp:1.0 $lamp:1.0-amd64 $lamp:1.0-arm64
