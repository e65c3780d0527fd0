"""Packages that only the lessons need, imported when first used."""

from functools import partial

from minidl.backend.extras import extra as of_extra

extra = partial(of_extra, name="lessons", user="the lessons")
