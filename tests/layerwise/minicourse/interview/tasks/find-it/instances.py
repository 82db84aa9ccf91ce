from layerwise.instances import Instance, Pick


def instance(pick: Pick) -> Instance:
    return Instance(values={"word": pick.letters(8, "abcdefgh")})
