/* The names that the scripts of the page share. */
"use strict";

window.GeoTiles = { language: document.body.dataset.language === "en" ? 1 : 0, base: document.body.dataset.base };
