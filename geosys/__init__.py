"""GeoSys: geospatial soil and water management, offline."""

import os

__version__ = "0.1.0"

# Other GIS software sets these for its own libraries; the packaged PROJ and GDAL break on them.
for _name in ("PROJ_LIB", "PROJ_DATA", "GDAL_DATA"):
    os.environ.pop(_name, None)
