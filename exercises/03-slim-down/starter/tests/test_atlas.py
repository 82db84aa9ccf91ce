import atlas


def test_a_town_is_described():
    assert atlas.describe("Graz") == "Graz: 47.07 N, 15.44 E, 302,749 people"
