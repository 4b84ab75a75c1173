"""HMR for our mannequin: its angles and its shape from a picture.

The network of Kanazawa, Black, Jacobs & Malik 2018 (1712.06584, section 3) at a size
that a CPU trains in half an hour, with the skeleton of the mannequin at its end.
"""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from poselab.models.mannequin import JOINTS, betas_of, mannequin, rotations_of, t_pose
from poselab.models.registry import register
from poselab.models.smpl import HMR, BodyModel, frames_of
from poselab.people.body.kinematics import BONE, PARENTS
from poselab.people.body.person import forward, joints, rest_pose, sample_shape
from poselab.skeleton import COCO_17

HEAD, FACES = BONE["head"], 5  # COCO's nose, eyes and ears hang on the head
LIMBS = tuple(BONE[name] for name in COCO_17.joints[FACES:])
PEOPLE = 40  # whose faces say where the mannequin's is


@cache
def common() -> BodyModel:
    """The mannequin that the network answers in, made once; do not change it."""
    with torch.device("cpu"):  # also where a network is built without memory
        return mannequin()[0]


def rest_joints() -> tuple[Tensor, Tensor]:
    """Joints at rest [K + 5, 3] m, the face's last, and how betas move them, [..., S].

    The first K are the regressor's; a face point is read off drawn adults as an offset
    from the head's joint.
    """
    with torch.device("cpu"):
        return _rest_joints()


@cache
def _rest_joints() -> tuple[Tensor, Tensor]:
    body = common()
    bones = body.regressor @ body.template  # [K, 3]
    moves = torch.einsum("kv,vcs->kcs", body.regressor, body.shape_directions)
    shape = sample_shape(PEOPLE, torch.Generator().manual_seed(1), children=0.0)
    pose = rest_pose(PEOPLE).replace(angles=t_pose(PEOPLE))
    head = forward(shape, pose).origin[:, HEAD]
    face = joints(shape, pose)[:, :FACES] - head[:, None]
    face = face.double() / 1000 * torch.tensor([1.0, -1.0, -1.0]).double()
    betas = F.pad(betas_of(shape, body), (0, 1), value=1.0)  # [N, S + 1]
    fitted = torch.linalg.lstsq(betas, face.flatten(1)).solution.T.unflatten(0, (-1, 3))
    rest = torch.cat([bones, bones[HEAD] + fitted[..., -1]])
    return rest, torch.cat([moves, moves[HEAD] + fitted[..., :-1]])


def coco_joints(rotations: Tensor, betas: Tensor) -> Tensor:
    """COCO's joints [B, 17, 3] m of mannequins, pelvis bone of the template at rest.

    `rotations` [B, K, 3, 3] and `betas` [B, S] as for `BodyModel`.
    """
    mean, moves = (value.to(betas) for value in rest_joints())
    rest = mean + torch.einsum("jcs,bs->bjc", moves, betas)  # [B, K + 5, 3]
    count = len(JOINTS)
    frames = frames_of(rotations, rest[:, :count], PARENTS)  # [B, K, 4, 4]
    head, offset = frames[:, HEAD], rest[:, count:] - rest[:, None, HEAD]
    face = offset @ head[:, :3, :3].transpose(1, 2) + head[:, None, :3, 3]
    return torch.cat([face, frames[:, list(LIMBS), :3, 3]], 1)


@register("hmr_mannequin")
class MannequinHMR(HMR):
    """Images [B, 3, H, W] -> rotations, betas, camera, joints of a mannequin, by name.

    rotations [B, K, 3, 3], the root's in the camera frame; betas [B, S]; camera [B, 3],
    scale and shift of a weak perspective; joints [B, 17, 3] m of COCO. Arguments as for
    `HMR`; it begins as somebody who stands with hanging arms.
    """

    def __init__(
        self,
        depth: int = 10,
        width: int = 16,
        hidden: int = 256,
        cells: int = 12,
        dropout: float = 0.0,
    ) -> None:
        shapes = common().shape_directions.shape[2]
        super().__init__(depth, width, hidden, len(JOINTS), shapes, cells=cells)
        self.drop.p = dropout
        standing = rotations_of(torch.zeros(1, len(JOINTS), 3))[0]  # [K, 3, 3]
        self.init_pose.copy_(standing[..., :2].flatten())
        self.init_cam.copy_(torch.tensor([[1.0, 0.0, 0.0]]))
        for layer in (self.decpose, self.decshape, self.deccam):
            torch.nn.init.xavier_uniform_(layer.weight, gain=0.01)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        rotations, betas, camera = super().forward(images)
        found = {"rotations": rotations, "betas": betas, "camera": camera}
        # A chain of bones adds up what half precision rounds off.
        with torch.autocast(images.device.type, enabled=False):
            return {**found, "joints": coco_joints(rotations, betas)}
