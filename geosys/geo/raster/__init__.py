"""Rasters: the grid they stand on, how they are read and how they are written. The one door to rasterio."""
