"""``{{ moment|ago }}``: a moment in the reader's words, the exact time on hover."""

from __future__ import annotations

from django import template

from products.moments import ago

register = template.Library()
register.filter(ago)
