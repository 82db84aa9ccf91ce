ferry=$REGISTRY/$LEARNER/ferry
for tag in 1.4 latest; do
    docker build --quiet --no-cache --tag $ferry:$tag .
    docker push --quiet $ferry:$tag
    sleep 1
done
digest=$(docker buildx imagetools inspect --format '{{print .Manifest.Digest}}' $ferry:1.4)
echo "image = '$ferry@$digest'" > deploy.toml
