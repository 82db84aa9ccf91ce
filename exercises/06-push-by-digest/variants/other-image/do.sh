ferry=$REGISTRY/$LEARNER/ferry
docker pull --quiet $REGISTRY/base/busybox:musl
docker tag $REGISTRY/base/busybox:musl $ferry:1.4
docker tag $REGISTRY/base/busybox:musl $ferry:latest
docker push --quiet --all-tags $ferry
digest=$(docker buildx imagetools inspect --format '{{print .Manifest.Digest}}' $ferry:1.4)
echo "image = '$ferry@$digest'" > deploy.toml
