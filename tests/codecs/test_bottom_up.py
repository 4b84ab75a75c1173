"""Codecs for whole scenes: everybody comes back, mirrors, scales, bad input."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poselab import codecs
from poselab.codecs import enlarged, part_affinity_group
from poselab.codecs.bottom_up import CRITERIA, each, tensors_of, weighted_log_loss
from poselab.codecs.offset import mirrored_edges
from poselab.codecs.part_affinity import mirrored_limbs
from poselab.errors import ArgumentError, PoselabError, ShapeError
from poselab.records import Sample
from poselab.skeleton import COCO_17, OPENPOSE_18
from tests.support import crowds

SIZE = (384, 512)
SHARP = {"blur": 0.0}
PERSONLAB = {"score": 0.2, "nms_radius": 5.0, "max_people": 40, "min_score": 0.1}


def part_affinity(size=SIZE, **options):
    return codecs.PartAffinityCodec(size, rules=SHARP, **options)


def offset(size=SIZE, **options):
    return codecs.OffsetCodec(size, rules=PERSONLAB, **options)


# How each is made, what it asks for, and how exactly (px) it gives joints back.
KINDS = {
    "part_affinity": (part_affinity, crowds.perfect_fields, 0.5),
    "tag": (codecs.TagCodec, crowds.perfect_tags, 0.5),
    "fine_tag": (codecs.FineTagCodec, crowds.perfect_fine_tags, 0.8),
    "offset": (offset, crowds.perfect_offsets, 0.1),
}


def made(kind, size=SIZE):
    make, perfect, exact = KINDS[kind]
    return make(size), perfect, exact


def assert_everybody(found, sample, exact):
    """One answer for each person and no more, every joint within `exact` px."""
    truth, poses = sample.single(), found[0]
    assert poses.count == len(truth.keypoints)
    apart = (truth.keypoints[:, None] - poses.keypoints[None]).norm(dim=-1)
    apart = torch.where(truth.visibility[:, None] > 0, apart, 0.0).amax(-1)  # [P, P]
    who = apart.argmin(1)
    assert len(set(who.tolist())) == poses.count
    assert apart.amin(1).max() < exact


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=6, deadline=None)
@given(people=st.integers(1, 30), seed=st.integers(0, 10**6))
def test_everybody_comes_back(kind, people, seed):
    codec, perfect, exact = made(kind)
    sample = crowds.crowd(people, SIZE, seed)
    found = codec.decode(perfect(codec, sample))
    assert_everybody(found, sample, exact)
    assert (found.person_scores[0, :-1] >= found.person_scores[0, 1:]).all()


def mirrored(sample):
    """The sample as a mirror shows it, with left and right as its people have them."""
    points = sample.keypoints[..., list(COCO_17.flip_index), :].clone()
    points[..., 0] = sample.image.shape[-1] - 1 - points[..., 0]
    return sample.replace(keypoints=points, person_id=sample.person_id.flip(-1))


@pytest.mark.parametrize("kind", KINDS)
def test_the_mirror_image_says_the_same(kind):
    codec, perfect, exact = made(kind)
    sample = crowds.crowd(7, SIZE, 3)
    turned = codec.mirror(perfect(codec, mirrored(sample)))
    assert_everybody(codec.decode(turned), sample, exact)
    plain = perfect(codec, sample)
    merged = codec.merge(plain, turned)
    assert_everybody(codec.decode(merged), sample, exact)
    if kind == "offset":  # whose a pixel at the edge is, half a cell decides
        plain, turned = ({**x, "far": 0 * x["far"]} for x in (plain, turned))
        turned["people"] = plain["people"]
    if kind in ("part_affinity", "offset"):  # these have no freedom: equal numbers
        for a, b in zip(tensors_of(plain), tensors_of(turned), strict=True):
            torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_twice_in_a_mirror_is_as_before(kind):
    codec, perfect, _ = made(kind, (64, 96))
    plain = perfect(codec, crowds.crowd(2, (64, 96), 0))
    plain = codec.read(plain) if hasattr(codec, "read") else plain
    twice = codec.mirror(codec.mirror(plain))
    for a, b in zip(tensors_of(plain), tensors_of(twice), strict=True):
        torch.testing.assert_close(a, b)


def test_tags_are_never_averaged():
    codec = codecs.TagCodec((64, 96))
    plain = torch.zeros(1, 34, 16, 24)
    plain[:, 17:] = 5.0
    merged = codec.merge(plain, codec.mirror(-plain))
    assert merged["tags"].shape[-1] == 2
    assert merged["tags"][..., 0].unique().tolist() == [5.0]
    assert merged["tags"][..., 1].unique().tolist() == [-5.0]


@pytest.mark.parametrize("kind", KINDS)
def test_two_scales_say_the_same(kind):
    codec, perfect, _ = made(kind, (192, 256))
    sample = crowds.crowd(3, (192, 256), 1)
    larger = made(kind, (384, 512))[0]
    twice = sample.replace(
        image=torch.zeros(1, 3, 384, 512),
        keypoints=2 * sample.keypoints + 0.5,  # pixels are areas
        person_id=sample.person_id.repeat_interleave(2, 1).repeat_interleave(2, 2),
    )
    outputs = [perfect(codec, sample), perfect(larger, twice)]
    outputs[1] = codec.rescale(outputs[1], 2.0, (384, 512))
    assert_everybody(codec.decode(codec.combine(outputs)), sample, 2.0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_is_lowest_at_the_targets_and_has_a_gradient(kind):
    codec, perfect, _ = made(kind, (64, 96))
    sample = crowds.crowd(2, (64, 96), 0)
    _, targets = codec.encode(sample)
    plain = perfect(codec, sample)
    best = codec.loss([plain], targets)
    torch.manual_seed(0)
    worse = each(plain, lambda t: (t + torch.randn_like(t)).requires_grad_())
    loss = codec.loss([worse], targets)
    assert loss > best
    loss.backward()
    used = [t.grad is not None for t in tensors_of(worse)]
    assert all(used)
    two = codec.loss([plain, plain], targets)  # every stage counts
    torch.testing.assert_close(two, 2 * best)


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_without_people(kind):
    codec, perfect, _ = made(kind, (64, 96))
    nobody = Sample.empty(torch.zeros(3, 64, 96)).batched()
    nobody = nobody.replace(person_id=torch.full((1, 64, 96), -1))
    _, targets = codec.encode(nobody)
    plain = perfect(codec, nobody)
    assert torch.isfinite(codec.loss([plain], targets))
    found = codec.decode(plain)
    assert found.count == 0
    assert found.keypoints.shape == (1, 0, 17, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_some_images_with_and_some_without_people(kind):
    codec, perfect, exact = made(kind, (192, 256))
    one = crowds.crowd(3, (192, 256), 0).single()
    nobody = Sample.empty(torch.zeros(3, 192, 256))
    nobody = nobody.replace(person_id=torch.full((192, 256), -1))
    both = Sample.stack([nobody, one])
    found = codec.decode(perfect(codec, both))
    assert [p.count for p in found] == [0, 3]
    assert_everybody(found[1:], Sample.stack([one]), exact)


@pytest.mark.parametrize("kind", KINDS)
def test_absent_people_and_unlabelled_joints_teach_nothing(kind):
    codec, perfect, _ = made(kind, (192, 256))
    sample = crowds.crowd(3, (192, 256), 0)
    few = sample.replace(present=torch.tensor([[True, False, True]]))
    who = torch.where(sample.person_id == 1, -1, sample.person_id)
    few = few.replace(person_id=who)
    found = codec.decode(perfect(codec, few))
    assert found.count == 2
    hidden = sample.visibility.clone()
    hidden[0, 0, 9] = 0  # a wrist that nobody labelled
    output = perfect(codec, sample.replace(visibility=hidden))
    wrists = [p.scores[:, 9].gt(0).sum() for p in codec.decode(output)]
    assert kind == "offset" or wrists[0] <= 3


@pytest.mark.parametrize("kind", KINDS)
def test_people_cut_by_the_border(kind):
    codec, perfect, exact = made(kind, (192, 256))
    sample = crowds.crowd(1, (192, 256), 0)
    points = sample.keypoints.clone()
    points[..., 1] += 130  # knees and feet are below the image
    inside = points[..., 1] < 191.5
    assert 0 < inside.sum() < 17
    cut = sample.replace(keypoints=points, visibility=torch.where(inside, 2, 0))
    found = codec.decode(perfect(codec, cut))
    assert found.count == 1
    near = (found.keypoints - points).norm(dim=-1)
    # The last row has no cell below it, so a joint there is read half a cell off.
    assert near[inside].max() < max(exact, codec.stride)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_joint_of_two_people_in_one_place(kind):
    codec, perfect, _ = made(kind, (192, 256))
    sample = crowds.crowd(2, (192, 256), 0)
    points = sample.keypoints.clone()
    points[0, 1, 9] = points[0, 0, 9]  # they hold hands: one peak for two wrists
    found = codec.decode(perfect(codec, sample.replace(keypoints=points)))
    assert 2 <= found.count <= 3
    apart = (points[0, :, None] - found.keypoints[0][None]).norm(dim=-1)  # [2, n, 17]
    assert (apart[..., :9].mean(-1).amin(1) < 1).all()
    assert apart[:, :, 9].amin() < 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_a_number_is_one_clear_error(kind, value):
    codec, perfect, _ = made(kind, (64, 96))
    plain = perfect(codec, crowds.crowd(1, (64, 96), 0))
    tensors_of(plain)[0][0, 0, 3, 3] = value
    with pytest.raises(PoselabError, match="not a number"):
        codec.decode(plain)


@pytest.mark.parametrize("kind", KINDS)
def test_an_output_of_no_image_is_one_clear_error(kind):
    codec, perfect, _ = made(kind, (64, 96))
    plain = perfect(codec, crowds.crowd(1, (64, 96), 0))
    with pytest.raises(PoselabError, match="decode: output = 0: there is no image"):
        codec.decode(each(plain, lambda t: t[:0]))


@pytest.mark.parametrize("kind", KINDS)
def test_maps_of_a_larger_image_are_an_error_or_the_same_people(kind):
    """Read as those of the codec's size they would give people in wrong places."""
    codec, perfect, exact = made(kind, (192, 256))
    sample = crowds.crowd(2, (192, 256), 0)
    larger = each(
        perfect(codec, sample),
        lambda t: torch.nn.functional.interpolate(t, scale_factor=2.0, mode="bilinear"),
    )
    if kind in ("tag", "fine_tag"):  # maps of any resolution are read
        assert_everybody(codec.decode(larger), sample, 2 * exact)
        return
    with pytest.raises(ShapeError, match="192 x 256, whose maps have 48 x 64 cells"):
        codec.decode(larger)


def noise(codec, kind, seed=0):
    """An output with about 200 peaks in every heatmap."""
    g = torch.Generator().manual_seed(seed)
    sample = crowds.crowd(1, codec.size, 0)
    plain = KINDS[kind][1](codec, sample)
    return each(plain, lambda t: 0.7 * torch.rand(t.shape, generator=g))


@pytest.mark.parametrize("kind", KINDS)
def test_200_peaks_of_every_joint_give_a_bounded_answer(kind):
    codec, *_ = made(kind, (384, 512))
    found = codec.decode(noise(codec, kind))
    # At most 100 peaks of each of 18 parts (fields), 40 people (offsets), 30 x 17.
    limit = {"part_affinity": 1800, "offset": 40}.get(kind, 30 * 17)
    assert found.count <= limit
    assert torch.isfinite(found.keypoints).all()


def test_only_the_best_peaks_of_a_joint_are_candidates():
    g = torch.Generator().manual_seed(0)
    maps = torch.rand(2, 60, 80, generator=g)
    both = enlarged.enlarging((60, 80), 1, (60, 80), (60, 80))
    large = enlarged.Enlarged(maps, *both)
    rules = part_affinity_group.Grouping(max_peaks=20)
    peaks = part_affinity_group.find_peaks(large, maps, rules)
    every = part_affinity_group.find_peaks(large, maps)
    assert np.bincount(peaks.part).tolist() == [20, 20]
    assert len(every.part) > 150
    lowest = [peaks.scores[peaks.part == j].min() for j in (0, 1)]
    above = [(every.scores[every.part == j] >= lowest[j]).sum() for j in (0, 1)]
    assert above == [20, 20]


# --- what the targets are ------------------------------------------------------------


def test_a_field_is_the_unit_vector_on_the_limb_and_nothing_beside_it():
    points = torch.tensor([[[[2.0, 5.0], [12.0, 5.0]]]])  # one limb to the right
    there = torch.ones(1, 1, 2, dtype=torch.bool)
    fields, shared = codecs.affinity_fields(points, there, ((0, 1),), (11, 16), 1.0)
    assert fields[0, 0, :, 5, 7].tolist() == [1.0, 0.0]
    assert fields[0, 0, :, 5, 1].tolist() == [0.0, 0.0]  # before its beginning
    assert fields[0, 0, :, 8, 7].tolist() == [0.0, 0.0]  # beside it
    assert shared.sum() == 11 * 3
    down, _ = codecs.affinity_fields(points.flip(-1), there, ((0, 1),), (16, 11), 1.0)
    assert down[0, 0, :, 7, 5].tolist() == [0.0, 1.0]  # x, then y


def test_where_two_limbs_cross_the_field_is_their_mean():
    points = torch.tensor([[[[2.0, 5.0], [12.0, 5.0]], [[7.0, 1.0], [7.0, 9.0]]]])
    there = torch.ones(1, 2, 2, dtype=torch.bool)
    fields, shared = codecs.affinity_fields(points, there, ((0, 1),), (11, 16), 0.5)
    assert shared[0, 0, 5, 7] == 2
    assert fields[0, 0, :, 5, 7].tolist() == [0.5, 0.5]


def test_the_integral_is_one_on_the_limb_and_about_zero_off_it():
    points = torch.tensor([[[[4.0, 4.0], [40.0, 31.0]]]])
    there = torch.ones(1, 1, 2, dtype=torch.bool)
    fields, _ = codecs.affinity_fields(points, there, ((0, 1),), (40, 48), 1.0)
    ends = points[0, 0].double().numpy()
    integral = part_affinity_group.line_integrals

    def mean(a, b):
        return integral(fields[0, 0].numpy(), a[None], b[None], 10).mean()

    assert mean(ends[0], ends[1]) > 0.99
    assert mean(ends[1], ends[0]) < -0.99  # backwards
    assert abs(mean(ends[0] + [12, 0], ends[1] + [7, -9])) < 0.1


def test_the_nearest_joint_is_right_apart_and_wrong_where_people_overlap():
    def mixed(sample, nearest):
        """How many people of the answer have joints of two people."""
        rules = {**SHARP, "nearest": nearest}
        codec = codecs.PartAffinityCodec((192, 256), rules=rules)
        found = codec.decode(crowds.perfect_fields(codec, sample))[0]
        apart = sample.keypoints[0][:, None] - found.keypoints[None]  # [P, n, J, 2]
        whose = apart.norm(dim=-1).argmin(0)  # [n, J]
        seen = found.scores > 0
        owners = zip(whose, seen, strict=True)
        return sum(len(w[s].unique()) > 1 for w, s in owners)

    sample = crowds.crowd(2, (192, 256), 0)
    assert mixed(sample, nearest=True) == mixed(sample, nearest=False) == 0
    points = sample.keypoints.clone()
    step = points[0, 0, 5:7].mean(0) - points[0, 1, 5:7].mean(0) + 9.0
    points[0, 1] += step  # one stands before the other
    close = sample.replace(keypoints=points)
    assert mixed(close, nearest=False) == 0
    assert mixed(close, nearest=True) > 0


def test_the_best_sum_is_not_always_what_greed_takes():
    first, second = np.array([0, 0, 1, 1]), np.array([2, 3, 2, 3])
    found = part_affinity_group.Candidates(
        first, second, np.array([1.0, 0.9, 0.9, 0.1])
    )
    greedy = part_affinity_group.match_limbs(found)
    assert greedy.scores.tolist() == [1.0, 0.1]
    best = part_affinity_group.match_limbs(found, optimal=True)
    assert best.scores.tolist() == [0.9, 0.9]


def test_tags_alike_within_and_apart_between_people_cost_least():
    there = torch.ones(1, 2, 3, dtype=torch.bool)
    apart = torch.tensor([[[0.0, 0, 0], [9, 9, 9]]])
    pull, push = codecs.tag_loss(apart, there)
    assert pull == 0
    assert push < 1e-9
    pull, push = codecs.tag_loss(torch.zeros(1, 2, 3), there)
    assert (pull, push) == (0, 1)  # alike, but nobody can be told from the other
    pull, _ = codecs.tag_loss(torch.tensor([[[0.0, 3, 6], [9, 9, 9]]]), there)
    assert pull == 3.0  # the variance 6, averaged over two people
    shifted, _ = codecs.tag_loss(apart + 100, there), None
    torch.testing.assert_close(shifted, codecs.tag_loss(apart, there))


def test_a_person_alone_and_joints_that_are_not_there():
    pull, push = codecs.tag_loss(torch.rand(2, 1, 17), torch.zeros(2, 1, 17) > 0)
    assert (pull, push) == (0, 0)
    there = torch.tensor([[[True, False]]])
    pull, push = codecs.tag_loss(torch.tensor([[[1.0, float("nan")]]]), there)
    assert (pull, push) == (0, 0)


def test_offsets_lead_to_the_nearer_of_two_joints():
    codec = offset((64, 96), radius=12.0)
    sample = crowds.crowd(2, (64, 96), 0)
    points = sample.keypoints.clone()
    points[0, :, 0] = torch.tensor([[20.0, 20.0], [32.0, 20.0]])  # two noses
    _, targets = codec.encode(sample.replace(keypoints=points))
    y, x = 4, 4  # the cell at pixel (17.5, 17.5)
    short = targets["short"].unflatten(1, (2, 17)) * codec.unit
    assert short[0, :, 0, y, x].tolist() == [2.5, 2.5]
    y, x = 4, 8  # at pixel (33.5, 17.5)
    assert short[0, :, 0, y, x].tolist() == [2.5, -1.5]
    assert targets["heatmaps"][0, 0, 15, 22] == 0
    assert not targets["short_at"][0, 0, 15, 22]


def test_masks_come_back():
    codec = offset((192, 256))
    sample = crowds.crowd(4, (192, 256), 2)
    found = codec.decode(crowds.perfect_offsets(codec, sample))[0]
    truth = torch.stack([sample.person_id[0] == i for i in range(4)])
    shared = (found.masks[:, None] & truth).flatten(2).sum(-1)
    either = (found.masks[:, None] | truth).flatten(2).sum(-1)
    # Two pixels at the edge of a person are less than a cell, and a tenth of them each.
    assert (shared / either).amax(1).min() > 0.75


def test_a_sample_without_masks_teaches_none():
    codec = offset((64, 96))
    sample = crowds.crowd(2, (64, 96), 0).replace(person_id=None)
    _, targets = codec.encode(sample)
    assert not targets["people_at"].any()
    assert not targets["far_at"].any()
    assert "far" not in offset((64, 96), masks=False).encode(sample)[1]


# --- mistakes ------------------------------------------------------------------------


def test_ignored_regions_do_not_count():
    codec = codecs.TagCodec((64, 96))
    sample = crowds.crowd(1, (64, 96), 0)
    ignore = torch.zeros(1, 64, 96, dtype=torch.bool)
    ignore[:, :8] = True
    _, targets = codec.encode(sample.replace(ignore=ignore))
    assert targets["weight"][0, 0, :, 0].tolist() == [0.0] * 2 + [1.0] * 14


def test_sizes_that_do_not_fit():
    with pytest.raises(ArgumentError, match="images of 64 x 64"):
        codecs.TagCodec((64, 64)).encode(crowds.crowd(1, (64, 96), 0))
    with pytest.raises(ArgumentError, match="enlarge = 3"):
        codecs.TagCodec((64, 64), enlarge=3)
    with pytest.raises(ArgumentError, match="radius"):
        codecs.OffsetCodec((64, 64), radius=0)
    with pytest.raises(ShapeError, match="there"):
        codecs.tag_loss(torch.zeros(1, 2, 17), torch.zeros(1, 2, 16) > 0)


def test_every_limb_and_edge_has_a_partner_in_the_mirror():
    index, sign = mirrored_limbs(OPENPOSE_18)
    assert sorted(index) == list(range(19))
    assert [index[i] for i in index] == list(range(19))
    assert sign == [1] * 19
    flip = list(COCO_17.flip_index)
    edges = mirrored_edges(codecs.OffsetCodec().rules.tree, flip)
    assert [edges[i] for i in edges] == list(range(16))
    with pytest.raises(ArgumentError, match="without a partner"):
        mirrored_edges(((0, 1),), flip)


@pytest.mark.parametrize("kind", ["part_affinity", "tag", "fine_tag"])
def test_log_loss_is_least_at_the_target(kind):
    make, perfect, _ = KINDS[kind]
    codec, sample = make(SIZE, criterion="logistic"), crowds.crowd(5, SIZE, 2)
    _, targets = codec.encode(sample)
    truth = perfect(codec, sample)
    draws = torch.Generator().manual_seed(0)

    def noisy(t):
        return (t + 0.05 * torch.randn(t.shape, generator=draws)).clamp(0, 1)

    best = codec.loss(truth, targets)
    assert best < codec.loss(each(truth, noisy), targets)


def test_log_loss_by_hand_and_its_slope_where_squares_have_none():
    """Where the network is sure that no joint is, squares hardly pull."""
    target, weight = torch.tensor([[[[1.0, 0.0]]]]), torch.ones(1, 1, 1, 1)
    p = torch.tensor([[[[0.25, 0.5]]]])
    wanted = -(math.log(0.25) + math.log(0.5)) / 2
    assert weighted_log_loss(p, target, weight).item() == pytest.approx(wanted, 1e-4)
    pulls = []
    for measure in CRITERIA.values():
        logits = torch.tensor([[[[-8.0, -8.0]]]], requires_grad=True)
        measure(logits.sigmoid(), target, weight).backward()
        pulls.append(logits.grad[0, 0, 0, 0].abs().item())
    assert pulls[0] < 1e-3
    assert pulls[1] == pytest.approx(0.5, 1e-2)


@pytest.mark.parametrize("kind", ["part_affinity", "tag"])
def test_an_unknown_criterion_is_named(kind):
    with pytest.raises(ArgumentError, match="mse, logistic"):
        KINDS[kind][0](SIZE, criterion="hinge")
