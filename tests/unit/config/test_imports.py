from __future__ import annotations

import subprocess
import sys


def test_the_box_types_cost_no_parser() -> None:
    heavy = {"click", "tomli", "yaml", "git", "docker", "platformdirs", "json"}
    code = "import sys, devbox.config, devbox.config.spec; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not heavy & set(done.stdout.split())


def test_loading_a_project_imports_nothing_heavy() -> None:
    heavy = {"click", "yaml", "git", "docker", "difflib", "configparser"}
    code = "import sys, devbox.config as c; c.load, c.load_settings; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not heavy & set(done.stdout.split())
