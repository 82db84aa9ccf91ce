ferry=$REGISTRY/$LEARNER/ferry
docker build --quiet --label draft=yes --tag $ferry:1.4 .
docker push --quiet $ferry:1.4
digest=$(docker buildx imagetools inspect --format '{{print .Manifest.Digest}}' $ferry:1.4)
echo "image = '$ferry@$digest'" > deploy.toml
docker build --quiet --tag $ferry:1.4 --tag $ferry:latest .
docker push --quiet --all-tags $ferry
