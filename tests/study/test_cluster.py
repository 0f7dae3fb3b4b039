"""A study on a real dask cluster: its own processes on loopback, and the same bits as on this machine alone."""

import distributed
import pandas as pd
import pytest

import cyberrange as cr
from cyberrange.inputs.study import StudySpec

SPEC = StudySpec(
    id="cluster",
    name="A small study",
    city="kasba",
    seed=5,
    scenarios={"insider": {"per_year": 0.1, "low": 0.1, "high": 0.1, "source": {"text": "made up for a test"}}},
    organisations=["vendor_reliant", "hybrid"],
    controls=["mfa"],
    budget={"own": 1e8, "years": 1},
    discount=0.0,
    worth=1e5,
    runs={"screening": 10, "final": 10},
    threshold=1e7,
)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_study_on_a_cluster_has_the_same_bits_as_on_this_machine(tmp_path) -> None:
    here = cr.Study(SPEC, tmp_path / "here", workers=1)
    designs = [here.offer.today]
    alone = here.play(designs, 60)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        there = cr.Study(SPEC, tmp_path / "there", workers=2, backend="dask", address=cluster.scheduler_address)
        spread = there.play(designs, 60)
    pd.testing.assert_frame_equal(alone, spread, check_exact=True)
    assert len(spread) == 60
