"""Which files some code imports, read from its text; a hash of what is in them."""

import pytest

from poselab.system.source_files import digest, imported_files

FILES = {
    "__init__.py": "from pack import heavy",
    "heavy.py": "",
    "first.py": "import numpy\nimport pack.second\nfrom other import pack",
    "second.py": "from pack import third, NAME",
    "third.py": "def f():\n    from pack.inner import deep, thing",
    "inner/__init__.py": "import pack.fourth",
    "inner/deep.py": "import pack.first  # a circle",
    "fourth.py": "",
    "alone.py": "",
}


@pytest.fixture
def package(tmp_path):
    for name, text in FILES.items():
        (tmp_path / "pack" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pack" / name).write_text(text)
    return tmp_path / "pack"


def names(files, package):
    return {file.relative_to(package).as_posix() for file in files}


def test_imports_are_followed_in_functions_and_circles_too(package):
    files = imported_files([package / "first.py"], package)
    assert names(files, package) == FILES.keys() - {"alone.py"}
    assert files == sorted(files)


def test_a_module_of_a_package_does_not_need_the_package(package):
    """`from pack import third` is a module; only `NAME` is the package's own."""
    (package / "second.py").write_text("from pack import third")
    files = imported_files([package / "first.py"], package)
    assert "heavy.py" not in names(files, package)
    some = imported_files([package / "second.py"], package, [package / "third.py"])
    assert names(some, package) == {"second.py"}


def test_a_file_outside_is_followed_into_the_package(package):
    script = package.parent / "script.py"
    script.write_text("from pack.inner import deep")
    assert script in imported_files([script], package)
    assert package / "first.py" in imported_files([script], package)


def test_the_hash_is_of_names_and_contents(package, tmp_path):
    files = [package / "first.py", package / "alone.py"]
    before = digest(files, package)
    assert digest(files, package) == before
    (package / "alone.py").write_text("# changed")
    changed = digest(files, package)
    assert changed != before
    moved = tmp_path / "elsewhere" / "pack"
    moved.mkdir(parents=True)
    for file in files:
        (moved / file.name).write_bytes(file.read_bytes())
    assert digest([moved / file.name for file in files], moved) == changed
    renamed = (package / "alone.py").rename(package / "renamed.py")
    assert digest([files[0], renamed], package) != changed
