/* The bytes of tiles and cards: in this page, or in script files beside it; decoded piece by piece when asked for. */
"use strict";
window.GeoTiles = window.GeoTiles || {};

(function (GeoTiles) {
  const MOST_WAITING = 24; // decoded pieces kept; the texts they come from stay anyway
  const pieces = new Map();
  const waiting = {};

  /** Called by a file beside the page. */
  GeoTiles.take = (name, text) => waiting[name](text);

  function textOf(name) {
    const inside = document.getElementById("gt-data-" + name);
    if (inside) return Promise.resolve(inside.textContent);
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      waiting[name] = (text) => { script.remove(); resolve(text); };
      script.onerror = () => reject(new Error(GeoTiles.data.beside + "/" + name + ".js"));
      script.src = encodeURI(GeoTiles.data.beside) + "/" + name + ".js";
      document.head.appendChild(script);
    });
  }

  async function decode(name) {
    const letters = atob(await textOf(name));
    const bytes = new Uint8Array(letters.length);
    for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
    return bytes;
  }

  function piece(name) {
    const found = pieces.get(name) || decode(name);
    pieces.delete(name);
    pieces.set(name, found); // the one used last stands last
    if (pieces.size > MOST_WAITING) pieces.delete(pieces.keys().next().value);
    return found;
  }

  /** Return `length` bytes of archive `number` from `offset` on; fewer where it ends. */
  GeoTiles.bytes = async function (number, offset, length) {
    const size = GeoTiles.data.pieceBytes;
    const end = Math.min(offset + length, GeoTiles.data.archives[number]);
    const bytes = new Uint8Array(Math.max(0, end - offset));
    for (let i = Math.floor(offset / size); i * size < end; i++) {
      const part = await piece(number + "-" + i);
      const from = Math.max(offset, i * size);
      bytes.set(part.subarray(from - i * size, Math.min(end, (i + 1) * size) - i * size), from - offset);
    }
    return bytes;
  };

  /** A source as pmtiles.js wants it. */
  GeoTiles.source = (number) => ({
    getKey: () => "archive-" + number,
    getBytes: async (offset, length) => ({ data: (await GeoTiles.bytes(number, offset, length)).buffer }),
  });

  /** Return a row of a layer's cards: id, name, values. */
  GeoTiles.card = async function (layer, row) {
    const { archive, ends, rows } = layer.cards;
    const block = Math.floor(row / rows);
    const first = block ? ends[block - 1] : 0;
    const packed = await GeoTiles.bytes(archive, first, ends[block] - first);
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text())[row % rows];
  };
})(window.GeoTiles);
