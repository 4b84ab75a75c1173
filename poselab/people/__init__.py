"""Synthetic people: bodies, motion, cameras, scenes, and their renderer."""
