"""When the soak calls something growth."""

from tests.faults.growth import HANDLES, MEMORY, MIB, Sample, Tolerance, grown


def growth_of(values: list[float], tolerance: Tolerance) -> list[str]:
    """What is found in these samples."""
    samples: list[Sample] = [{"figure": value} for value in values]
    return grown(samples, {"figure": tolerance})


def test_a_handle_lost_at_each_fault_is_found() -> None:
    """One a minute, 12 samples a minute, 20 minutes."""
    assert growth_of([40 + number // 12 for number in range(240)], HANDLES)


def test_forty_bytes_lost_at_each_span_are_found() -> None:
    """At 2,400 spans a second, a sample each 5 s, on 60 MiB."""
    assert growth_of([60 * MIB + number * 5 * 2_400 * 40 for number in range(240)], MEMORY)


def test_what_is_flat_or_a_spike_is_no_growth() -> None:
    """Also at a higher level than at the begin: the first quarter is left out."""
    assert not growth_of([10.0] * 60 + [40.0] * 180, HANDLES)
    assert not growth_of([40.0] * 239 + [400.0], HANDLES)
