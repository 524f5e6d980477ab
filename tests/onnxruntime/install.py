"""Installs ONNX Runtime from npm, for the test and the benchmark that compare with it."""

import filecmp
import os
import shutil
import subprocess


def install(folder):
    """Installs it into `folder` where it is not there yet; says what failed, or ''."""
    if not shutil.which("npm") or not shutil.which("node"):
        return "there is no npm"
    os.makedirs(folder, exist_ok=True)
    wanted = os.path.join(os.path.dirname(os.path.abspath(__file__)), "package.json")
    installed = os.path.join(folder, "installed.json")
    if os.path.exists(installed) and filecmp.cmp(wanted, installed, shallow=False):
        return ""
    shutil.copy(wanted, folder)
    # Its install script would download what only GPUs need.
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund",
               "--no-package-lock"]
    try:
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        return "npm install took too long"
    if result.returncode:
        return (result.stderr.strip().splitlines() or ["npm install failed"])[0]
    shutil.copy(wanted, installed)
    return ""
