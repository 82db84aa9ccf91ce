ferry=$REGISTRY/$LEARNER/ferry
docker build --quiet --provenance=false --tag $ferry:1.4 --tag $ferry:latest .
docker push --quiet --all-tags $ferry
config=$(docker buildx imagetools inspect --raw $ferry:1.4 | tr -d ' \n' | sed 's/.*"config":{\([^}]*\)}.*/\1/; s/.*"digest":"\([^"]*\)".*/\1/')
echo "image = '$ferry@$config'" > deploy.toml
