/* Lengths, areas and plane coordinates on the CGCS2000 ellipsoid; positions are [longitude, latitude] in degrees. */
"use strict";

(function (GeoSys) {
  const A = 6378137;
  const F = 1 / 298.257222101;
  const B = A * (1 - F);
  const E2 = F * (2 - F);
  const RAD = Math.PI / 180;
  const E = {};

  /** Return the two factors of Vincenty's series for a geodesic that leaves the equator at a given angle. */
  function series(cosSquared) {
    const u = (cosSquared * (A * A - B * B)) / (B * B);
    return [
      1 + (u / 16384) * (4096 + u * (-768 + u * (320 - 175 * u))),
      (u / 1024) * (256 + u * (-128 + u * (74 - 47 * u))),
    ];
  }

  const correction = (b, sin, cos, mid) =>
    b * sin * (mid + (b / 4) * (cos * (2 * mid * mid - 1) - (b / 6) * mid * (4 * sin * sin - 3) * (4 * mid * mid - 3)));

  const bend = (cosSquared) => (F / 16) * cosSquared * (4 + F * (4 - 3 * cosSquared));

  /** Return length (m) and starting azimuth (radians) of the geodesic; null between near antipodes, where the series fails. */
  E.inverse = function ([lon1, lat1], [lon2, lat2]) {
    const L = (lon2 - lon1) * RAD;
    const [u1, u2] = [lat1, lat2].map((lat) => Math.atan((1 - F) * Math.tan(lat * RAD)));
    const [s1, c1, s2, c2] = [Math.sin(u1), Math.cos(u1), Math.sin(u2), Math.cos(u2)];
    let lambda = L;
    for (let turn = 0; turn < 100; turn++) {
      const [sl, cl] = [Math.sin(lambda), Math.cos(lambda)];
      const east = c2 * sl;
      const north = c1 * s2 - s1 * c2 * cl;
      const sin = Math.hypot(east, north);
      if (sin === 0) return [0, 0];
      const cos = s1 * s2 + c1 * c2 * cl;
      const sigma = Math.atan2(sin, cos);
      const sinAlpha = (c1 * c2 * sl) / sin;
      const cosSquared = 1 - sinAlpha * sinAlpha;
      const mid = cosSquared ? cos - (2 * s1 * s2) / cosSquared : 0;
      const c = bend(cosSquared);
      const before = lambda;
      lambda = L + (1 - c) * F * sinAlpha * (sigma + c * sin * (mid + c * cos * (2 * mid * mid - 1)));
      if (Math.abs(lambda - before) < 1e-13) {
        const [a, b] = series(cosSquared);
        return [B * a * (sigma - correction(b, sin, cos, mid)), Math.atan2(east, north)];
      }
    }
    return null;
  };

  /** Return latitude and azimuth (radians) at a distance (m) along the geodesic that leaves a latitude at an azimuth. */
  E.along = function (lat, azimuth, length) {
    const u = Math.atan((1 - F) * Math.tan(lat * RAD));
    const [su, cu, sa, ca] = [Math.sin(u), Math.cos(u), Math.sin(azimuth), Math.cos(azimuth)];
    const start = Math.atan2(su, cu * ca);
    const sinAlpha = cu * sa;
    const [a, b] = series(1 - sinAlpha * sinAlpha);
    let sigma = length / (B * a);
    for (let turn = 0; turn < 20; turn++) {
      const next = length / (B * a) + correction(b, Math.sin(sigma), Math.cos(sigma), Math.cos(2 * start + sigma));
      const moved = Math.abs(next - sigma);
      sigma = next;
      if (moved < 1e-14) break;
    }
    const [ss, cs] = [Math.sin(sigma), Math.cos(sigma)];
    const across = su * ss - cu * cs * ca;
    return [Math.atan2(su * cs + cu * ss * ca, (1 - F) * Math.hypot(sinAlpha, across)), Math.atan2(sinAlpha, -across)];
  };

  /** Return the length (m) of a path along geodesics; null where one of them cannot be reckoned. */
  E.length = function (path) {
    let sum = 0;
    for (let i = 1; i < path.length; i++) {
      const leg = E.inverse(path[i - 1], path[i]);
      if (!leg) return null;
      sum += leg[0];
    }
    return sum;
  };

  /** Return the area (m²) between the equator and a latitude (radians), for each radian of longitude. */
  function strip(lat) {
    const e = Math.sqrt(E2);
    const sine = Math.sin(lat);
    return ((B * B) / 2) * (sine / (1 - E2 * sine * sine) + Math.atanh(e * sine) / e);
  }

  const NODES = [ // Gauss and Legendre, eight points
    [0.1834346424956498, 0.362683783378362], [0.525532409916329, 0.3137066458778873],
    [0.7966664774136267, 0.2223810344533745], [0.9602898564975363, 0.1012285362903763],
  ].flatMap(([x, w]) => [[x, w], [-x, w]]);

  /** Return the area (m²) inside a ring of geodesics, its first position not repeated; null where it cannot be reckoned. */
  E.area = function (ring) {
    let sum = 0;
    // strips are counted from the ring, not from the equator: there a rounded azimuth would cost square metres
    const base = strip((ring.reduce((total, position) => total + position[1], 0) / (ring.length || 1)) * RAD);
    for (let i = 0; i < ring.length; i++) {
      const leg = E.inverse(ring[i], ring[(i + 1) % ring.length]);
      if (!leg) return null;
      for (const [x, w] of NODES) {
        const [lat, azimuth] = E.along(ring[i][1], leg[1], (leg[0] / 2) * (1 + x));
        const normal = A / Math.sqrt(1 - E2 * Math.sin(lat) ** 2);
        sum += ((w * leg[0]) / 2) * (strip(lat) - base) * (Math.sin(azimuth) / (normal * Math.cos(lat)));
      }
    }
    return Math.abs(sum);
  };

  const N = F / (2 - F);
  const RADIUS = (A / (1 + N)) * (1 + N ** 2 / 4 + N ** 4 / 64);
  const KRUEGER = [
    N / 2 - (2 / 3) * N ** 2 + (5 / 16) * N ** 3 + (41 / 180) * N ** 4,
    (13 / 48) * N ** 2 - (3 / 5) * N ** 3 + (557 / 1440) * N ** 4,
    (61 / 240) * N ** 3 - (103 / 140) * N ** 4,
    (49561 / 161280) * N ** 4,
  ];

  /** Return easting (false easting 500 km, no zone number) and northing (m) around a central meridian. */
  E.plane = function ([lon, lat], meridian) {
    const sine = Math.sin(lat * RAD);
    const across = (lon - meridian) * RAD;
    const e = Math.sqrt(E2);
    const t = Math.sinh(Math.atanh(sine) - e * Math.atanh(e * sine));
    const xi = Math.atan2(t, Math.cos(across));
    const eta = Math.atanh(Math.sin(across) / Math.hypot(1, t));
    let [north, east] = [xi, eta];
    KRUEGER.forEach((k, i) => {
      const m = 2 * (i + 1);
      north += k * Math.sin(m * xi) * Math.cosh(m * eta);
      east += k * Math.cos(m * xi) * Math.sinh(m * eta);
    });
    return [500000 + RADIUS * east, RADIUS * north];
  };

  /** Return the number of the 3-degree zone of a longitude; its central meridian is three times that. */
  E.zone = (lon) => Math.round(lon / 3);

  /** Return degrees, minutes and seconds as text; what rounds up to 60 is carried. */
  E.sixtieths = function (degrees, decimals, letters) {
    const unit = 10 ** decimals;
    const whole = Math.round(Math.abs(degrees) * 3600 * unit);
    const pad = (n, width) => String(n).padStart(width, "0");
    const seconds = ((whole % (60 * unit)) / unit).toFixed(decimals);
    const minutes = Math.floor(whole / (60 * unit));
    return Math.floor(minutes / 60) + "°" + pad(minutes % 60, 2) + "′" + pad(seconds, decimals ? decimals + 3 : 2) + "″" + letters[degrees < 0 ? 1 : 0];
  };

  GeoSys.Ellipsoid = E;
})(window.GeoSys);
