"""The renderer against slow, direct geometry in float64."""

import pytest
import torch

from poselab.people.raster import render as rd
from poselab.people.raster.camera import Camera
from poselab.people.raster.light import Light
from poselab.people.raster.primitive_batch import NOBODY, Group, Rectangles
from poselab.people.raster.primitives import Capsules, Ellipsoids, Look

SIZE = (48, 64)
RED, BLUE = (0.9, 0.1, 0.1), (0.1, 0.1, 0.9)


def camera(n: int = 1) -> Camera:
    values = (60.0, 60.0, 31.5, 23.5, 0.0, 0.0, 0.0)
    return Camera(*(torch.full((n,), v) for v in values))


def light(n: int = 1) -> Light:
    ahead = torch.tensor([[0.0, 0.0, 1.0]]).expand(n, 3)
    return Light(ahead, torch.full((n, 3), 0.5), torch.full((n, 3), 0.5))


def look(*colours) -> Look:
    colour = torch.tensor(colours)[None]
    flat = torch.ones(colour.shape[:2])
    return Look(colour, colour, torch.zeros_like(flat).long(), flat * 100)


def balls(centres, radii, colours, image=0, person=0) -> Group:
    axes = torch.diag_embed(torch.tensor(radii)[:, None].expand(-1, 3))[None]
    shape = Ellipsoids(
        torch.tensor(centres)[None], axes, look(*colours), ("ball",) * len(radii)
    )
    return Group(None, shape, torch.tensor([image]), torch.tensor([person]))


def rod(a, b, ra, rb, person=0) -> Group:
    shape = Capsules(
        torch.tensor([[a]]),
        torch.tensor([[b]]),
        torch.tensor([[ra]]),
        torch.tensor([[rb]]),
        look(RED),
        ("rod",),
    )
    return Group(shape, None, torch.tensor([0]), torch.tensor([person]))


def draw(groups, window="tight", n=1, rectangles=None):
    backdrop = torch.full((n, 3, *SIZE), 0.5)
    return rd.render(groups, camera(n), SIZE, backdrop, light(n), rectangles, window)


def rays() -> torch.Tensor:
    """[H, W, 3] camera-frame rays of `camera`, float64."""
    v, u = torch.meshgrid(torch.arange(SIZE[0]), torch.arange(SIZE[1]), indexing="ij")
    one = torch.ones_like(u)
    return torch.stack([(u - 31.5) / 60, (v - 23.5) / 60, one], -1).double()


def spheres_depth(centres: torch.Tensor, radii: torch.Tensor) -> torch.Tensor:
    """Nearest depth [H, W] of world spheres before `camera`, by brute force."""
    seen = centres.double() * torch.tensor([1.0, -1.0, -1.0])
    d = rays()
    g = d.square().sum(-1)
    nearest = torch.full(SIZE, torch.inf, dtype=torch.float64)
    for c, r in zip(seen, radii.double(), strict=True):
        b = d @ c
        room = b**2 - g * (c @ c - r**2)
        depth = torch.where(room > 0, (b - room.clamp(min=0).sqrt()) / g, torch.inf)
        nearest = torch.minimum(nearest, depth)
    return nearest


def agree(depth: torch.Tensor, truth: torch.Tensor, mm: float, edge: int) -> None:
    """Same surface, apart from at most `edge` pixels on the outline."""
    hit, wanted = torch.isfinite(depth[0]), torch.isfinite(truth)
    assert (hit != wanted).sum() <= edge
    both = hit & wanted
    assert both.sum() > 50
    assert (depth[0].double() - truth)[both].abs().quantile(0.99) < mm


def test_a_ball_is_where_the_ray_meets_it():
    picture = draw([balls([[200.0, -100.0, -2000.0]], [400.0], [RED])])
    centre = torch.tensor([[200.0, -100.0, -2000.0]])
    truth = spheres_depth(centre, torch.tensor([400.0]))
    agree(picture.depth, truth, 1.0, 4)


@pytest.mark.parametrize(
    ("a", "b", "ra", "rb"),
    [
        ((-500.0, 200.0, -2500.0), (600.0, -300.0, -1900.0), 180.0, 90.0),
        ((0.0, -500.0, -2400.0), (0.0, 500.0, -2400.0), 60.0, 220.0),
        ((-100.0, 0.0, -1500.0), (150.0, 100.0, -3000.0), 150.0, 150.0),
        ((0.0, 0.0, -1800.0), (5.0, 5.0, -2400.0), 120.0, 90.0),
    ],
)
def test_a_round_cone_is_a_row_of_spheres(a, b, ra, rb):
    t = torch.linspace(0, 1, 400)[:, None]
    centres = torch.tensor(a) + t * (torch.tensor(b) - torch.tensor(a))
    truth = spheres_depth(centres, ra + t[:, 0] * (rb - ra))
    agree(draw([rod(a, b, ra, rb)]).depth, truth, 3.0, 8)


def test_a_stretched_and_turned_ellipsoid_is_met_exactly():
    g = torch.Generator().manual_seed(3)
    turn, _ = torch.linalg.qr(torch.randn(3, 3, generator=g))
    sizes = torch.tensor([500.0, 250.0, 120.0])
    centre = torch.tensor([100.0, 50.0, -2200.0])
    part = Ellipsoids(
        centre[None, None], (turn * sizes[:, None])[None, None], look(RED), ("egg",)
    )
    picture = draw([Group(None, part, torch.tensor([0]), torch.tensor([0]))])
    # Back to the unit sphere of the ellipsoid, where every hit has length 1.
    hit = torch.isfinite(picture.depth[0])
    points = rays()[hit] * picture.depth[0][hit].double()[:, None]
    world = points * torch.tensor([1.0, -1.0, -1.0]) - centre
    local = world @ (turn / sizes[:, None]).double().T
    assert len(local) > 100
    inside = local.norm(dim=-1)
    assert inside.quantile(0.95) < 1.002
    assert inside.quantile(0.05) > 0.998


def test_the_nearer_of_two_wins_and_says_who_it_is():
    near = balls([[0.0, 0.0, -1500.0]], [150.0], [RED], person=0)
    far = balls([[100.0, 0.0, -2500.0]], [400.0], [BLUE], person=1)
    for groups in ([near, far], [far, near]):
        picture = draw(groups)
        assert picture.person_id[0, 23, 31] == 0
        assert picture.depth[0, 23, 31] < 1500
        assert picture.image[0, 0, 23, 31] > picture.image[0, 2, 23, 31]
        assert picture.person_id[0, 23, 42] == 1


def test_outlines_are_smooth():
    image = draw([balls([[0.0, 0.0, -2000.0]], [403.0], [RED])]).image[0, 2]
    row = image[23]
    between = (row > row.min() + 0.02) & (row < 0.5 - 0.02)
    assert 1 <= between[:31].sum() <= 14
    area = (0.5 - image).sum() / (0.5 - image[23, 31])
    exact = torch.pi * (60 * 403 / (2000**2 - 403**2) ** 0.5) ** 2
    # Shading darkens the rim, so this is no equality; steps would move it by more.
    assert area.item() == pytest.approx(exact, rel=0.06)


def test_a_half_covered_pixel_is_half_background():
    edge = 60 * 300 / 2000  # a rectangle whose edge cuts a column of pixels in half
    rectangle = Rectangles(
        *(torch.tensor([v]) for v in (0.0, -5000.0, 600.0, 9000.0, -2000.0)),
        torch.ones(1, 3),
        torch.ones(1, 3),
        torch.zeros(1).long(),
        torch.ones(1) * 100,
        torch.zeros(1).long(),
    )
    row = draw([], rectangles=rectangle).image[0, 0, 23]
    column = round(31.5 + edge)
    inside = row[31]
    cover = 31.5 + edge - (column - 0.5)
    assert row[column].item() == pytest.approx(
        0.5 + (inside - 0.5).item() * cover, abs=0.02
    )


def test_windows_leave_nothing_out():
    g = torch.Generator().manual_seed(5)
    k = 40
    place = torch.rand(1, k, 3, generator=g) * 3000 - torch.tensor([1500.0, 1500, 4500])
    other = place + torch.randn(1, k, 3, generator=g) * 400
    r = torch.rand(2, 1, k, generator=g) * 200
    paint = look(*[RED] * k)
    rods = Capsules(place, other, r[0], r[1], paint, ("rod",) * k)
    turn, _ = torch.linalg.qr(torch.randn(1, k, 3, 3, generator=g))
    sizes = torch.rand(1, k, 3, 1, generator=g) * 200 + 20
    eggs = Ellipsoids(other, turn * sizes, paint, ("egg",) * k)
    groups = [Group(rods, eggs, torch.tensor([0]), torch.tensor([0]))]
    tight, full = draw(groups), draw(groups, "full")
    assert torch.equal(tight.person_id, full.person_id)
    both = torch.isfinite(full.depth)
    assert torch.equal(torch.isfinite(tight.depth), both)
    torch.testing.assert_close(tight.depth[both], full.depth[both], atol=1.0, rtol=1e-4)
    assert (tight.image - full.image).abs().mean() < 1e-4


def test_images_of_a_batch_do_not_touch_each_other():
    one = balls([[0.0, 0.0, -1500.0]], [200.0], [RED], image=0)
    two = balls([[300.0, 0.0, -1500.0]], [200.0], [BLUE], image=2)
    batch = draw([one, two], n=3)
    assert not torch.isfinite(batch.depth[1]).any()
    two.image[0] = 0
    torch.testing.assert_close(batch.image[2], draw([two]).image[0])
    torch.testing.assert_close(batch.image[0], draw([one]).image[0])


def test_what_is_behind_the_camera_is_not_drawn():
    behind = balls([[0.0, 0.0, 1500.0]], [400.0], [RED])
    crossing = rod((0.0, 0.0, 500.0), (0.0, 0.0, -2000.0), 100.0, 100.0)
    picture = draw([behind, crossing])
    assert not torch.isfinite(picture.depth).any()
    assert (picture.image == 0.5).all()


def test_radius_zero_is_nothing():
    picture = draw([rod((0.0, 0.0, -1000.0), (100.0, 0.0, -1000.0), 0.0, 0.0)])
    assert (picture.person_id == NOBODY).all()
