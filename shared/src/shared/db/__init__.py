"""PostgreSQL: engine, transactions, migrations, and the tables that messaging needs in every service's database."""
