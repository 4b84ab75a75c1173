"""What a check says whatever the exercise."""

from __future__ import annotations

MUTATES = (
    "The numbers are right, but your function changes its arguments in place: whoever "
    "calls it finds other data afterwards. Work on a copy (`x = x.clone()`), or build "
    "new tensors."
)
NOT_ATTEMPTED = ("not attempted", "Replace the ... with your answer.", None)
RECURSION = "Your function calls itself for ever (RecursionError)."
NO_RETURN = "Your function gives back nothing (None). Is `return` missing?"
CALLED = (
    "`check` needs the function itself, without parentheses and arguments: "
    "`check(name, function)`."
)
NO_END = (
    "Your function did not come to an end, so it was stopped. Is there a `while` whose "
    "condition never changes, or a list that grows while you go through it?"
)
NO_GRADIENT = (
    "The numbers are right, but nothing can be learned from them: a loss has to stay a "
    "tensor with a gradient. `.item()`, `float(...)`, `.detach()`, `.numpy()` and a "
    "fresh number such as `0` or `torch.tensor(0.0)` cut it off."
)
LOOPS = " It has a loop in Python, though; the task asks for none."
# What the first cells of every notebook import, by the name that is missing.
IMPORTED = ("torch", "Tensor", "nn", "F", "math", "np", "plt", "draw", "poselab", "zoo")
