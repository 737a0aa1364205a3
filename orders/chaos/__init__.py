"""The chaos run: the whole desk under load while everything around it breaks, then a checker.

Nothing in production imports this package.
"""
