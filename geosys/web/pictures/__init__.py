"""Pictures: WMS and WFS by MapServer, WMTS by MapProxy before it; each class of rights has its own data and map file."""
