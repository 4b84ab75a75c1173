"""Networks for clips as estimators: everybody's tube of the last frames, asked at once.

Girdhar et al., "Detect-and-Track: Efficient Pose Estimation in Videos", CVPR 2018
(1712.09184), section 3.1. A tube is cut as `datasets.tubes.follow` cuts those that the
course's network learned from: each frame's crop is that of the person's box in *that*
frame, so the person stays in the middle. A frame is answered when it comes, so it is
the last of its tube; nobody waits for the frames after it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from poselab.codecs.base import Codec
from poselab.codecs.tube import TubeCodec
from poselab.errors import require
from poselab.geometry import box_of_image
from poselab.pipelines.flip import flip_test
from poselab.pipelines.linking import NEW, assign, box_costs
from poselab.pipelines.single import SinglePerson
from poselab.pipelines.top_down import Detector, TopDown
from poselab.records import Poses

FARTHEST = 0.7  # 1 - IoU of a person's boxes in two frames; beyond it, somebody else


class SingleTube(SinglePerson):
    """As `SinglePerson`, for networks that read clips; remembers the last T frames.

    `net` takes clips [N, 3, T, h, w], `codec` is a `TubeCodec` of T frames, `options`
    are those of `SinglePerson`. Each call is the next frame of a clip; `reset` begins a
    new one, and so does a frame of another size. A box goes back to the one before it
    by the overlap of boxes (`linking.assign`); whoever has none is cut at the same
    place of the frames before, and before the first frame there is the first again. The
    poses are those of the newest frame. A network that is inflated by the mean and not
    trained is not the network for pictures there, not even on a still clip: the zeros
    beyond the newest frame are part of its mean. Raises `ArgumentError` for a codec or
    a network that takes no clips.
    """

    codec: TubeCodec

    def __init__(self, net: nn.Module, codec: Codec, **options: Any) -> None:
        require(
            isinstance(codec, TubeCodec),
            "takes no clips",
            where=type(self).__name__,
            field="codec",
            value=type(codec).__name__,
            fix="Give a codecs.TubeCodec, and a network for clips.",
        )
        super().__init__(net, codec, **options)
        self.reset()

    def reset(self) -> None:
        """Forget all frames; the next one is a clip's first."""
        self._frames: list[Tensor] = []
        self._tubes = torch.zeros(0, self.codec.frames, 4)

    def image(self, image: Tensor, flip: bool | None = None) -> Poses:
        """The one person of the next frame [3, H, W], whom it frames."""
        box = box_of_image((image.shape[-2], image.shape[-1])).to(image)[None]
        return self._next(image, box, 1.0, flip)

    @torch.no_grad()
    def poses(self, image: Tensor, boxes: Tensor, flip: bool | None = None) -> Poses:
        """One pose for each box [N, 4] (xywh px) of the next frame, in their order.

        `flip` replaces that of the estimator for this call.
        """
        return self._next(image, boxes, None, flip)

    def _next(
        self, image: Tensor, boxes: Tensor, margin: float | None, flip: bool | None
    ) -> Poses:
        newest, matrix = self.crops(image, boxes, margin)  # names what is no frame
        if self._frames and self._frames[-1].shape != image.shape:
            self.reset()
        shown = image.clone()  # a reader of films may use its memory again
        past = self._frames or [shown] * self.codec.frames
        frames, tubes = [*past[1:], shown], self._followed(boxes)
        older = [
            self.crops(frame, tubes[:, t], margin)[0]
            for t, frame in enumerate(frames[:-1])
        ]
        self._frames, self._tubes = frames, tubes
        crops = torch.stack([*older, newest], 1)  # [N, T, 3, h, w]
        return self.read(crops.flatten(0, 1), matrix, boxes, flip)

    def _followed(self, boxes: Tensor) -> Tensor:
        """The tubes [N, T, 4] that end in boxes [N, 4]."""
        past = boxes[:, None].repeat(1, self.codec.frames, 1)
        before = self._tubes.to(boxes)
        match = assign(box_costs(before[:, -1], boxes), gate=FARTHEST)
        old = match != NEW
        past[old] = before[match[old]]
        return torch.cat([past[:, 1:], boxes[:, None]], 1)

    def output(self, crops: Tensor, flip: bool | None = None) -> Any:
        """The output [N, J, 1, h, w] for the newest frames of tubes [N T, 3, h, w]."""
        clips = self.codec.clips(self.normalise(crops))
        try:
            if self.flip if flip is None else flip:
                found = flip_test(self.net, (clips,), self.codec)
            else:
                found = self.codec.stages(self.net(clips))[-1]
        except RuntimeError:
            self._require_clips(any(isinstance(m, nn.Conv3d) for m in _parts(self.net)))
            raise
        shape: tuple[int, ...] = getattr(found, "shape", ())
        self._require_clips(len(shape) == 5 and shape[2] == self.codec.frames)
        return found[:, :, -1:]

    def _require_clips(self, fits: bool) -> None:
        require(
            fits,
            f"takes no clips of {self.codec.frames} frames",
            where=type(self).__name__,
            field="net",
            value=type(self.net).__name__,
            fix="models.inflate.inflate(net) makes a network for clips of one for "
            "pictures; the codec has its number of frames.",
        )


def _parts(net: Any) -> list[nn.Module]:
    return list(net.modules()) if isinstance(net, nn.Module) else []


class TubePoses(TopDown):
    """The frames of a clip, one after the other -> `Poses` of everybody in each.

    `TopDown` with a network for clips: `net` and `codec` are those of `SingleTube`,
    which says how a tube is cut, and `detector`, `options` and the scores are
    `TopDown`'s. A whole clip [T, 3, H, W] is begun anew; between the frames of two
    clips call `reset`, as `Tracker` does. `poses` takes boxes in place of a detector's.
    """

    def __init__(
        self, detector: Detector, net: nn.Module, codec: Codec, **options: Any
    ) -> None:
        super().__init__(detector, net, codec, **options)
        plain = self.single
        self.single: SingleTube = SingleTube(
            net, codec, margin=plain.margin, flip=plain.flip, normalise=plain.normalise
        )

    def reset(self) -> None:
        """Forget all frames; the next one is a clip's first."""
        self.single.reset()
