"""Polygons as flat arrays, compiled: areas common to millions of pairs without building one piece. The one door to numba."""
