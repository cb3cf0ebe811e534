"""Load orders into PostgreSQL, add them up there, and read the sums back.

The orders are made up; the same seed gives the same ones. The address of the database comes from
PGHOST, PGUSER and PGDATABASE, which the box has.

    python load.py
    python load.py --rows 1000000 --seed 7
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import psycopg

REGIONS = ("north", "south", "east", "west")
FIRST_DAY = date(2024, 1, 1)

TABLE = """
DROP TABLE IF EXISTS orders;
CREATE TABLE orders (
    id integer PRIMARY KEY,
    day date NOT NULL,
    region text NOT NULL,
    amount numeric(10, 2) NOT NULL
)
"""
BY_MONTH = """
SELECT date_trunc('month', day)::date AS month, region, count(*) AS orders,
       sum(amount)::float8 AS revenue
FROM orders GROUP BY month, region ORDER BY month, region
"""


def orders(rows: int, seed: int) -> Iterator[tuple[int, date, str, Decimal]]:
    """Made-up orders of one year: an id, a day, a region and an amount in cents exactly."""
    chance = random.Random(seed)
    for number in range(rows):
        day = FIRST_DAY + timedelta(days=chance.randrange(365))
        cents = round(chance.lognormvariate(8, 0.8))
        yield number, day, chance.choice(REGIONS), Decimal(cents) / 100


def load(connection: psycopg.Connection, rows: int, seed: int) -> None:
    """Replace the table, all of it or nothing: one transaction, one COPY."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(TABLE)
        with cursor.copy("COPY orders FROM STDIN") as copy:
            for order in orders(rows, seed):
                copy.write_row(order)


def by_month(connection: psycopg.Connection) -> pl.DataFrame:
    """Orders and revenue by month and region, added up by the database."""
    cursor = connection.execute(BY_MONTH)
    names = [column.name for column in cursor.description or ()]
    return pl.DataFrame(cursor.fetchall(), schema=names, orient="row")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=42)
    args = parser.parse_args()

    with psycopg.connect() as connection:
        load(connection, args.rows, args.seed)
        sums = by_month(connection)
    regions = sums.group_by("region").agg(pl.col("revenue").sum()).sort("revenue", descending=True)
    best = sums.group_by("month").agg(pl.col("revenue").sum()).sort("revenue").row(-1, named=True)
    print(f"orders={sums['orders'].sum()}")
    print(f"best_month={best['month']:%Y-%m}")
    print(f"best_region={regions['region'][0]}")
    print(f"revenue={regions['revenue'].sum():.2f}")


if __name__ == "__main__":
    main()
