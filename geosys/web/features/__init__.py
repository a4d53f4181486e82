"""OGC API - Features over the layers of a workspace: Core, CRS, filtering with CQL2, and editing, as GeoJSON and HTML."""
