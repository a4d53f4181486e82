"""Reading a package back: every file again, by independent readers, every value and vertex compared."""

from geosys.publish.read_back.reading_back import read_back

__all__ = ["read_back"]
