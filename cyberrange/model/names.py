"""Names as two 32-bit words: how random draws know a thing."""

import hashlib


def name_key(name: str) -> tuple[int, int]:
    """Return the two words of a name.

    Examples
    --------
    >>> name_key("node/pump_1") == name_key("node/pump_1") != name_key("node/pump_2")
    True
    """
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")
