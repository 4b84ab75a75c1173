"""`python -m poselab.bench track`: what a step of the explorer of notebook 13 asks."""

from __future__ import annotations

from poselab.bench.timing import interleaved

STEP = 0.020  # s: within this the explorer should answer


def track(repeats: int) -> dict[str, float]:
    """Linking and scoring 24 frames of five people, by each cost.

    That is what a new setting of the tracker takes; a step along the clip asks for
    none of it. "link" is the `Tracker`, "score" MOTA with its events.
    """
    from poselab.datasets import SyntheticPeople
    from poselab.metrics import track_scores
    from poselab.pipelines.track import Tracker, head_lengths
    from poselab.records import Poses

    maker = SyntheticPeople((192, 256), 5, seed=1000, split="test")
    clip = maker.clip(24, fps=12.5, seed=45)
    found = [
        Poses(f.keypoints, (f.visibility > 0).float(), boxes=f.boxes) for f in clip
    ]
    heads = head_lengths(clip.keypoints.flatten(0, 1)).view(clip.present.shape)
    heads, stacked = heads.clamp(min=1), Poses.stack(Tracker()(found))
    costs = ("box", "pose", "joints")
    jobs = {
        f"link, {cost}": lambda cost=cost: Tracker(cost=cost)(found) for cost in costs
    }
    jobs["score"] = lambda: track_scores(clip, stacked, heads, drop_last_frame=False)
    times = interleaved(jobs, repeats)
    whole = max(times[f"link, {cost}"] for cost in costs) + times["score"]
    return times | {"link and score / 20 ms": whole / STEP}
