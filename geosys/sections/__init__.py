"""Sections: what their samples say, by month and year, river, county and level."""
