"""Machine code of the kernels, kept between runs: loading it takes a tenth of the second that numba takes to start.

A kernel is a plain function marked `@compiled`; it may call others so marked, must not allocate or raise, and returns
an integer. Its first call with arguments of some kinds looks for the machine code in the cache; only where there is none
does numba compile it, once. Elsewhere than on Linux, and where code would need more than memory functions, numba
does all of it and keeps its own cache.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
import tempfile
import threading
from functools import lru_cache
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from geosys import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
PLAIN_SYMBOLS = {"memset", "memcpy", "memmove", "floor", "ceil"}  # what every process offers to machine code
DIGEST = 64
CACHE_VARIABLE = "GEOSYS_CODE_CACHE"
KEPT_HERE = sys.platform.startswith("linux")
_lock = threading.RLock()

Kinds = tuple[tuple[str, int], ...]


class Kernel:
    """A function on arrays and numbers that runs as machine code; threads may call it, it lets go of the interpreter."""

    def __init__(self, function: FunctionType) -> None:
        self.function = function
        self._codes: dict[Kinds, Callable[..., int]] = {}

    def __call__(self, *values: Any) -> Any:
        """Run with C-contiguous arrays, floats and integers; return the function's integer."""
        kinds = tuple(_kind(value) for value in values)
        code = self._codes.get(kinds)
        if code is None:
            with _lock:
                code = self._codes.get(kinds) or _code_of(self.function, kinds)
                self._codes[kinds] = code
        return code(*values)

    def __reduce__(self) -> str:
        """Name the kernel for pickling: a worker on another machine takes its own machine code."""
        return str(self.function.__qualname__)


def compiled(function: Callable[..., Any]) -> Kernel:
    """Mark a function as a kernel."""
    if not isinstance(function, FunctionType):
        raise TypeError(f"compiled: got {function!r}, expected a function.")
    return Kernel(function)


def _kind(value: Any) -> tuple[str, int]:
    """Return element type and dimensions; 0 dimensions for a number."""
    if isinstance(value, np.ndarray):
        if not value.flags.c_contiguous:
            raise TypeError("kernel: got an array with gaps, expected a C-contiguous one.")
        return value.dtype.str, value.ndim
    return ("<f8", 0) if isinstance(value, float) else ("<i8", 0)


def _code_of(function: FunctionType, kinds: Kinds) -> Callable[..., int]:
    """Return what runs a function: kept machine code, machine code made and kept now, or numba's own."""
    if not KEPT_HERE:
        return _by_numba(function)  # type: ignore[no-any-return]
    place = _cache_folder() / f"{function.__name__.strip('_')}-{_key(function, kinds)}.code"
    try:
        kept = _read(place)
        if kept is None:
            kept = _translate(function, kinds)
            if kept is not None:
                _write(place, kept)
        if kept is not None:
            return _load(kept, kinds)
    except (AttributeError, ImportError, RuntimeError, TypeError):
        pass  # another numba than the one whose inner parts are known here: it keeps its code itself
    return _by_numba(function)  # type: ignore[no-any-return]


def _key(function: FunctionType, kinds: Kinds) -> str:
    """Return a digest of all that decides the machine code: sources, kinds, processor and versions."""
    names = ("numpy", "numba", "llvmlite")
    parts = [_source(function), repr(kinds), *_processor(), __version__, *_versions(names), sys.version]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


@lru_cache(maxsize=1)
def _processor() -> tuple[str, str]:
    import llvmlite.binding as llvm  # noqa: PLC0415

    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


@lru_cache(maxsize=1)
def _versions(names: tuple[str, ...]) -> list[str]:
    """Return the versions of packages without importing them."""
    from importlib.metadata import version  # noqa: PLC0415

    return [version(name) for name in names]


def _source(function: FunctionType) -> str:
    """Return the text of the modules that a kernel and the kernels it calls stand in."""
    return "".join(Path(name).read_text(encoding="utf-8") for name in sorted(_files(function)))


def _files(function: FunctionType) -> set[str]:
    return {function.__code__.co_filename}.union(*(_files(kernel.function) for kernel in _called(function).values()))


def _called(function: FunctionType) -> dict[str, Kernel]:
    """Return the kernels that a function calls, by their names in it."""
    known = {name: function.__globals__.get(name) for name in function.__code__.co_names}
    return {name: value for name, value in known.items() if isinstance(value, Kernel)}


def _cache_folder() -> Path:
    """Return where machine code is kept: as set, else beside the sources, else with the user's other caches."""
    if CACHE_VARIABLE in os.environ:
        return Path(os.environ[CACHE_VARIABLE])
    beside = Path(__file__).with_name("__pycache__")
    if os.access(beside if beside.exists() else beside.parent, os.W_OK):
        return beside
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "geosys"


def _read(place: Path) -> bytes | None:
    """Return kept machine code, or None where there is none or what is there is not whole."""
    try:
        content = place.read_bytes()
    except OSError:
        return None
    code = content[DIGEST:]
    return code if hashlib.sha256(code).hexdigest().encode() == content[:DIGEST] else None


def _write(place: Path, code: bytes) -> None:
    """Keep machine code where that is possible; other processes see the whole file or none."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as file:
            file.write(hashlib.sha256(code).hexdigest().encode() + code)
        Path(file.name).chmod(0o644)
        Path(file.name).replace(place)
    except OSError:
        return


def _by_numba(function: FunctionType) -> Any:
    """Return the function as numba compiles and keeps it, with the kernels it calls."""
    from numba import njit  # noqa: PLC0415

    scope = dict(function.__globals__)
    scope |= {name: _by_numba(kernel.function) for name, kernel in _called(function).items()}
    return njit(cache=True, **OPTIONS)(FunctionType(function.__code__, scope, function.__name__))


def _translate(function: FunctionType, kinds: Kinds) -> bytes | None:
    """Return the name of the machine code's entry, a zero byte and the object file; None where it needs a runtime."""
    from numba.core import compiler, types  # noqa: PLC0415
    from numba.core.registry import cpu_target  # noqa: PLC0415
    from numba.np.numpy_support import from_dtype  # noqa: PLC0415

    flags: Any = compiler.Flags()  # type: ignore[no-untyped-call]
    flags.no_cpython_wrapper = flags.no_cfunc_wrapper = flags.release_gil = True
    flags.error_model = "numpy"
    numbers = [from_dtype(np.dtype(kind)) for kind, _ in kinds]
    given = tuple(types.Array(n, dims, "C") if dims else n for n, (_, dims) in zip(numbers, kinds, strict=True))
    plain = _by_numba(function).py_func
    made = compiler.compile_extra(  # type: ignore[no-untyped-call]
        cpu_target.typing_context, cpu_target.target_context, plain, given, types.int64, flags, {}
    )
    code = made._asdict()["library"]
    module = code._final_module  # noqa: SLF001
    needed = {f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")}
    if not needed <= PLAIN_SYMBOLS:
        return None
    name = made.fndesc.llvm_func_name.encode()
    return bytes(name + b"\0" + code.codegen._tm.emit_object(module))  # noqa: SLF001


def _load(kept: bytes, kinds: Kinds) -> Callable[..., int]:
    """Return a function that runs machine code with numba's calling convention: result, fault, then the arguments."""
    import llvmlite.binding as llvm  # noqa: PLC0415

    name, _, code = kept.partition(b"\0")
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    types: list[Any] = []
    for kind, dims in kinds:
        pointer, whole = ctypes.c_void_p, ctypes.c_int64
        number = ctypes.c_double if kind == "<f8" else whole
        types += [pointer, pointer, whole, whole, pointer, *[whole] * (2 * dims)] if dims else [number]
    entry = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *types)(
        engine.get_function_address(name.decode())
    )

    def run(*values: Any) -> int:
        result, fault = ctypes.c_int64(), ctypes.c_void_p()
        flat: list[Any] = []
        for value in values:
            if isinstance(value, np.ndarray):
                flat += [None, None, value.size, value.itemsize, value.ctypes.data, *value.shape, *value.strides]
            else:
                flat.append(value)
        status = entry(ctypes.addressof(result), ctypes.addressof(fault), *flat)
        if status:
            raise RuntimeError(f"kernel {name.decode()}: got status {status}, expected 0: it must not raise.")
        return result.value

    vars(run)["engine"] = engine  # it owns the code: it must live as long
    return run
