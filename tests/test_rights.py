"""Hold the one place of rights against a table written by hand: role × office × county × layer × operation, rows and fields."""

from __future__ import annotations

from itertools import product

import geopandas as gpd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import Point

from geosys._schema import LayerSchema
from geosys._text import Text
from geosys.accounts import rights
from geosys.accounts.viewer import LOCAL, NOBODY, OPERATIONS, ROLES, Viewer
from geosys.layers.spec import read_catalogue
from geosys.views import schemas_of


def schema(
    name: str,
    disclosure: str,
    columns: tuple[str, ...] = ("name",),
    narrower: dict[str, str] | None = None,
    codes: dict | None = None,
) -> LayerSchema:
    title = Text(name, name)
    kinds = dict.fromkeys(columns, "text")
    return LayerSchema(
        name, title, "point", None, 0.0, disclosure, kinds, dict.fromkeys(columns, title), codes or {}, narrower or {}
    )


LAYERS = {
    "open": schema(
        "open",
        "public",
        ("name", "county_code", "chief"),
        {"chief": "shared", "county_code": "public", "name": "public"},
    ),
    "shared": schema("shared", "shared", ("name", "county_code", "note"), {"note": "internal"}),
    "shared_loose": schema("shared_loose", "shared"),
    "inner": schema("inner", "internal", ("name", "county_code", "office")),
    "inner_loose": schema("inner_loose", "internal"),
    "by_township": schema("by_township", "internal", ("name", "township_code")),
    "misspelt": schema("misspelt", "publik", ("name", "county_code")),
}
# Written by hand, one line a kind of viewer: what it reads (whole, or by which column), and nothing else.
INSIDE = {"audience": "internal"}
A, B = "410202", "410203"
READS = [
    (NOBODY, {"open": ()}),
    (Viewer("", "", audience="internal"), {"open": ()}),
    (Viewer("x", "king", audience="internal"), {"open": ()}),
    (Viewer("v", "viewer"), {"open": ()}),
    (Viewer("v", "viewer", audience="shared"), {"open": (), "shared": (), "shared_loose": ()}),
    (Viewer("v", "viewer", audience="everything"), {"open": ()}),
    (Viewer("v", "viewer", **INSIDE), dict.fromkeys(LAYERS, ())),
    (LOCAL, dict.fromkeys(LAYERS, ())),
    (
        Viewer("v", "viewer", counties=frozenset({A}), **INSIDE),
        {"open": (), "shared": ("county_code",), "shared_loose": (), "inner": ("county_code",), "by_township": ("township_code",), "misspelt": ("county_code",)},
    ),
    (Viewer("v", "viewer", counties=frozenset({A}), audience="shared"), {"open": (), "shared": ("county_code",), "shared_loose": ()}),
    (Viewer("v", "viewer", offices=frozenset({"water"}), **INSIDE), {"open": (), "shared": (), "shared_loose": (), "inner": ("office",)}),
    (
        Viewer("v", "viewer", frozenset({"water"}), frozenset({A, B}), "internal"),
        {"open": (), "shared": ("county_code",), "shared_loose": (), "inner": ("office", "county_code")},
    ),
    (Viewer("v", "viewer", scopes=frozenset({"edit"}), **INSIDE), {}),
    (Viewer("v", "viewer", scopes=frozenset(), **INSIDE), {}),
]  # fmt: skip


@pytest.mark.parametrize(("viewer", "expected"), READS)
def test_who_reads_which_rows(viewer: Viewer, expected: dict[str, tuple[str, ...]]) -> None:
    found = {}
    for name, layer in LAYERS.items():
        rules = rights.row_rules(viewer, layer)
        assert rights.may(viewer, "read", layer) == (rules is not None)
        if rules is not None:
            found[name] = tuple(rule.column for rule in rules)
        else:
            assert rights.visible_columns(viewer, layer) == ()
    assert found == expected


RANKS = {"viewer": 1, "editor": 2, "reviewer": 3, "publisher": 4, "administrator": 5}


@pytest.mark.parametrize(("role", "operation", "layer"), list(product(ROLES, OPERATIONS, LAYERS)))
def test_each_role_may_what_those_before_it_may(role: str, operation: str, layer: str) -> None:
    viewer = Viewer("v", role, audience="internal")
    assert rights.may(viewer, operation, LAYERS[layer]) == (RANKS[role] > OPERATIONS.index(operation))
    for scopes in ({operation}, {"read", operation}, {"read"}):
        token = Viewer("v", role, audience="internal", scopes=frozenset(scopes))
        within = operation in scopes and "read" in scopes
        assert rights.may(token, operation, LAYERS[layer]) == (within and RANKS[role] > OPERATIONS.index(operation))


@pytest.mark.parametrize("operation", OPERATIONS[1:])
def test_nobody_changes_anything_and_an_office_changes_only_what_is_its_own(operation: str) -> None:
    bound = Viewer("v", "administrator", offices=frozenset({"water"}), audience="internal")
    for name, layer in LAYERS.items():
        assert not rights.may(NOBODY, operation, layer)
        assert rights.may(bound, operation, layer) == (name == "inner"), name


def test_fields_narrower_than_the_layer_do_not_exist() -> None:
    assert rights.visible_columns(NOBODY, LAYERS["open"]) == ("name", "county_code")
    assert rights.visible_columns(Viewer("v", "viewer", audience="shared"), LAYERS["open"]) == (
        "name",
        "county_code",
        "chief",
    )
    assert rights.visible_columns(Viewer("v", "viewer", audience="shared"), LAYERS["shared"]) == ("name", "county_code")
    assert rights.visible_columns(LOCAL, LAYERS["shared"]) == ("name", "county_code", "note")
    # A field that says it is public in a layer that is internal opens nothing.
    odd = schema("odd", "internal", ("name",), {"name": "public"})
    assert rights.visible_columns(NOBODY, odd) == ()


def test_an_operation_that_is_none_is_a_wrong_call() -> None:
    with pytest.raises(ValueError, match="operation: got 'write'"):
        rights.may(LOCAL, "write", LAYERS["open"])


def frame() -> gpd.GeoDataFrame:
    rows = {
        "feature_id": list("abcdef"),
        "name": list("ABCDEF"),
        "county_code": [A, B, None, A, "", A + "1"],
        "township_code": [A + "003", B + "001", None, A, A[:5], "1" + A],
        "office": ["water", "water", "water", "ecology", None, "water"],
        "note": list("uvwxyz"),
    }
    return gpd.GeoDataFrame(rows, geometry=[Point(i, i) for i in range(6)], crs="EPSG:4490")


def seen(viewer: Viewer, layer: str) -> str:
    return "".join(rights.visible_rows(viewer, LAYERS[layer], frame())["feature_id"])


def test_rows_of_a_frame_by_hand() -> None:
    county = Viewer("v", "viewer", counties=frozenset({A}), audience="internal")
    both = Viewer("v", "viewer", frozenset({"water"}), frozenset({A, B}), "internal")
    assert seen(LOCAL, "inner") == "abcdef"
    assert seen(county, "inner") == "ad"  # a missing county is nobody's, and codes are compared whole
    assert seen(county, "by_township") == "ad"
    assert seen(both, "inner") == "ab"
    assert seen(county, "inner_loose") == ""
    assert seen(NOBODY, "open") == "abcdef"
    bare = frame().drop(columns="county_code")
    assert len(rights.visible_rows(county, LAYERS["inner"], bare)) == 0  # the column that binds is not there: no row
    shown = rights.visible_frame(county, LAYERS["shared"], frame())
    assert list(shown.columns) == ["feature_id", "name", "county_code", "note", "geometry"]
    shown = rights.visible_frame(Viewer("v", "viewer", audience="shared"), LAYERS["shared"], frame())
    assert list(shown.columns) == ["feature_id", "name", "county_code", "geometry"]
    assert len(rights.visible_frame(NOBODY, LAYERS["inner"], frame())) == 0


viewers = st.builds(
    Viewer,
    name=st.just("v"),
    role=st.sampled_from(["", *ROLES]),
    offices=st.frozensets(st.sampled_from(["water", "ecology"])),
    counties=st.frozensets(st.sampled_from([A, B])),
    audience=st.sampled_from(rights.DISCLOSURES),
    scopes=st.none() | st.frozensets(st.sampled_from(OPERATIONS)),
)


@given(viewer=viewers, name=st.sampled_from(sorted(LAYERS)))
def test_laws_of_rights(viewer: Viewer, name: str) -> None:
    layer = LAYERS[name]
    rules = rights.row_rules(viewer, layer)
    rows = rights.visible_rows(viewer, layer, frame())
    assert {r["feature_id"] for r in frame().to_dict("records") if rights.admits_row(rules, r)} == set(
        rows["feature_id"]
    )
    assert set(rights.visible_rows(viewer, layer, rows)["feature_id"]) == set(rows["feature_id"])  # twice is once
    # A narrower audience, a binding more, a scope less: nothing is ever gained.
    free = Viewer("v", viewer.role, audience="internal")
    assert set(rows["feature_id"]) <= set(rights.visible_rows(free, layer, frame())["feature_id"])
    assert set(rights.visible_columns(viewer, layer)) <= set(rights.visible_columns(free, layer))
    for operation in OPERATIONS:
        assert not rights.may(viewer, operation, layer) or rights.may(free, operation, layer)
        assert not rights.may(viewer, operation, layer) or rights.may(viewer, "read", layer)


@given(one=viewers, other=viewers, name=st.sampled_from(sorted(LAYERS)))
def test_a_key_of_caches_is_shared_only_by_those_who_see_the_same(one: Viewer, other: Viewer, name: str) -> None:
    layer = LAYERS[name]
    if rights.rights_key(one, layer) == rights.rights_key(other, layer):
        first, second = (rights.visible_rows(v, layer, frame())["feature_id"].tolist() for v in (one, other))
        assert first == second
        assert rights.visible_columns(one, layer) == rights.visible_columns(other, layer)


def test_layers_of_the_content() -> None:
    schemas = schemas_of(read_catalogue())
    county = Viewer("v", "viewer", counties=frozenset({A}), audience="internal")
    for name, layer in schemas.items():
        assert rights.may(LOCAL, "read", layer)
        assert rights.may(NOBODY, "read", layer) == (layer.disclosure == "public"), name
        column = rights.county_column(layer)
        assert column in {None, "county_code"}, name
        assert rights.may(county, "read", layer) == (column is not None or layer.disclosure != "internal"), name
    assert rights.unbound_layers(county, schemas) == ()  # every internal layer that comes with GeoSys says the county
    assert "river_chief" not in rights.visible_columns(NOBODY, schemas["river"])
    assert "sewage_state" not in rights.visible_columns(NOBODY, schemas["village"])


def test_a_county_is_found_by_name_by_code_list_and_by_prefix() -> None:
    counties = {A: Text("甲", "a"), B: Text("乙", "b")}
    assert (
        rights.county_column(schema("x", "internal", ("seat", "county_code"), codes={"seat": counties}))
        == "county_code"
    )
    assert (
        rights.county_column(
            schema("x", "internal", ("kind", "seat"), codes={"kind": {"01": Text("", "")}, "seat": counties})
        )
        == "seat"
    )
    assert rights.county_column(schema("x", "internal", ("village_code",))) == "village_code"
    assert rights.county_column(schema("x", "internal", ("county_name",), codes={"county_name": {}})) is None
