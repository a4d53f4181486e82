"""The one map: what the land is under plots, units, zones and outfalls, as ledgers that close."""
