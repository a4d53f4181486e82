"""The ground: CRS, area, geometry and relations; knows no layer's name."""
