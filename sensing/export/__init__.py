"""Tables and traffic formats as files. Pure: rows come in as iterators, bytes go out as iterators,
so that a file of any length needs the memory of one portion of it."""

from __future__ import annotations
