"""EPANET water networks to cities.

How zones, storage and stations come out of a network is told in ``docs/epanet.md``.
"""

import hashlib
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from cyberrange.errors import CyberrangeError, InputError, Problem, did_you_mean, quoted
from cyberrange.inputs.city import City
from cyberrange.inputs.records import Source
from cyberrange.twin.demand import LITRES_PER_PERSON
from cyberrange.twin.hydraulics import measure
from cyberrange.twin.joining import joined
from cyberrange.twin.waterworks import city_of

MOST_BYTES = 64 * 2**20
_LINE = re.compile(r"(\d+)(?::\s+(.*\S))?", re.DOTALL)
_CODE = re.compile(r".*\(Error \d+\) ", re.DOTALL)


def import_epanet(
    source: Path | str,
    *,
    town: City | None = None,
    zones: int | None = None,
    litres_per_person: float = LITRES_PER_PERSON,
) -> City:
    """Return the city that an EPANET network serves.

    Parameters
    ----------
    source : Path or str
        An ``.inp`` file, or the name of a network that wntr ships, such as ``"Net3"``.
    town : City, optional
        The city's other services; see `cyberrange.twin.joining.joined`.
    zones : int, optional
        How many zones to make; one around each tank when absent.
    litres_per_person : float
        Mean daily draw that stands for one citizen: by default that of wntr's population metric,
        200 US gallons. The Indian norm for domestic use is 135.

    Returns
    -------
    City
        A ward and a water service for each zone, tanks, pump stations, valves, controllers and
        the control room.

    Raises
    ------
    CyberrangeError
        When wntr is not installed, the network cannot be read (`InputError`, with the line where
        EPANET's reader knows it), nobody draws water from it, or it cannot be divided or joined
        as asked.

    Examples
    --------
    >>> city = import_epanet("Net3")
    >>> [ward.population for ward in city.wards.values()]
    [55770, 4149, 18913]
    >>> city.assets["water_tanks_1"].needs[0].buffer.lasts
    10.402
    """
    if litres_per_person <= 0:
        raise CyberrangeError(f"litres_per_person must be above 0, found {litres_per_person:g}")
    wntr = _wntr()
    file = _file(source, dict(_shipped(wntr)))
    content = _content(file)
    model = _model(wntr, file)
    origin = Source(text=_origin(wntr, file, content, litres_per_person), confidence="high")
    try:
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            network = measure(model, zones=zones, litres_per_person=litres_per_person)
        city = city_of(network, name=file.stem, sources=(origin,))
    except CyberrangeError as error:
        raise _refused(file, str(error)) from None
    except (ArithmeticError, AttributeError, LookupError, ValueError):
        # wntr checks little: infinite lengths, or one name for a pipe and a pump, come this far.
        raise _refused(file, "holds figures or names that no water network has") from None
    return city if town is None else joined(city, town)


def _wntr() -> Any:
    """Return wntr, which is not needed for anything else and not installed by default."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own, about its own code
            import wntr
    except ImportError as error:
        missing = f"EPANET networks need the package {error.name or 'wntr'!r}, which is not installed"
        raise CyberrangeError(f'{missing}: pip install "cyberrange[water]"') from None
    return wntr


def _shipped(wntr: Any) -> Any:
    """Yield the networks that come with wntr, by name."""
    folder = Path(wntr.__file__).parent / "library" / "networks"
    return ((file.stem, file) for file in sorted(folder.glob("*.inp")))


def _file(source: Path | str, shipped: dict[str, Path]) -> Path:
    if isinstance(source, str) and source in shipped and not Path(source).is_file():
        return shipped[source]
    if Path(source).exists():
        return Path(source)
    what = f"{quoted(source)} is neither a file nor a network that wntr ships."
    raise CyberrangeError(what + did_you_mean(str(source), shipped))


def _content(file: Path) -> bytes:
    """Return a file as it is, for its digest, and refuse what is too long to be a network."""
    try:
        with file.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise _refused(file, f"cannot be read: {error.strerror}") from None
    if len(content) > MOST_BYTES:
        raise _refused(file, f"is longer than {MOST_BYTES // 2**20} MB")
    return content


def _model(wntr: Any, file: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about curves and options that play no part here
            return wntr.network.WaterNetworkModel(str(file))
    except Exception as error:  # wntr lets all kinds through where a file is cut short
        raise _not_read(file, error) from None


def _not_read(file: Path, error: Exception) -> InputError:
    """Return what EPANET's reader says, with its line number where it has one."""
    if isinstance(error, UnicodeDecodeError):
        return _refused(file, "is not text")
    if not type(error).__module__.startswith("wntr"):
        why = f": {str(error)[:200]}" if isinstance(error, ValueError) else ""
        return _refused(file, f"is not a whole EPANET network{why}")
    text = _CODE.sub("", str(error.__cause__ or error)).replace(" (%s)", "").strip("\"' ")
    what, _, where = text.partition(", at line ")
    line = _LINE.match(where)
    if not line:
        return _refused(file, text)
    return _refused(file, f"{what}: {quoted(line[2])}" if line[2] else what, int(line[1]))


def _refused(file: Path, message: str, line: int = 0) -> InputError:
    return InputError([Problem(str(file), line, 1, "", message)])


def _origin(wntr: Any, file: Path, content: bytes, litres_per_person: float) -> str:
    digest = hashlib.sha256(content).hexdigest()
    shipped = " as it ships with wntr" if file in dict(_shipped(wntr)).values() else ""
    return (
        f"EPANET network {file.name}{shipped}, sha256 {digest}, read with wntr"
        f" {wntr.__version__}. One citizen for every {litres_per_person:.0f} litres of mean daily"
        " draw, industry included."
    )
