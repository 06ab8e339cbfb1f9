"""What every service reads from its environment (prefix TOLLWAY_)."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """Validated once at start, frozen afterwards. `sandbox`: business time follows the topic sandbox.clock."""

    model_config = SettingsConfigDict(env_prefix="TOLLWAY_", frozen=True, extra="ignore")

    kafka_bootstrap_servers: str = "127.0.0.1:19092"
    kafka_topic_prefix: str = ""
    operations_host: str = "127.0.0.1"
    operations_port: int = 0
    log_level: str = "INFO"
    sandbox: bool = False
    instance: str = "1"


class DatabaseSettings(ServiceSettings):
    """A service that keeps state in a PostgreSQL database of its own."""

    database_url: str
