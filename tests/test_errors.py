"""An error says where, what, which value and what to do, in under 600 characters."""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poselab import errors
from poselab.errors import (
    AnnotationError,
    ArgumentError,
    PoselabError,
    ShapeError,
    require,
    require_shape,
    shorten,
)


def test_a_notebook_shows_the_learner_s_line_and_the_sentence():
    """As IPython does: `_render_traceback_` in place of forty lines of this package."""
    core = pytest.importorskip("IPython.core.interactiveshell")
    shell = core.InteractiveShell()
    cell = "from poselab.errors import require\nrequire(False, 'is bad', where='lr')"
    with pytest.raises(ArgumentError) as caught:
        exec(compile(cell, "<ipython-input-1>", "exec"))
    text = caught.value._render_traceback_()
    assert text[-1] == "ArgumentError: lr: is bad"
    assert len(text) <= 2
    result = shell.run_cell(cell)
    own = result.error_in_exec._render_traceback_()
    assert own[0] == "line 2 of the cell: require(False, 'is bad', where='lr')"


def test_all_parts_are_in_the_message():
    error = AnnotationError(
        "is negative", where="a.json", field="bbox", value=-3, fix="Make it positive."
    )
    assert str(error) == "a.json: bbox = -3: is negative. Make it positive."
    assert (error.where, error.field, error.value) == ("a.json", "bbox", -3)
    assert isinstance(error, PoselabError)
    assert isinstance(error, ValueError)


def test_every_error_of_the_module_is_a_poselab_error():
    kinds = [k for k in vars(errors).values() if isinstance(k, type)]
    kinds = [
        k for k in kinds if issubclass(k, Exception) and not issubclass(k, Warning)
    ]
    assert len(kinds) >= 7
    assert all(issubclass(kind, PoselabError) for kind in kinds)
    assert all(kind.__doc__ for kind in kinds)


class Unprintable:
    def __repr__(self):
        raise RuntimeError("no")


VALUES = st.one_of(
    st.none(),
    st.integers(),
    st.text(max_size=2000),
    st.binary(max_size=2000),
    st.lists(st.floats(), max_size=300),
    st.sampled_from([Unprintable(), torch.zeros(99, 99), np.arange(5000), {1: {}}]),
)


@given(
    st.text(max_size=900),
    VALUES,
    st.text(max_size=900),
    st.text(max_size=900),
    st.text(max_size=900),
)
def test_never_longer_than_promised(problem, value, where, field, fix):
    error = PoselabError(problem, where=where, field=field, value=value, fix=fix)
    assert len(str(error)) < 600


@given(st.text(max_size=400), st.integers(20, 300))
def test_shorten_keeps_both_ends(text, limit):
    short = shorten(text, limit)
    assert len(short) <= limit
    if len(text) <= limit:
        assert short == text
    else:
        assert short[0] == text[0]
        assert short[-1] == text[-1]


def test_a_value_of_none_is_shown_but_no_value_is_not():
    assert "None" in str(PoselabError("is missing", where="f", value=None))
    assert str(PoselabError("is missing", where="f")) == "f: is missing"
    assert str(PoselabError("lonely")) == "lonely"


def test_require():
    require(True, "fine")
    with pytest.raises(ArgumentError, match="steps = 0: must be positive"):
        require(False, "must be positive", where="steps", value=0)


@pytest.mark.parametrize(
    ("tensor", "shape"),
    [
        (torch.zeros(2, 3), (2, 3)),
        (torch.zeros(2, 3), ("...", 3)),
        (torch.zeros(3), ("...", 3)),
        (torch.zeros(5, 2, 3), ("...", "J", 3)),
        (torch.zeros(2, 3), (None, 3)),
        (np.zeros((4, 4)), (4, 4)),
    ],
)
def test_shapes_that_fit(tensor, shape):
    require_shape("x", tensor, *shape)


@pytest.mark.parametrize(
    ("tensor", "shape"),
    [
        (torch.zeros(2, 3), (2, 4)),
        (torch.zeros(2, 3), (3,)),
        (torch.zeros(3), ("...", None, 3)),
        (torch.zeros(2, 2), ("...", 3)),
        ([1, 2, 3], (3,)),
        (None, (3,)),
    ],
)
def test_shapes_that_do_not_fit(tensor, shape):
    with pytest.raises(ShapeError, match="x: shape = .*expected shape"):
        require_shape("x", tensor, *shape)


def test_errors_cross_process_borders():
    again = pickle.loads(pickle.dumps(PoselabError("bad", where="f", value=3)))
    assert isinstance(again, PoselabError)
    assert "bad" in str(again)
