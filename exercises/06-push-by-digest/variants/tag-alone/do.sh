ferry=$REGISTRY/$LEARNER/ferry
docker build --quiet --tag $ferry:1.4 --tag $ferry:latest .
docker push --quiet --all-tags $ferry
echo "image = '$ferry:1.4'" > deploy.toml
