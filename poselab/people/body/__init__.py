"""One person: bones, shape, pose, motion, clothes, and what a body is made of."""
