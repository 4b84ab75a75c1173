"""For all tests: no network, a cache of their own, and the same examples every time."""

import atexit
import importlib.util
import os
import runpy
import shutil
import tempfile
from pathlib import Path

NO_NETWORK = Path(__file__).parent / "no_network"
# Folders whose tests `make test-fast` leaves out; elsewhere a test is marked by itself.
SLOW = {"bench", "browser", "colab", "evaluate", "notebooks", "train", "zoo"}

# Here, and by PYTHONPATH in every Python process that a test starts (kernels too).
runpy.run_path(str(NO_NETWORK / "sitecustomize.py"))
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(NO_NETWORK), os.environ.get("PYTHONPATH")])
)
# The kernels of this environment, not others of the same name in the home folder.
os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"

# Before any test module loads torch: see poselab/__init__.py.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

# A cache that starts empty, so that no test passes because of yesterday's pictures.
_cache = tempfile.mkdtemp(prefix="poselab-tests-")
atexit.register(shutil.rmtree, _cache, ignore_errors=True)
os.environ["POSELAB_CACHE"] = _cache

if importlib.util.find_spec("hypothesis"):
    from hypothesis import HealthCheck, settings

    # Deadlines fail on a busy machine and random examples fail on some days only.
    settings.register_profile(
        "poselab",
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("poselab")


def pytest_collection_modifyitems(items):
    for item in items:
        if SLOW.intersection(item.path.relative_to(Path(__file__).parent).parts):
            item.add_marker("slow")
