#!/bin/sh
# The explorers with the versions that Colab ships: ipywidgets 7.7 and IPython 7.34.
#
# .venv-colab holds these few old packages and sees everything else in .venv, so it is
# made in seconds. Run from anywhere; arguments go to pytest.
set -eu
cd "$(dirname "$0")/../.."
base=$PWD/.venv
home=$PWD/.venv-colab
pins="ipywidgets==7.7.1 ipython==7.34.0 ipykernel==6.17.1 ipython-genutils==0.2.0
decorator==5.2.1 jedi==0.19.2 parso==0.8.4 pickleshare==0.7.5 backcall==0.2.0"

if [ "$(cat "$home/pins" 2>/dev/null)" != "$pins" ]; then
    rm -rf "$home"
    "$base/bin/python" -m venv "$home"
    # No dependencies: .venv has them, and theirs would pull in the old notebook server.
    # shellcheck disable=SC2086
    "$home/bin/python" -m pip install -q --no-deps $pins
    paths='import sysconfig; print(sysconfig.get_path("purelib"))'
    "$base/bin/python" -c "$paths" >"$("$home/bin/python" -c "$paths")/zz_base.pth"
    printf '%s\n' "$pins" >"$home/pins"
fi
exec "$home/bin/python" -m pytest -q tests/colab tests/explore "$@"
