"""Services on the office network: OGC API Features, tiles, WMS and WMTS, with accounts and rights. The one door to Starlette."""
