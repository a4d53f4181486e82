"""The maps room: one-file HTML maps and workbooks from layers and findings.

`spec` reads the content in ``maps/``; `page` builds the map; `tables` writes the workbooks. Only `folium_page`
imports folium and branca, only `tables` imports xlsxwriter.
"""
