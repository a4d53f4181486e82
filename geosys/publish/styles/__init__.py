"""The styles of a package: the map's colours, hatches and marks for map servers (SLD) and for QGIS (QML, project)."""

from geosys.publish.styles.writing import write_styles

__all__ = ["write_styles"]
