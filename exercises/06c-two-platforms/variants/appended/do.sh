lamp=$REGISTRY/$LEARNER/lamp
docker buildx build --quiet --platform linux/arm64 --tag $lamp:1.0 .
docker push --quiet $lamp:1.0
docker buildx build --quiet --platform linux/amd64 --tag $lamp:second .
docker push --quiet $lamp:second
digest=$(docker buildx imagetools inspect --format '{{print .Manifest.Digest}}' $lamp:second)
docker buildx imagetools create --append --tag $lamp:1.0 $lamp@$digest
