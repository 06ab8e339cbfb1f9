"""What metering reads from its environment."""

from shared.settings import DatabaseSettings


class Settings(DatabaseSettings):
    """See shared.settings for the rest.

    `max_records_per_transaction`: Kafka records, each with many calls. `gather_seconds`: between two transactions, and
    between two publications of windows, while calls keep coming; the first after a pause goes at once.
    """

    operations_port: int = 8031
    max_records_per_transaction: int = 500
    hold_seconds: float = 300.0
    gather_seconds: float = 0.1
