#!/bin/sh
# What reads files and computes numbers, with the lowest versions that pyproject allows.
#
# .venv-lowest holds these few old packages and sees everything else in .venv, so it is
# made in a minute. PyTorch stays that of .venv (its oldest wheels come with 2.5 GB of
# CUDA), and the widgets are old in tests/colab. Run from anywhere; arguments go to
# pytest.
set -eu
cd "$(dirname "$0")/../.."
base=$PWD/.venv
home=$PWD/.venv-lowest
pins=$("$base/bin/python" tests/lowest/pins.py)

if [ "$(cat "$home/pins" 2>/dev/null)" != "$pins" ]; then
    rm -rf "$home"
    "$base/bin/python" -m venv "$home"
    # shellcheck disable=SC2086
    "$home/bin/python" -m pip install -q --no-deps $pins
    paths='import sysconfig; print(sysconfig.get_path("purelib"))'
    "$base/bin/python" -c "$paths" >"$("$home/bin/python" -c "$paths")/zz_base.pth"
    printf '%s\n' "$pins" >"$home/pins"
fi
exec "$home/bin/python" -m pytest -q tests/lowest tests/real_files tests/metrics \
    tests/datasets/coco tests/draw "$@"
