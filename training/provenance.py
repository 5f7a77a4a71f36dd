"""What a model was made with: the commit, the interpreter and the packages."""

from __future__ import annotations

import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version

from herald.settings import PROJECT_ROOT

PACKAGES_NEEDED = ("herald-trading", "numpy", "onnxruntime", "pandas", "pydantic", "spacy", "tokenizers")
"""What a registered model needs to run."""
_PACKAGES_TRAINING = ("mlflow", "onnx", "ray", "scikit-learn", "scipy", "torch", "transformers")
_GIT_TIMEOUT_S = 10.0


def provenance() -> dict[str, str]:
    """Return tags: interpreter, platform, a version for each package that is installed, and the commit where known."""
    tags = {"python": platform.python_version(), "platform": platform.platform()}
    for package in (*PACKAGES_NEEDED, *_PACKAGES_TRAINING):
        found = installed(package)
        if found:
            tags[f"package.{package}"] = found
    commit = git_commit()
    if commit:
        tags["git_commit"] = commit
    return tags


def installed(package: str) -> str | None:
    """Return the version of a package; None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def git_commit() -> str | None:
    """Return the commit of this checkout, with ``-dirty`` after it where files differ; None outside a checkout."""
    git = shutil.which("git")
    if git is None or not (PROJECT_ROOT / ".git").exists():
        return None
    try:
        done = subprocess.run(  # noqa: S603 - the command is our own
            [git, "-C", str(PROJECT_ROOT), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"],
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
