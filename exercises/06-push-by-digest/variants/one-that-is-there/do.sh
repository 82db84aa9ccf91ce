ferry=$REGISTRY/$LEARNER/ferry
docker build --quiet --tag $ferry:1.4 --tag $ferry:latest .
docker push --quiet --all-tags $ferry
digest=$(docker buildx imagetools inspect --format '{{json .Manifest.Digest}}' $REGISTRY/base/busybox:musl | tr -d '"')
echo "image = '$ferry@$digest'" > deploy.toml
