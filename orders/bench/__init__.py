"""The bench: what the desk does in how much time, against baselines measured in the same run.

``manage.py bench`` runs it. Every figure with a bar is a ratio or a count, since seconds differ
from machine to machine. Nothing in production imports this package.
"""
