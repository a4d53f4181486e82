"""Draw the whole county: every frame that somebody will deliver, in the metric CRS, with the layers' field ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from geosys.geo.area import ellipsoidal_area_m2
from geosys.sample import faults, onemap, outfalls, plans, plots, receptors, samples
from geosys.sample.farmland import Farmland, draw_farmland
from geosys.sample.lots import divide_cells
from geosys.sample.patches import Patches, draw_patches
from geosys.sample.rivers import Rivers, draw_rivers
from geosys.sample.sites import convert_sites, find_sites
from geosys.sample.terrain import CRS, Terrain, draw_terrain
from geosys.sample.villages import Settlement, settle
from geosys.sample.zones import Zones, draw_zones

if TYPE_CHECKING:
    from collections.abc import Callable

    Frames = dict[str, gpd.GeoDataFrame]


def draw_frames(rng: np.random.Generator, report: Callable[[str, float], None]) -> tuple[Frames, faults.Flawed]:
    """Return all clean frames by name, and the outlines that the faulty plots will get.

    Parameters
    ----------
    rng
        The only source of chance.
    report
        Called with a step's name and the share done so far.
    """
    terrain = draw_terrain(rng)
    rivers = draw_rivers(rng, terrain, _rough_county(terrain))
    settlement = settle(rng, terrain, rivers)
    report("patches", 0.05)
    lots = divide_cells(rng, terrain, settlement)
    patches = draw_patches(rng, terrain, lots, rivers, settlement.village_of_cell)
    report("zones and plans", 0.55)
    zones = draw_zones(rng, rivers)
    patches = convert_sites(rng, patches, zones)
    planned, is_planned = plans.plan_land_use(rng, patches, settlement)
    farmland = draw_farmland(rng, patches, settlement, terrain.centres())
    report("one map", 0.7)
    frames = _one_map(rng, patches, settlement, farmland)
    frames |= {"planned": planned, "boundaries": plans.draw_urban_boundary(patches, settlement)}
    report("plots and receptors", 0.8)
    industry, flawed = _industry(rng, patches, zones, is_planned, farmland, frames["permanent"])
    frames |= industry
    frames |= _lives(rng, patches, settlement, industry, flawed, terrain)
    report("waters", 0.95)
    frames |= _waters(rng, terrain, rivers, zones, settlement, frames["counties"].geometry.iloc[0])
    return {name: _with_area(frame) for name, frame in frames.items()}, flawed


def _rough_county(terrain: Terrain) -> shapely.Geometry:
    """Return the union of the county's cells, before anything is noded."""
    i, j = terrain.cells.T
    node = terrain.nodes
    corners = np.stack([node[i, j], node[i + 1, j], node[i + 1, j + 1], node[i, j + 1]], axis=1)
    return shapely.coverage_union_all(shapely.polygons(corners))


def _one_map(rng: np.random.Generator, patches: Patches, settlement: Settlement, farmland: Farmland) -> Frames:
    """Return the survey's frames and the farmland units."""
    book = onemap.write_book(patches, settlement)
    villages, townships, county = onemap.administrative(rng, patches, settlement)
    return {
        "patches": book,
        "permanent": onemap.permanent_farmland(book, patches, farmland.permanent),
        "villages": villages,
        "townships": townships,
        "counties": county,
        "farm_units": farmland.units,
        "soils": farmland.samples,
    }


def _industry(
    rng: np.random.Generator,
    patches: Patches,
    zones: Zones,
    is_planned: np.ndarray[tuple[int], np.dtype[np.bool_]],
    farmland: Farmland,
    permanent: gpd.GeoDataFrame,
) -> tuple[Frames, faults.Flawed]:
    """Return the plots and units, and the outlines of the faulty plots."""
    sites = find_sites(rng, patches, zones, is_planned, permanent.geometry.to_numpy())
    arable = patches.outline[np.char.startswith(patches.land_class.astype(str), "01")]
    units = farmland.units.geometry.to_numpy()
    drawn = plots.draw_plots(rng, sites, units, permanent.geometry.to_numpy(), arable)
    flawed = faults.flawed_outlines(sites, drawn, patches.outline[is_planned], arable)
    frames = {
        "suspected": drawn.suspected,
        "contaminated": drawn.contaminated,
        "priority": drawn.priority,
        "units": drawn.units,
    }
    return frames, flawed


def _lives(
    rng: np.random.Generator,
    patches: Patches,
    settlement: Settlement,
    industry: Frames,
    flawed: faults.Flawed,
    terrain: Terrain,
) -> Frames:
    """Return receptors and groundwater points, clear of the distances that decide about plots and units."""
    outlines = [industry[name].geometry.to_numpy() for name in ("contaminated", "priority", "suspected")]
    everything = np.concatenate([*outlines, flawed.settled()])
    return {
        "receptors": receptors.draw_receptors(
            rng, patches, settlement, everything, industry["units"].geometry.to_numpy()
        ),
        "wells": receptors.draw_groundwater_points(rng, terrain.centres()),
    }


def _waters(
    rng: np.random.Generator,
    terrain: Terrain,
    rivers: Rivers,
    zones: Zones,
    settlement: Settlement,
    county: shapely.Geometry,
) -> Frames:
    """Return rivers, zones, sections with samples, outfalls, plants and black-odorous waters."""
    sections = samples.draw_sections(rng, rivers)
    monthly = samples.draw_samples(rng, sections)
    nowhere = np.full(len(monthly), None, dtype=object)
    return {
        "rivers": rivers.frame,
        "zones": zones.zones,
        "intakes": zones.intakes,
        "redlines": zones.redline,
        "sections": sections,
        "samples": gpd.GeoDataFrame(monthly, geometry=nowhere, crs=CRS),
        "outlets": outfalls.draw_outfalls(rng, rivers, zones, sections.geometry.to_numpy()),
        "plants": outfalls.draw_sewage_plants(rng, settlement),
        "black_waters": outfalls.draw_black_waters(rng, terrain, settlement, county),
    }


def _with_area(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a polygon frame with its ellipsoidal area as the stated one, where it states none yet."""
    shapes = frame.geometry.to_numpy()
    if "stated_area_m2" in frame or not (shapely.get_dimensions(shapes) == 2).any():  # noqa: PLR2004
        return frame
    return frame.assign(stated_area_m2=np.round(ellipsoidal_area_m2(shapes, CRS), 2))
