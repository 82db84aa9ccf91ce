cosign generate-key-pair
LAYERWISE_LEARNER=$LEARNER lab pipeline .
