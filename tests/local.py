"""Both services on this machine, for tests: with tables that are made already."""

from countersign.local import LocalServices
from tests.migrated import fill


class MigratedServices(LocalServices):
    """Local services that take their tables, rather than make them."""

    def migrate(self, service: str) -> None:
        """Take the tables of a service."""
        name = "DATABASE_URL" if service == "platform" else "AUTHSERVER_DATABASE_URL"
        fill(self.environment(service)[name], service)
