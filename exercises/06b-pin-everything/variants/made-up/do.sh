true # the digests stay as they are
