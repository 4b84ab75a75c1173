"""Our mannequin: a `BodyModel` of the drawn person, which needs no licence.

Skin is wrapped around the capsules and ellipsoids of a drawn adult in a T-pose, the
shape directions are principal components of many drawn adults, and each row of the
regressor looks at vertices around its joint. Unlike SMPL's, nothing here comes from
scans, and there are no pose blend shapes.
"""

from __future__ import annotations

from math import pi

import torch
from torch import Tensor

from poselab.errors import require_shape
from poselab.models.skin import ball, tube, volume
from poselab.models.smpl import BodyModel
from poselab.people.body.kinematics import (
    BONE,
    BONES,
    PARENTS,
    chain,
    offsets,
    rest_pose,
    turned,
)
from poselab.people.body.person import (
    average_shape,
    forward,
    primitives,
    sample_clothes,
    sample_shape,
)
from poselab.people.body.shape import measures
from poselab.people.table import Table

BORDER = 0.25  # of a bone's length on both sides of a joint: there weights blend
_RIGID = {  # ellipsoids and single capsules: what they are called, whose they are
    "torso": "chest",
    "pelvis": "pelvis",
    "head": "head",
    "nose": "head",
    "left_hand": "left_wrist",
    "right_hand": "right_wrist",
}
_TUBES = ("upper_arm forearm", "thigh shin", "foot")
_BONES_OF = {
    "upper_arm": ("shoulder", "elbow", "wrist"),
    "thigh": ("hip", "knee", "ankle"),
    "foot": ("ankle", "toe", None),
}


def mannequin(
    shapes: int = 6, people: int = 300, seed: int = 0
) -> tuple[BodyModel, Tensor]:
    """(`BodyModel` in metres and float64, faces [F, 3]) of our drawn adults.

    `shapes` principal components of `people` adults drawn from `seed`; one unit of a
    coefficient is one standard deviation. The 21 joints are the drawn person's bones
    (`JOINTS`). The rest pose is a T-pose, pelvis at the origin, in the axes of
    `draw.scene3d`: x to the own left, y down, facing -z.
    """
    draws = torch.Generator().manual_seed(seed)
    shape = sample_shape(people, draws, children=0.0)
    origin, pairs = _bodies(shape, draws)
    vertices = torch.cat([v for v, _, _ in pairs], 1)  # [N, V, 3]
    weights = torch.cat([w for _, w, _ in pairs])  # [V, K]
    starts = torch.tensor([0, *(v.shape[1] for v, _, _ in pairs)]).cumsum(0)
    faces = torch.cat([f + s for (_, _, f), s in zip(pairs, starts, strict=False)])
    template, directions = _components(vertices, shapes)
    joints, moves = _fitted(origin, vertices, template, directions)
    regressor = _regressor(template, directions, joints, moves, weights)
    none = torch.zeros(len(template), 3, 9 * (len(BONES) - 1), dtype=torch.float64)
    model = BodyModel(template, directions, none, regressor, weights, PARENTS)
    return model, faces


JOINTS = BONES  # the names of the mannequin's joints


def rotations_of(angles: Tensor, turn: Tensor | None = None) -> Tensor:
    """A drawn person's pose as the mannequin's rotations [N, K, 3, 3] (float64).

    `angles` [N, K, 3] radians and `turn` [N, 3] are those of `people`'s `BodyPose`.
    """
    require_shape("angles", angles, None, len(BONES), 3)
    turn = torch.zeros(len(angles), 3) if turn is None else turn
    here, rest = _world(angles, turn), _world(t_pose(1), torch.zeros(1, 3))
    world = here @ rest.transpose(2, 3)  # from the T-pose to the pose
    local = world.clone()
    above = world[:, list(PARENTS[1:])]
    local[:, 1:] = above.transpose(2, 3) @ world[:, 1:]
    flip = torch.tensor([1.0, -1.0, -1.0]).double()
    return flip[:, None] * local * flip


def betas_of(shape: Table, model: BodyModel) -> Tensor:
    """The coefficients [N, S] (float64) with which the model comes nearest to bodies.

    `shape` are drawn bodies (`people.body.shape.Shape`); nearest is least squares over
    all vertices. Children lie outside of what the model has seen and get coefficients
    far from 0, of several standard deviations.
    """
    _, pairs = _bodies(shape, torch.Generator().manual_seed(0))
    vertices = torch.cat([v for v, _, _ in pairs], 1)
    flat = model.shape_directions.double().flatten(0, 1)  # [3 V, S]
    offsets = (vertices - model.template.double()).flatten(1)
    return torch.linalg.lstsq(flat, offsets.T).solution.T


def _world(angles: Tensor, turn: Tensor) -> Tensor:
    lengths = offsets(measures(average_shape(1)))
    return chain(lengths.double(), angles.double(), turned(turn.double())).rotation


def t_pose(count: int) -> Tensor:
    """The angles [N, K, 3] of the rest pose: arms to the sides."""
    angles = rest_pose(count).angles
    for side in ("left_", "right_"):
        angles[:, BONE[side + "shoulder"], 2] = pi / 2
    return angles


def _axes(points: Tensor) -> Tensor:
    """World mm, y up -> m, y down, facing -z."""
    return points.double() / 1000 * torch.tensor([1.0, -1.0, -1.0]).double()


def _bodies(shape: Table, draws: torch.Generator) -> tuple[Tensor, list]:
    """Bones [N, K, 3] m of bodies in a T-pose, and the parts of their skins."""
    look = sample_clothes(len(shape), draws).replace(
        hair_style="bald", sleeves="none", bottom="shorts"
    )
    pose = rest_pose(len(shape)).replace(angles=t_pose(len(shape)))
    frames = forward(shape, pose)
    middle = frames.origin[:, :1]
    round_, oval = primitives(shape, look, pose, frames)
    parts = [*_tubes(round_, middle), *_single(round_, middle), *_ovals(oval, middle)]
    origin = _axes(frames.origin - middle)
    return origin, [_skin(part, origin) for part in parts]


def _tubes(capsules, middle: Tensor) -> list:
    """Arms, legs and feet: (names of bones, centres [N, P, 3], radii [N, P])."""
    found = []
    for side in ("left_", "right_"):
        for words in _TUBES:
            names = [side + word for word in words.split()]
            rows = [i for i, s in enumerate(capsules.segment) if s in names]
            if words == "foot":
                rows = rows[:2]  # the third goes from the ankle to the ball
            ends = torch.cat([capsules.start[:, rows], capsules.end[:, rows[-1:]]], 1)
            wide = [capsules.start_radius[:, rows], capsules.end_radius[:, rows[-1:]]]
            bones = [b and side + b for b in _BONES_OF[words.split()[0]]]
            centres = _axes(ends - middle)
            found.append((bones, centres, torch.cat(wide, 1).double() / 1000))
    return found


def _single(capsules, middle: Tensor) -> list:
    """Shoulders, neck, insteps and fingers: tubes of one capsule."""
    found, insteps = [], {"left_foot": 0, "right_foot": 0}
    for i, name in enumerate(capsules.segment):
        bone = _RIGID.get(name)
        if name in insteps:
            insteps[name] += 1
            bone = name.replace("foot", "ankle") if insteps[name] == 3 else None
        bone = "neck" if name == "neck" else bone
        if bone is None or name in ("pelvis", "head"):  # skirt, brows, lips
            continue
        ends = torch.stack([capsules.start[:, i], capsules.end[:, i]], 1)
        wide = torch.stack([capsules.start_radius[:, i], capsules.end_radius[:, i]], 1)
        found.append(([bone], _axes(ends - middle), wide.double() / 1000))
    return found


def _ovals(ovals, middle: Tensor) -> list:
    """Trunk, head and palms: (bone, centre [N, 3], semi-axes [N, 3, 3])."""
    found, trunk = [], iter(("chest", "waist", "chest"))
    for i, name in enumerate(ovals.segment):
        if name in _RIGID:
            bone = next(trunk) if name == "torso" else _RIGID[name]
            centre = _axes(ovals.centre[:, i] - middle[:, 0])
            found.append((bone, centre, _axes(ovals.axes[:, i])))
    return found


def _skin(part, origin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Vertices [N, v, 3] of a part, their weights [v, K] and its faces."""
    bones, centres, size = part
    lone = isinstance(bones, str)
    vertices, faces = (ball if lone else tube)(centres, size)
    if volume(vertices.mean(0), faces) < 0:  # its axes were left-handed
        faces = faces[:, [0, 2, 1]]
    if lone:
        weights = torch.zeros(vertices.shape[1], len(BONES), dtype=torch.float64)
        weights[:, BONE[bones]] = 1
        return vertices, weights, faces
    return vertices, _blended(vertices.mean(0), bones, origin.mean(0)), faces


def _blended(vertices: Tensor, bones: list, origin: Tensor) -> Tensor:
    """Weights [v, K] of a tube: each bone's own, mixed linearly around joints."""
    weights = torch.zeros(len(vertices), len(BONES), dtype=torch.float64)
    weights[:, BONE[bones[0]]] = 1
    for above, below in zip(bones, bones[1:], strict=False):
        if below is None:
            break
        start, joint = origin[BONE[above]], origin[BONE[below]]
        length = (joint - start).norm()
        far = (vertices - joint) @ ((joint - start) / length) / length
        share = (0.5 + far / (2 * BORDER)).clamp(0, 1)  # 0 before, 1 behind the joint
        weights *= 1 - share[:, None]
        weights[:, BONE[below]] += share
    return weights


def _components(vertices: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Mean [V, 3] and `count` directions [V, 3, S] of one standard deviation."""
    template = vertices.mean(0)
    flat = (vertices - template).flatten(1)  # [N, 3 V]
    _, values, rows = torch.linalg.svd(flat, full_matrices=False)
    steps = rows[:count] * values[:count, None] / len(flat) ** 0.5
    directions = steps.unflatten(1, template.shape)  # [S, V, 3]
    low, high = template[:, 1].argmax(), template[:, 1].argmin()  # y points down
    taller = directions[:, low, 1] - directions[:, high, 1]
    return template, (directions * taller.sign()[:, None, None]).permute(1, 2, 0)


def _fitted(origin, vertices, template, directions) -> tuple[Tensor, Tensor]:
    """Mean joints [K, 3], and how each coefficient moves them, [K, 3, S]."""
    flat = directions.flatten(0, 1)  # [3 V, S]
    offsets = (vertices - template).flatten(1)  # [N, 3 V]
    betas = offsets @ flat / flat.square().sum(0)  # [N, S]
    mean = origin.mean(0)
    moves = torch.linalg.lstsq(betas, (origin - mean).flatten(1)).solution
    return mean, moves.T.unflatten(0, mean.shape)


def _regressor(template, directions, joints, moves, weights) -> Tensor:
    """Rows [K, V] that sum to 1: the smallest that find each joint in its own skin.

    A row sees the vertices of its joint and of the joint's parent. (SMPL's rows are
    learned to be sparse and not negative.)
    """
    rows = torch.zeros(len(joints), len(template), dtype=torch.float64)
    for k, parent in enumerate(PARENTS):
        near = (weights[:, k] > 0) | (weights[:, max(parent, 0)] > 0)
        own = torch.cat([template[near, :, None], directions[near]], 2).flatten(1)
        own = torch.cat([own, torch.ones(len(own), 1).double()], 1).T  # [3 S + 4, v]
        goal = torch.cat([joints[k, :, None], moves[k]], 1).flatten()
        goal = torch.cat([goal, torch.ones(1).double()])
        rows[k, near] = torch.linalg.pinv(own, rtol=1e-9) @ goal
    return rows
