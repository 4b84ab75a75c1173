"""The licensed file: read without running anything, absent in one line."""

import pickle
import sys
from types import ModuleType

import numpy as np
import pytest
import torch

from poselab.errors import CheckpointError
from poselab.models.smpl import SMPL_PARENTS, BodyModel
from poselab.models.smpl_file import find_file, load_body

COUNT, JOINTS = 40, 24


def arrays():
    draws = np.random.default_rng(0)
    weights, rows = draws.random((COUNT, JOINTS)), draws.random((JOINTS, COUNT))
    rows[draws.random(rows.shape) < 0.7] = 0
    rows[:, 0] += 0.1
    return {
        "v_template": draws.normal(size=(COUNT, 3)),
        "shapedirs": draws.normal(size=(COUNT, 3, 12)),
        "posedirs": draws.normal(size=(COUNT, 3, 9 * (JOINTS - 1))),
        "J_regressor": rows / rows.sum(1, keepdims=True),
        "weights": weights / weights.sum(1, keepdims=True),
        # The root's parent is 2^32 - 1 in the file.
        "kintree_table": np.array([[2**32 - 1, *SMPL_PARENTS[1:]], range(JOINTS)]),
        "f": draws.integers(0, COUNT, (30, 3)).astype("uint32"),
    }


def same(body, given):
    expected = BodyModel(
        *(
            torch.from_numpy(given[name])
            for name in ("v_template", "shapedirs", "posedirs", "J_regressor")
        ),
        torch.from_numpy(given["weights"]),
    )
    expected.shape_directions = expected.shape_directions[..., :10]
    turns = torch.eye(3).double().expand(1, JOINTS, 3, 3)
    betas = torch.ones(1, 10).double()
    assert torch.equal(body(betas, turns).vertices, expected(betas, turns).vertices)


@pytest.fixture
def theirs(monkeypatch):
    """Classes under the names that the published file uses, to write one like it."""

    def module(name, **content):
        made = ModuleType(name)
        for key, value in content.items():
            value.__module__, value.__qualname__ = name, key
            setattr(made, key, value)
        monkeypatch.setitem(sys.modules, name, made)
        return made

    class Ch:
        def __init__(self, x):
            self.x = x

    class csc_matrix:  # noqa: N801
        def __init__(self, dense):
            columns = [np.flatnonzero(c) for c in dense.T]
            self._shape, self.format, self.maxprint = dense.shape, "csc", 50
            self.indptr = np.cumsum([0, *map(len, columns)]).astype("int32")
            self.indices = np.concatenate(columns).astype("int32")
            self.data = np.concatenate([dense[i, k] for k, i in enumerate(columns)])

    for parent in ("chumpy", "scipy", "scipy.sparse"):
        if parent not in sys.modules:
            module(parent).__path__ = []
    module("chumpy.ch", Ch=Ch)
    module("scipy.sparse.csc", csc_matrix=csc_matrix)
    return Ch, csc_matrix


@pytest.mark.parametrize("protocol", [0, 2])
def test_a_file_like_the_published_one(tmp_path, theirs, protocol):
    chumpy, sparse = theirs
    given = arrays()
    content = {**given, "J_regressor": sparse(given["J_regressor"])}
    for name in ("v_template", "shapedirs", "posedirs", "weights"):
        content[name] = chumpy(given[name])
    content["bs_type"] = "lrotmin"
    path = tmp_path / "basicModel.pkl"
    path.write_bytes(pickle.dumps(content, protocol))
    assert find_file(tmp_path) == path
    body, faces = load_body(path)
    same(body, given)
    assert body.parents == SMPL_PARENTS
    assert torch.equal(faces, torch.from_numpy(given["f"].astype("int64")))


def test_the_same_as_an_archive_of_arrays(tmp_path):
    given = arrays()
    np.savez(tmp_path / "smpl.npz", **given)
    same(load_body(find_file(tmp_path))[0], given)


class Bomb:
    def __reduce__(self):
        return print, ("this ran",)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_file_that_wants_to_run_code(tmp_path, capsys, protocol):
    path = tmp_path / "smpl.pkl"
    path.write_bytes(pickle.dumps({**arrays(), "extra": Bomb()}, protocol))
    with pytest.raises(CheckpointError, match=r"smpl\.pkl.*print.*run code"):
        load_body(path)
    assert capsys.readouterr().out == ""
    np.savez(tmp_path / "smpl.npz", extra=np.array([Bomb()], dtype=object))
    with pytest.raises(CheckpointError, match=r"smpl\.npz.*cannot be read"):
        load_body(tmp_path / "smpl.npz")
    assert capsys.readouterr().out == ""


def test_no_file_and_files_of_something_else(tmp_path):
    assert find_file(tmp_path) is None
    assert find_file(tmp_path / "nowhere") is None
    with pytest.raises(CheckpointError, match="cannot be read: FileNotFoundError"):
        load_body(tmp_path / "none.pkl")
    page = tmp_path / "page.pkl"
    page.write_text("<!doctype html><html>Please log in</html>")
    with pytest.raises(CheckpointError, match="an HTML page.*smpl.is.tue.mpg.de"):
        load_body(page)
    page.write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(CheckpointError, match="no dictionary of arrays"):
        load_body(page)
    given = arrays()
    del given["weights"]
    np.savez(tmp_path / "part.npz", **given)
    with pytest.raises(CheckpointError, match=r"part\.npz.*weights.*missing"):
        load_body(tmp_path / "part.npz")
    given = arrays()
    given["weights"] = given["weights"][:-1]
    np.savez(tmp_path / "wrong.npz", **given)
    with pytest.raises(CheckpointError, match=r"wrong\.npz.*no body model.*weights"):
        load_body(tmp_path / "wrong.npz")
