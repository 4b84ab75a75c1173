"""What the notebooks claim: each claim has an assert, printed numbers and a control."""

from poselab.course.claims import effect, read_claims


def test_each_claim_is_held_by_one_assert_and_has_printed_its_effect(nb, path):
    claims = read_claims(path.parent / "claims" / f"{path.name[:2]}.toml")
    assert len(claims) >= 3
    for claim in claims:
        assert effect(claim, nb)
