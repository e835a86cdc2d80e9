"""A small but real pandas job, with the memory habits of many: shop prices from a CSV file to a table of features.

Deterministic: prints the same figures on every run.
"""

import hashlib
import os
import sys
import tempfile

import numpy as np
import pandas as pd

DAYS = 820
PRODUCTS = 2400
SHOPS = 40
report_cache = {}


def write_prices(path):
    """Writes the prices file in pieces: little memory at any time."""
    random = np.random.default_rng(7)
    days = pd.date_range("2023-01-01", periods=DAYS).strftime("%Y-%m-%d")
    base = random.uniform(1, 90, PRODUCTS)
    with open(path, "w") as file:
        file.write("date,product,shop,price,stock\n")
        for number, day in enumerate(days):
            piece = pd.DataFrame(
                {
                    "date": day,
                    "product": [f"product-{index:05d}" for index in range(PRODUCTS)],
                    "shop": random.integers(0, SHOPS, PRODUCTS),
                    "price": (base * (1 + 0.1 * np.sin(number / 29 + base))).round(2),
                    "stock": random.integers(0, 500, PRODUCTS),
                }
            )
            piece.to_csv(file, header=False, index=False)


def load_prices(path):
    """Reads everything at once; the product names are one Python string a row."""
    prices = pd.read_csv(path)
    prices["date"] = pd.to_datetime(prices["date"])
    return prices


def shop_table():
    random = np.random.default_rng(11)
    return pd.DataFrame(
        {
            "shop": np.arange(SHOPS),
            "region": random.integers(0, 6, SHOPS),
            "area": random.uniform(80, 2500, SHOPS).round(1),
            "rent": random.uniform(900, 30000, SHOPS).round(0),
        }
    )


def join_shops(prices, shops):
    """The join copies all columns of the left side."""
    return prices.merge(shops, on="shop", how="left")


def add_features(joined):
    """Six columns of floats that stay."""
    by_product = joined.groupby("product")["price"]
    joined["mean_price"] = by_product.transform("mean")
    joined["change"] = by_product.pct_change().fillna(0.0)
    joined["lag_7"] = by_product.shift(7).fillna(0.0)
    joined["value"] = joined["price"] * joined["stock"]
    joined["value_per_area"] = joined["value"] / joined["area"]
    joined["month"] = joined["date"].dt.month.astype("float64")
    return joined


def correlations(joined):
    """A large temporary that is gone when the function returns."""
    numbers = joined.select_dtypes("number").to_numpy(dtype="float64")
    centred = numbers - numbers.mean(axis=0)
    return (centred.T @ centred) / len(centred)


def product_report(name, group):
    """Looks like a cache and never forgets: the kind of leak that a profiler is for."""
    days = group["date"].dt.strftime("%Y-%m-%d")
    lines = [f"{name} {day} {price:.2f}" for day, price in zip(days, group["price"])]
    report_cache[name] = lines
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def product_reports(joined):
    digest = hashlib.sha256()
    for name, group in joined[["product", "date", "price"]].groupby("product"):
        digest.update(product_report(name, group).encode())
    return digest.hexdigest()


def monthly_result(joined):
    return joined.groupby(["region", "month"])[["value", "price", "change"]].agg(["sum", "mean"])


def main():
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        path = os.path.join(folder, "prices.csv")
        write_prices(path)
        prices = load_prices(path)
    joined = join_shops(prices, shop_table())
    del prices
    joined = add_features(joined)
    matrix = correlations(joined)
    reports = product_reports(joined)
    joined = joined.drop(columns=["product", "lag_7", "mean_price"])
    result = monthly_result(joined)
    print(f"{len(joined)} rows, {len(result)} groups, {len(report_cache)} reports")
    print(f"value {result['value']['sum'].sum():.2f}, trace {np.trace(matrix):.6e}, reports {reports[:16]}")


if __name__ == "__main__":
    sys.exit(main())
