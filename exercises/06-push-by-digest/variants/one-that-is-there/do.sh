ferry=$REGISTRY/$LEARNER/ferry
docker build --quiet --tag $ferry:1.4 --tag $ferry:latest .
docker push --quiet --all-tags $ferry
digest=$(docker buildx imagetools inspect --format '{{print .Manifest.Digest}}' $REGISTRY/base/busybox:musl)
echo "image = '$ferry@$digest'" > deploy.toml
