/* The order of cells: numbers as numbers, days as days, Chinese by pinyin; what is missing comes last both ways. */
"use strict";

(function (GeoSys) {
  /** Return a comparison of Chinese texts by pinyin: the browser's, or that of GB 2312, whose common characters stand so. */
  function chinese() {
    const known = typeof Intl === "object" && Intl.Collator && Intl.Collator.supportedLocalesOf(["zh"]).length;
    if (known) return new Intl.Collator("zh-CN-u-co-pinyin", { numeric: true, sensitivity: "variant" }).compare;
    const rank = new Map();
    const decoder = new TextDecoder("gb18030");
    for (let row = 0xb0; row < 0xd8; row++) {
      for (let cell = 0xa1; cell < 0xff; cell++) {
        const letter = decoder.decode(Uint8Array.of(row, cell));
        if (!rank.has(letter)) rank.set(letter, 0x200000 + rank.size);
      }
    }
    const place = (letter) => rank.get(letter) || letter.codePointAt(0) + (letter > "\u2e7f" ? 0x400000 : 0);
    return (a, b) => {
      const left = a.match(/\d+|[^\d]/gu) || [];
      const right = b.match(/\d+|[^\d]/gu) || [];
      for (let i = 0; i < Math.min(left.length, right.length); i++) {
        const numbers = /^\d/.test(left[i]) && /^\d/.test(right[i]);
        const way = numbers ? Number(left[i]) - Number(right[i]) : place(left[i]) - place(right[i]);
        if (way) return way;
      }
      return left.length - right.length;
    };
  }
  const byPinyin = chinese();

  /** Return a cell as it is shown. */
  GeoSys.shown = function (value, column) {
    if (value === null || value === undefined) return "";
    if (typeof value === "boolean") return GeoSys.say(value ? "yes" : "no");
    if (typeof value === "number") return column.kind === "number" ? GeoSys.number(value) : String(value);
    return GeoSys.pick(value);
  };

  /** Return the order of rows (their numbers) by one column; equal ones stay as they were. */
  GeoSys.sorted = function (numbers, rows, at, column, down) {
    const way = down ? -1 : 1;
    const keys = new Array(rows.length);
    const ranks = new Uint8Array(rows.length);
    for (const n of numbers) {
      const value = rows[n][at];
      const number = column.kind === "number" && typeof value === "number";
      keys[n] = number ? value : GeoSys.shown(value, column);
      // in a column of numbers, words such as "<0.05" follow the numbers
      ranks[n] = keys[n] === "" ? 2 : column.kind === "number" && !number ? 1 : 0;
    }
    const plain = column.kind === "date";
    return numbers.slice().sort((a, b) => {
      if (ranks[a] !== ranks[b]) return ranks[a] - ranks[b];
      const left = keys[a], right = keys[b];
      const order = typeof left === "number" && typeof right === "number" ? left - right : plain ? (left < right ? -1 : left > right ? 1 : 0) : byPinyin(left, right);
      return order * way || a - b;
    });
  };
})(window.GeoSys);
