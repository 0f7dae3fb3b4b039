"""What tests of the engines share."""

import pytest

from cyberrange.engine.compiled import kernel


@pytest.fixture(scope="session")
def compiled():
    """Compile the rules, which takes a minute, or fetch them from the disk, which takes a second."""
    return kernel()
