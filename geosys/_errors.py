"""The errors that a wrong spec, call or file raises; wrong data becomes a row of the issue table instead."""


class GeoSysError(Exception):
    """Something the user must change before the command can go on; the message says what."""


class SpecError(GeoSysError):
    """Content (a layer, rule, map, code list or workspace file) is not as it must be."""


class CrsError(GeoSysError):
    """Coordinates have no CRS, another CRS than the work needs, or cannot be converted exactly."""


class DeliveryError(GeoSysError):
    """A delivered file cannot be read as what it says it is."""

    issue_type = "unreadable_file"


class TableError(DeliveryError):
    """A delivered file has no table of the name asked for, or several and none was asked for."""

    issue_type = "unknown_table"


class WorkspaceError(GeoSysError):
    """The folder is not a workspace, or its parts contradict each other."""


class ConflictError(GeoSysError):
    """Somebody else changed the same thing meanwhile; nothing was written."""


class DisclosureError(GeoSysError):
    """An output would show a layer or field to a wider audience than it may have."""
