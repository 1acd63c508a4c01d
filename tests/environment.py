"""Pytest plugin: the throw-away settings of test.env, in place before Django reads its own."""

from pathlib import Path

import environ

# A plugin and not conftest.py: pytest-django loads the settings before any conftest.
environ.Env.read_env(Path(__file__).with_name("test.env"))
