"""Who stands where: camera, light, things, background, and the truth about it."""
