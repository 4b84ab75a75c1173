"""For all tests: no network, a cache of their own, and the same examples every time."""

import atexit
import importlib.util
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

NO_NETWORK = Path(__file__).parent / "no_network"
LONGEST = "test_nbval.py"
# What `make test-fast` leaves out: folders and files with whole networks, trainings,
# kernels, browsers, several processes or large sets; a single test is marked by itself.
SLOW = {
    "bench",
    "browser",
    "colab",
    "data_scripts",
    "evaluate",
    "explore",
    "models",
    "notebooks",
    "recipes",
    "train",
    "zoo",
    "test_bottom_up.py",
    "test_classroom.py",
    "test_distributed.py",
    "test_download.py",
    "test_fuzz.py",
    "test_install.py",
    "test_on_gpu.py",
    "test_person_crops.py",
    "test_pool.py",
    "test_real_top_down.py",
    "test_run.py",
    "test_sets.py",
    "test_top_down.py",
    "test_twins.py",
    "test_wild.py",
}

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

if "PYTEST_XDIST_WORKER" in os.environ:
    # Several processes test side by side: one thread each, and one cache for all, which
    # the process that started them made.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
else:
    # A cache that starts empty: no test passes because of yesterday's pictures.
    _cache = tempfile.mkdtemp(prefix="poselab-tests-")
    atexit.register(shutil.rmtree, _cache, ignore_errors=True)
    os.environ["POSELAB_CACHE"] = _cache
    # And matplotlib's list of fonts is made here, once: one that is damaged or of other
    # fonts in the home folder lets each kernel say that a font was not found.
    os.environ["MPLCONFIGDIR"] = os.path.join(_cache, "matplotlib")
    if importlib.util.find_spec("matplotlib"):
        _fonts = [sys.executable, "-c", "import matplotlib.font_manager"]
        subprocess.run(_fonts, check=True, stderr=subprocess.DEVNULL)

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
        parts = item.path.relative_to(Path(__file__).parent).parts
        runs_a_notebook = "finished" in item.fixturenames
        if SLOW.intersection(parts) or runs_a_notebook:
            item.add_marker("slow")
    # Each file goes to one process: the longest one begins first.
    items.sort(key=lambda item: item.path.name != LONGEST)
