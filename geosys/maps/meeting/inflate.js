/* Unpack what the page carries: base64 of zlib data, by the browser where it can, else by the few lines below (RFC 1951). */
"use strict";

(function (GeoSys) {
  /** Return the bytes of a packed block as they stand in the page. */
  GeoSys.bytesOf = function (name) {
    const block = GeoSys.byId("packed-" + name);
    const text = block ? atob(block.textContent) : "";
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return bytes;
  };

  /** Return, soon, the text of a packed block. */
  GeoSys.unpack = async function (name) {
    const bytes = GeoSys.bytesOf(name);
    if (typeof DecompressionStream === "function" && typeof Response === "function") {
      return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
    }
    return new TextDecoder().decode(GeoSys.inflate(bytes));
  };

  const LENGTHS = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
  const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
  const REACHES = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577];
  const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

  /** Return how many codes there are of each length, and the symbols in the order of their codes. */
  function codes(sizes) {
    const count = new Uint16Array(16);
    for (const size of sizes) count[size]++;
    count[0] = 0;
    const first = new Uint16Array(16);
    for (let i = 1; i < 15; i++) first[i + 1] = first[i] + count[i];
    const symbols = new Uint16Array(sizes.length);
    sizes.forEach((size, symbol) => size && (symbols[first[size]++] = symbol));
    return { count, symbols };
  }

  const FIXED = codes(Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8)));
  const FIXED_REACH = codes(new Array(30).fill(5));

  /** Return the bytes that zlib data holds. */
  GeoSys.inflate = function (data) {
    let at = 2; // behind the two bytes of the head
    let bit = 0;
    let out = new Uint8Array(data.length * 4 + 1024);
    let n = 0;

    function bits(many) {
      let value = 0;
      for (let i = 0; i < many; i++) {
        value |= ((data[at] >> bit) & 1) << i;
        if (++bit === 8) (bit = 0), at++;
      }
      return value;
    }
    function symbol(tree) {
      let code = 0, first = 0, index = 0;
      for (let size = 1; size < 16; size++) {
        if (at >= data.length) break;
        code |= (data[at] >> bit) & 1;
        if (++bit === 8) (bit = 0), at++;
        const count = tree.count[size];
        if (code - count < first) return tree.symbols[index + code - first];
        index += count;
        first = (first + count) << 1;
        code <<= 1;
      }
      throw new Error("packed data is damaged");
    }
    function room(more) {
      if (n + more <= out.length) return;
      const larger = new Uint8Array(Math.max(out.length * 2, n + more));
      larger.set(out.subarray(0, n));
      out = larger;
    }
    function trees() {
      const literals = bits(5) + 257, reaches = bits(5) + 1, given = bits(4) + 4;
      const sizes = new Array(19).fill(0);
      for (let i = 0; i < given; i++) sizes[ORDER[i]] = bits(3);
      const tree = codes(sizes);
      const all = [];
      while (all.length < literals + reaches) {
        const word = symbol(tree);
        if (word < 16) all.push(word);
        else {
          const value = word === 16 ? all[all.length - 1] : 0;
          const times = word === 16 ? bits(2) + 3 : word === 17 ? bits(3) + 3 : bits(7) + 11;
          for (let i = 0; i < times; i++) all.push(value);
        }
      }
      return [codes(all.slice(0, literals)), codes(all.slice(literals, literals + reaches))];
    }
    function stored() {
      if (bit) (bit = 0), at++;
      const size = data[at] | (data[at + 1] << 8);
      at += 4;
      room(size);
      out.set(data.subarray(at, at + size), n);
      n += size;
      at += size;
    }
    function block(literals, reaches) {
      for (let word = symbol(literals); word !== 256; word = symbol(literals)) {
        room(258);
        if (word < 256) {
          out[n++] = word;
          continue;
        }
        const length = LENGTHS[word - 257] + bits(LENGTH_BITS[word - 257]);
        const far = symbol(reaches);
        const reach = REACHES[far] + bits(far < 4 ? 0 : (far >> 1) - 1);
        for (let i = 0; i < length; i++, n++) out[n] = out[n - reach];
      }
    }
    for (let last = 0; !last; ) {
      last = bits(1);
      const kind = bits(2);
      if (kind === 0) stored();
      else if (kind === 1) block(FIXED, FIXED_REACH);
      else block(...trees());
    }
    return out.subarray(0, n);
  };
})(window.GeoSys);
