"""Paper: sheets of maps, tables and facts as PDF, PNG or SVG.

`sheet` holds what a sheet is made of; `press` turns a sheet into a file. `plate` alone imports matplotlib (it draws maps
without any text), `typesetting` alone typst (it sets all text), `fonts` alone Pillow (it measures text).
"""
