lamp=$REGISTRY/$LEARNER/lamp
docker buildx build --quiet --provenance=false --platform linux/amd64 --tag $lamp:1.0-amd64 .
docker buildx build --quiet --provenance=false --platform linux/amd64 --label paint=fresh --tag $lamp:1.0-arm64 .
for arch in amd64 arm64; do
    docker push --quiet $lamp:1.0-$arch
    docker buildx imagetools inspect --format '{{json .Manifest}}' $lamp:1.0-$arch > found
    sed "1 s/^{/{\"platform\": {\"os\": \"linux\", \"architecture\": \"$arch\"},/" found > $arch.json
done
docker buildx imagetools create --tag $lamp:1.0 --file amd64.json --file arm64.json
