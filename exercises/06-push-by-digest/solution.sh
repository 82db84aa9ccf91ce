ferry=$REGISTRY/$LEARNER/ferry
docker build --quiet --tag $ferry:1.4 .
# A second name for the same image. A second build could give another digest.
docker tag $ferry:1.4 $ferry:latest
docker push --quiet $ferry:1.4
docker push --quiet $ferry:latest

digest=$(docker buildx imagetools inspect --format '{{print .Manifest.Digest}}' $ferry:1.4)
echo "image = '$ferry@$digest'" > deploy.toml
