"""The renderer: primitives, the pixels they touch, and how those look."""
