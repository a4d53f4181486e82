"""Classes of rights: viewers who see the same rows and fields share one folder with map file, face and data."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geosys.web.pictures.child import MAP, SETTINGS
from geosys.web.pictures.fonts import write_face
from geosys.web.pictures.mapfile import FACE, FACE_FILE, label_layers, map_file, map_texts
from geosys.web.pictures.packages import Package, label_texts, package_of
from geosys.web.tiles.seen import seen_layers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from geosys.accounts.viewer import Viewer
    from geosys.maps.spec import MapSpec
    from geosys.web.service import Service
    from geosys.web.tiles.seen import Seen

FORMAT = 1  # of the files: another number, and all are made anew
MOST_CLASSES = 64
DATA, TILES = "data", "wmts"
_FONTS = "fonts.txt"
# A client may name no map file at all: that of its class is set, and nothing matches this.
_NOTHING = 'CONFIG\nENV\nMS_MAP_PATTERN "^/dev/null$"\nEND\nEND\n'


@dataclass(frozen=True, slots=True)
class RightsClass:
    """Hold a class of rights: its key, its folder with the map file, and the package of each layer it sees."""

    key: str
    folder: Path
    packages: Mapping[str, Package]


class RightsClasses:
    """Make the folder of a class when its first viewer asks; beyond a bound, those not asked for longest go."""

    def __init__(self, service: Service, spec: MapSpec, folder: Path, most: int = MOST_CLASSES) -> None:
        self._service, self._spec, self._folder, self._most = service, spec, folder, most
        self._lock, self._making = threading.Lock(), threading.Lock()
        self._made: dict[str, RightsClass] = {}

    def of(self, viewer: Viewer) -> RightsClass:
        """Return the class of a viewer as the layers are now."""
        layers = seen_layers(self._service.source, self._service.schemas, viewer)
        told = [str(FORMAT), self._service.plan_crs, *(f"{layer} {seen.key}" for layer, seen in sorted(layers.items()))]
        key = hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]
        known = self._known(key)
        if known is None:
            with self._making:
                known = self._known(key) or self._make(key, layers)
        return known

    def _known(self, key: str) -> RightsClass | None:
        with self._lock:
            known = self._made.pop(key, None)
            if known is not None:
                self._made[key] = known  # the last is the one asked for last
        return known

    def _make(self, key: str, layers: Mapping[str, Seen]) -> RightsClass:
        packages = {
            layer: package_of(self._service.source, seen, self._folder / DATA) for layer, seen in layers.items()
        }
        made = RightsClass(key, self._folder / key, packages)
        self._write(made)
        with self._lock:
            self._made[key] = made
            self._drop_others()
        return made

    def _write(self, made: RightsClass) -> None:
        """Write a class's folder, whole or not at all."""
        part = self._folder / f".{made.key}.{os.getpid()}"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        try:
            names = (
                text
                for layer in label_layers(self._spec)
                if layer in made.packages
                for text in label_texts(made.packages[layer])
            )
            write_face(part / FACE_FILE, [*map_texts(self._spec, made.packages, self._service.title), *names])
            (part / _FONTS).write_text(f"{FACE} {FACE_FILE}\n", encoding="utf-8")
            (part / SETTINGS).write_text(_NOTHING, encoding="utf-8")
            text = map_file(self._spec, made.packages, self._service.title, self._service.plan_crs, _FONTS)
            (part / MAP).write_text(text, encoding="utf-8")
            shutil.rmtree(made.folder, ignore_errors=True)
            part.replace(made.folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def _drop_others(self) -> None:
        """Delete classes beyond the bound and those of earlier runs, with data and tiles that no class is made of."""
        while len(self._made) > self._most:
            del self._made[next(iter(self._made))]
        kept = {package.path.stem for made in self._made.values() for package in made.packages.values()}
        for path in self._folder.iterdir():
            if path.is_dir() and path.name not in {*self._made, DATA, TILES} and not path.name.startswith("."):
                shutil.rmtree(path, ignore_errors=True)
        for path in (*_within(self._folder / DATA), *_within(self._folder / TILES)):
            if (path.stem if path.is_file() else path.name) not in kept and path.suffix != ".part":
                with contextlib.suppress(OSError):
                    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


def _within(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []
