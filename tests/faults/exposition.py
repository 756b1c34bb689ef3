"""Read a metric from a program's Prometheus page."""

from collections.abc import Mapping
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

_TIMEOUT_S = 5.0


def read_metrics(address: str, name: str, labels: Mapping[str, str]) -> float:
    """The sum of a metric over all its series with these labels, 0 where there is none; OSError when nobody answers."""
    with urlopen(f"http://{address}/metrics", timeout=_TIMEOUT_S) as answer:
        return total(answer.read().decode(), name, labels)


def total(page: str, name: str, labels: Mapping[str, str]) -> float:
    """The same from the page's text; a counter is found with or without `_total`."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name in (name, f"{name}_total") and labels.items() <= sample.labels.items()
    )
