"""PersonMaker: every property of a drawn person and its camera on a slider."""

from __future__ import annotations

from typing import Any

from poselab.datasets import SyntheticPeople
from poselab.draw import paint_box, paint_mask, paint_pose, to_pil
from poselab.explore.base import Explorer
from poselab.explore.controls import choice, slider, toggle
from poselab.explore.inputs import remembered
from poselab.people.body.motion import ACTIVITIES
from poselab.people.scene import edit, sampling
from poselab.people.scene.backdrop import BACKGROUNDS
from poselab.people.scene.scenes import Scene, draw
from poselab.people.scene.things import OCCLUDERS
from poselab.records import HIDDEN_BY, Sample

_SIZE, _SCALE = (256, 192), 2
_NEAR = 700.0  # mm from the person towards the camera, where the thing stands
_GROUPS = {
    "Person": ("activity", "phase", "crouch", "yaw", "height", "child", "seed"),
    "Surroundings": ("occluder", "occluder_x", "background"),
    "Camera": ("distance", "focal_length", "camera_height", "pitch"),
    "Show": ("joints", "visibility", "box", "mask"),
}


class PersonMaker(Explorer):
    """One drawn person with joints, visibility, box and mask.

    Controls have the names and units of `SyntheticPeople.scene` (mm, px, degrees);
    `seed` decides what else there is: clothes, face, light. The four switches choose
    what is painted over the picture; with `visibility` off, hidden joints look like
    visible ones. First values may be given: `PersonMaker(activity="sitting", yaw=90)`.
    """

    def __init__(self, *, width: int = 420, **values: Any) -> None:
        self.people = SyntheticPeople(size=_SIZE, occluded=0.0)
        super().__init__(
            self._paint, _controls(), groups=_GROUPS, values=values, width=width
        )

    def scene_arguments(self, **values: Any) -> dict[str, Any]:
        """What `SyntheticPeople.scene` needs to draw the person of these values."""
        shown = {"occluder_x", *_GROUPS["Show"]}
        arguments = {
            k: v for k, v in {**self.values, **values}.items() if k not in shown
        }
        at = (values.get("occluder_x", self.values["occluder_x"]), _NEAR)
        return {**arguments, "occluder_at": at}

    @property
    def sample(self) -> Sample:
        """The person as it is now, with the whole truth about it."""
        return self._picture(**self.scene_arguments())

    @remembered
    def _cast(self, seed: int) -> Scene:
        """Whom a seed makes, before anything is set; nobody writes into it."""
        g = self.people.generator(seed)
        return sampling.framed(1, g, _SIZE, occluded=0.0, posed=False)

    @remembered
    def _posed(self, seed, height, child, activity, phase, crouch) -> Scene:
        """The posed person: slow to compute, and the same from any side."""
        scene = edit.set_bodies(self._cast(seed), seed, height, child, None)
        return edit.set_pose(scene, seed, None, activity, phase, crouch)

    @remembered
    def _picture(
        self,
        *,
        yaw,
        occluder,
        occluder_at,
        background,
        distance,
        focal_length,
        camera_height,
        pitch,
        seed,
        **person,
    ) -> Sample:
        """`SyntheticPeople.scene`, with the posed person from memory."""
        scene = edit.move_people(self._posed(seed=seed, **person), None, None, yaw)
        scene = edit.set_camera(
            scene, _SIZE, distance, focal_length, camera_height, pitch
        )
        scene = edit.set_surroundings(
            scene, seed, occluder, occluder_at, 1.0, background
        )
        return draw(scene, _SIZE).single()

    def _paint(self, joints, visibility, box, mask, **values) -> tuple:
        sample = self._picture(**self.scene_arguments(**values))
        picture = to_pil(sample.image, _SCALE)
        if mask:
            picture = paint_mask(picture, sample.masks)
        if box:
            picture = paint_box(picture, sample.boxes, _SCALE)
        if joints:
            hidden = "hollow" if visibility else "filled"
            picture = paint_pose(
                picture,
                sample.keypoints,
                sample.visibility,
                sample.skeleton,
                _SCALE,
                hidden=hidden,
            )
        return picture, _describe(sample, **values)


def _controls() -> dict[str, Any]:
    return {
        "activity": choice("activity", (*ACTIVITIES, "random"), "walking"),
        "phase": slider("phase", 0.0, 0.98, 0.1, 0.02),
        "crouch": slider("crouch", 0.0, 1.0, 0.0, 0.05),
        "yaw": slider("yaw (°)", -180, 180, 30, 5),
        "height": slider("height (mm)", 900, 2100, 1720, 10),
        "child": slider("child", 0.0, 1.0, 0.0, 0.05),
        "seed": slider("clothes", 0, 40, 3),
        "occluder": choice(
            "occluder", [("none", None), *((o, o) for o in OCCLUDERS)], "box"
        ),
        "occluder_x": slider("its place (mm)", -900, 900, 400, 10),
        "background": choice("background", BACKGROUNDS, "studio"),
        "distance": slider("distance (mm)", 2000, 10000, 4000, 50),
        "focal_length": slider("focal len. (px)", 150, 960, 480, 5),
        "camera_height": slider("camera (mm)", 200, 3500, 1300, 20),
        "pitch": slider("pitch (°)", -20, 40, 6),
        "joints": toggle("joints", True),
        "visibility": toggle("visibility", True),
        "box": toggle("box", True),
        "mask": toggle("mask", False),
    }


def _describe(sample: Sample, activity, yaw, height, distance, **_) -> str:
    flags = sample.visibility[0]
    hidden, seen, out = (int((flags == v).sum()) for v in (1, 2, 0))
    causes = sample.hidden_by[0][flags == 1]
    counts = {HIDDEN_BY[r]: int((causes == r).sum()) for r in (1, 2, 3)}
    why = ", ".join(f"{n} by {what}" for what, n in counts.items() if n)
    x, y, w, h = sample.boxes[0].tolist()
    return (
        f"A person of {height} mm, {activity}, turned by {yaw}°, "
        f"{distance / 1000:.2f} m away: {seen} of {len(flags)} joints visible (v = 2), "
        f"{hidden} hidden (v = 1{'; ' + why if why else ''}), {out} outside the image "
        f"(v = 0). Box (x, y, width, height) {x:.0f}, {y:.0f}, {w:.0f}, {h:.0f} px; "
        f"area {sample.areas[0]:.0f} px²."
    )
