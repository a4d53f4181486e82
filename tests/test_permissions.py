"""The permissions of a plan: read whole or not at all, by one reader for twins and packages, each taking only its own."""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from geosys._errors import SpecError
from geosys._text import Text
from geosys.layers.spec import DISCLOSURES, read_catalogue
from geosys.permissions import AUDIENCES, Permission, reaches, read_permissions
from geosys.publish.content import Profile, ProfileLayer
from geosys.publish.permissions import judge_disclosure
from geosys.twins.disclosure import lacking

if TYPE_CHECKING:
    from geosys.layers.spec import Catalogue

DAY = dt.date(2026, 9, 30)
ROW = """
[[permissions]]
layer       = "river"
audience    = "public"
approved_by = "局长 王某"
approved_on = 2026-09-01
document    = "环发〔2026〕12号"
expires_on  = 2027-08-31
"""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return read_catalogue(ROOT)


def read(text: str, catalogue: Catalogue) -> tuple[Permission, ...]:
    return read_permissions(tomllib.loads(text), catalogue)


def test_one_reader_takes_those_of_twins_and_of_packages_together(catalogue: Catalogue) -> None:
    text = ROW + ROW + 'receiver = "generic"\n' + ROW + 'receiver = "generic"\nfields = ["river_name", "feature_id"]\n'
    found = read(text.replace("river_name", next(iter(catalogue.layers["river"].fields))), catalogue)
    assert [(p.receiver, p.is_open) for p in found] == [("", True), ("generic", False), ("generic", False)]
    assert found[1].fields is None
    assert found[2].fields is not None
    assert found[2].fields[1] == "feature_id"
    assert read("", catalogue) == ()


@pytest.mark.parametrize(("was", "now", "told"), [
    ('"river"', '"rivr"', "Did you mean 'river'?"),
    ('"public"', '"internal"', "an audience"),
    ('"局长 王某"', '" "', "who decided"),
    ("2027-08-31", "2026-08-31", "a day not before approved_on"),
    ("2027-08-31", "2027-08-31T00:00:00", "a date as 2026-09-30"),
    ('"局长 王某"', '"局长 王某"\nreceiver = " "', "a profile or a receiver"),
    ('"局长 王某"', '"局长 王某"\nfields = ["colour"]', "a column of the layer"),
    ('"局长 王某"', '"局长 王某"\nfields = "river_name"', "a list of texts"),
    ('"局长 王某"', '"局长 王某"\nrecipient = "generic"', "a known key"),
    ('document    = "环发〔2026〕12号"\n', "", "the key 'document'"),
])  # fmt: skip
def test_one_that_is_half_written_stops_all(was: str, now: str, told: str, catalogue: Catalogue) -> None:
    assert was in ROW
    with pytest.raises(SpecError) as faults:
        read(ROW + ROW.replace(was, now), catalogue)
    assert told in str(faults.value)
    assert "[[permissions]] 2" in str(faults.value)
    assert "[[permissions]] 1" not in str(faults.value)


def test_a_fault_of_the_layer_is_told_once(catalogue: Catalogue) -> None:
    with pytest.raises(SpecError) as faults:
        read(ROW.replace('"river"', "7") + 'fields = ["a", "b"]\n', catalogue)
    assert str(faults.value).count("\n") == 0


def permission(layer: str, audience: str, receiver: str, fields: tuple[str, ...] | None, begins: int, ends: int) -> Permission:  # fmt: skip
    days = [DAY + dt.timedelta(days=n) for n in (begins, ends)]
    return Permission(layer, audience, "局长", days[0], "1号", days[1], receiver, fields)


ANY = st.builds(
    permission, st.sampled_from(["river", "county"]), st.sampled_from(AUDIENCES), st.sampled_from(["", "toy", "other"]),
    st.sampled_from([None, (), ("feature_id",)]), st.integers(-2, 2), st.integers(-2, 2),
)  # fmt: skip


def toy(audience: str) -> Profile:
    """Return a profile of the rivers' geometry alone."""
    layer = ProfileLayer("HL", Text("河流", "River"), "river", "line", (), ())
    texts = dict.fromkeys(
        ("title", "about", "sender", "receiver", "cycle", "receipt", "basis"), Text("某处", "someplace")
    )
    return Profile("toy", audience=audience, crs="plan", has_zone_prefix=False, formats=("gpkg",), layers=(layer,), certainty="our_reading", **texts)  # fmt: skip


@given(one=ANY, audience=st.sampled_from(AUDIENCES))
def test_no_permission_opens_both_a_twin_and_a_package(catalogue: Catalogue, one: Permission, audience: str) -> None:
    opens_twin = not lacking([one], "river", audience, DAY)
    # told by hand: its layer, its width, its days, and nothing that narrows it
    wide = {"shared": ("shared", "public"), "public": ("public",)}[audience]
    assert opens_twin == (
        one.layer == "river" and one.audience in wide and one.approved_on <= DAY <= one.expires_on
        and one.receiver == "" and one.fields is None
    )  # fmt: skip
    narrow = {**catalogue.layers, "river": replace(catalogue.layers["river"], disclosure="internal")}
    checks, used = judge_disclosure(toy(audience), replace(catalogue, layers=narrow), [one], DAY)
    opens_package = all(check.is_passed for check in checks)
    assert opens_package == bool(used)
    assert opens_package == (
        one.layer == "river" and one.audience in wide and one.approved_on <= DAY <= one.expires_on and one.receiver == "toy"
    )  # fmt: skip
    assert not (opens_twin and opens_package)


def test_a_profile_without_a_receiver_takes_no_permission_without_one(catalogue: Catalogue) -> None:
    narrow = {**catalogue.layers, "river": replace(catalogue.layers["river"], disclosure="internal")}
    one = permission("river", "public", "", None, -1, 1)
    nameless = replace(toy("shared"), receiver=Text("", ""))
    checks, used = judge_disclosure(nameless, replace(catalogue, layers=narrow), [one], DAY)
    assert not used
    assert not any(check.is_passed for check in checks)


@given(a=st.sampled_from(DISCLOSURES), b=st.sampled_from(DISCLOSURES))
def test_what_is_wider_reaches_what_is_narrower(a: str, b: str) -> None:
    circles = {"internal": {"house"}, "shared": {"house", "offices"}, "public": {"house", "offices", "everybody"}}
    assert reaches(a, b) == (circles[a] >= circles[b])
