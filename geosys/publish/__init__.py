"""What leaves the house: packages by profile, checked, read back, signed and registered; versions in PostGIS."""
