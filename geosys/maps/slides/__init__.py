"""The slides of a meeting, as a PowerPoint file whose tables and charts can be edited. The one door to python-pptx."""

from geosys.maps.slides.deck import write_slides

__all__ = ["write_slides"]
