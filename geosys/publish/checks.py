"""Check the layers of a package before they are written: by the profile, by themselves, against their source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geosys.publish.boundary_checks import check_boundary_points
from geosys.publish.check_words import Fault, Findings
from geosys.publish.shape_checks import check_shapes
from geosys.publish.source_checks import check_source
from geosys.publish.value_checks import check_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geosys.publish.content import Check, ShapedLayer
    from geosys.publish.profile_reading import ShippedProfile
    from geosys.publish.source_checks import Setting


def check_layers(profile: ShippedProfile, shaped: Sequence[ShapedLayer], setting: Setting) -> list[Check]:
    """Return every check of every layer: one that passed once, one that failed once for each place (`MOST_TOLD` at most).

    Those that failed and stop keep the package in the house; those that failed and do not are told with it.
    """
    whole = Findings(profile.id)
    none = Fault(
        "", "没有图层可以提供 no layer can hold it", f"{profile.lacking.both()}" if profile.lacking.zh else "≥ 1"
    )
    whole.tell("layers_there", [] if shaped else [none], passed=str(len(shaped)))
    if shaped:
        whole.tell(
            "lacking", [Fault("", "不在包内 not in the package", profile.lacking.both())] if profile.lacking.zh else []
        )
    rows = list(whole.rows)
    for layer in shaped:
        told = Findings(layer.layer.name)
        check_source(profile, layer, setting, told)
        check_values(layer, profile.formats, told)
        check_shapes(layer, setting.place, told)
        if "txt" in profile.formats and layer.layer.geometry == "polygon":
            check_boundary_points(layer, told)
        rows += told.rows
    return rows
