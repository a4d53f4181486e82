"""Where the services get features from: layer versions as GeoPackages, tables of PostGIS, and working copies that people edit."""
