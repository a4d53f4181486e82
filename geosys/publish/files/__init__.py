"""The data files of a package: file geodatabase, GeoPackage, shapefiles, boundary points, attribute tables, dictionary."""

from geosys.publish.files.formats import write_files

__all__ = ["write_files"]
