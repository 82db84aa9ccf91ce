ferry=$REGISTRY/$LEARNER/ferry
docker buildx build --push --tag $ferry:1.4 --tag $ferry:latest .
digest=$(docker buildx imagetools inspect --format '{{print .Manifest.Digest}}' $ferry:latest)
{
    echo "# 1.4 is for people to read: an engine goes by the digest."
    echo "image = '$ferry:1.4@$digest'"
} > deploy.toml
