"""What a process is told of its broker: files that are missing are said at the start, by name."""

import pytest

from shared.config import BaseConfig
from shared.kafka import broker


@pytest.fixture
def told(service_keys):
    def make(**settings):
        config = BaseConfig(
            kafka_bootstrap="127.0.0.1:1",
            service_key_file=service_keys.key_file("order"),
            service_trust_file=service_keys.trust_file,
            **settings,
        )
        return broker(config, "order")

    return make


@pytest.mark.parametrize(
    ("protocol", "file"),
    [
        ("SASL_PLAINTEXT", "kafka_sasl_password_file"), ("SASL_SSL", "kafka_sasl_token_file"),
        ("SSL", "kafka_ssl_ca_file"), ("SSL", "kafka_ssl_cert_file"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_there_stops_the_start(told, tmp_path, protocol, file):
    with pytest.raises(FileNotFoundError):
        told(kafka_security_protocol=protocol, **{file: tmp_path / "nothing"})


def test_an_event_is_believed_for_four_weeks_unless_told_otherwise(told):
    assert told().max_age_days == 28
    assert told(events_max_age_days=400).max_age_days == 400
