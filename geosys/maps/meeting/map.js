/* The map: a page of its own inside this one, unpacked when its tab is opened first. */
"use strict";

(function (GeoSys) {
  let address = null; // of the unpacked page
  let frame = null;
  let asked = "";

  /** Return a view of the map in the language of this page. */
  const viewOf = (place) => (place ? place + (GeoSys.language && !place.includes("lang=") ? "&lang=en" : "") : GeoSys.language ? "#lang=en" : "");

  function told(panel, word) {
    GeoSys.clear(panel).appendChild(GeoSys.make("p", { class: "gs-soft gs-pad", text: GeoSys.say(word) }));
  }

  /** Draw the tab; the map is kept as it is when it is there. */
  GeoSys.drawMap = function (panel) {
    if (!GeoSys.data.hasMap) return told(panel, "noMap");
    if (frame) frame.title = GeoSys.say("map");
    return null;
  };

  GeoSys.openMap = function () {
    const panel = GeoSys.byId("map");
    if (!GeoSys.data.hasMap || frame || address !== null) return;
    address = "";
    told(panel, "mapLoading");
    GeoSys.unpack("map").then((text) => {
      address = URL.createObjectURL(new Blob([text], { type: "text/html;charset=utf-8" }));
      frame = GeoSys.make("iframe", { attr: { title: GeoSys.say("map"), allow: "clipboard-write" } });
      frame.src = address + viewOf(asked);
      GeoSys.clear(panel).appendChild(frame);
    }).catch(() => told(panel, "mapLost"));
  };

  /** Open the map's tab with a view that an issue names. */
  GeoSys.showPlace = function (place) {
    asked = place;
    GeoSys.open("map");
    if (frame) frame.src = address + viewOf(place);
  };
})(window.GeoSys);
