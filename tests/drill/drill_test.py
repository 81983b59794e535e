"""The bugs that tools/drill plants fit the tree as it is."""

import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent


@pytest.mark.parametrize("patch", sorted(HERE.glob("*.patch")), ids=lambda patch: patch.stem)
def test_the_patch_applies(patch):
    root = HERE.parent.parent
    done = subprocess.run(
        ["git", "apply", "--check", str(patch)], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
