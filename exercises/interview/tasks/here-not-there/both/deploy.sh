#!/bin/sh
# On the server, where there is nothing but the image.
set -e
docker run --detach --restart on-failure:3 --publish @{port}:@{port} registry.example/@{word}:latest
