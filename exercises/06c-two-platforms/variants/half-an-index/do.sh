lamp=$REGISTRY/$LEARNER/lamp
docker buildx build --quiet --platform linux/amd64 --tag $lamp:1.0-amd64 .
docker push --quiet $lamp:1.0-amd64
docker buildx imagetools create --tag $lamp:1.0 $lamp:1.0-amd64
docker buildx build --quiet --platform linux/arm64 --tag $lamp:1.0-arm64 .
docker push --quiet $lamp:1.0-arm64
