"""Layer versions, findings and cases in PostgreSQL with PostGIS: loaded beside what is there, checked, and swapped in one transaction."""
