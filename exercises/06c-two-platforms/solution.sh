lamp=$REGISTRY/$LEARNER/lamp
for arch in amd64 arm64; do
    docker buildx build --quiet --platform linux/$arch --tag $lamp:1.0-$arch .
    docker push --quiet $lamp:1.0-$arch
done
# The index is made from what is in the registry already. Nothing is built again.
docker buildx imagetools create --tag $lamp:1.0 $lamp:1.0-amd64 $lamp:1.0-arm64
