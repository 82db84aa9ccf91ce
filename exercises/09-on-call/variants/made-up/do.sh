true # the digest stays as it is
