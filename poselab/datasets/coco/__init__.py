"""COCO's keypoint format: read, checked, written, cut into people, scored."""
