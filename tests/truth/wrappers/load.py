"""Loads a target as a module, for profilers that want to wrap its functions or its run."""

import importlib.util
import pathlib
import sys


def load(path):
    sys.path.insert(0, str(pathlib.Path(path).parent))
    sys.argv = [path, *sys.argv[2:]]
    spec = importlib.util.spec_from_file_location("target", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["target"] = module
    spec.loader.exec_module(module)
    return module
