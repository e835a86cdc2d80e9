"""pandas: read_csv, merge, groupby. usage: frames.py TRUTH.json"""

import pathlib
import sys

import numpy
import pandas
from ledger import Ledger, compute, reading

ROWS, SHOPS = 900_000, 5_000
HOT_FUNCTIONS = ["work"]
truth = Ledger(__file__)
kept = []


def write_csv(path):
    with open(path, "w") as file:
        file.write("day,shop,article,price,amount\n")
        for row in range(ROWS):
            file.write(
                f"{row % 365},{row * 7919 % SHOPS},article-{row % 9000:05d},{row % 10007 / 100:.2f},{row % 13}\n"
            )


def work(path):
    before = reading()
    prices = pandas.read_csv(path)  # grows read
    truth.churned("read", before)
    compute(3_000_000)
    before = reading()
    shops = pandas.DataFrame({"shop": numpy.arange(SHOPS), "region": numpy.arange(SHOPS) % 50})  # grows shops
    truth.churned("shops", before)
    before = reading()
    joined = prices.merge(shops, on="shop", how="left")  # grows merge
    truth.churned("merge", before)
    compute(3_000_000)
    before = reading()
    sums = joined.groupby(["region", "article"])[["price", "amount"]].sum()  # grows groupby
    truth.churned("groupby", before)
    compute(3_000_000)
    before = reading()
    kept.append(joined[["price", "amount", "day"]].to_numpy(dtype="float64"))  # grows to_numpy
    truth.churned("to_numpy", before)
    kept.extend((prices, shops, joined, sums))


def main():
    path = pathlib.Path(sys.argv[1]).with_name("prices.csv")
    write_csv(path)
    for _ in range(3):
        work(path)


if __name__ == "__main__":
    truth.run(main, sys.argv[1])
