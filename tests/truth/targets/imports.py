"""Imports: modules with large tables, made for the purpose, and the standard library's. usage: imports.py TRUTH.json"""

import pathlib
import subprocess
import sys

from ledger import Ledger, compute, reading

ROWS = 120_000
HOT_FUNCTIONS = ["main"]
truth = Ledger(__file__)

# Compiled by another process, or what the compiler lets go of would be used again by the import.
MAKE = """
import py_compile, sys
folder, rows = sys.argv[1], int(sys.argv[2])
for name in ("made_first", "made_second"):
    with open(f"{folder}/{name}.py", "w") as file:
        file.write("TABLE = (\\n")
        file.writelines(f'    ("{name} {row:0150d}", {row}.5, b"{row:090d}"),\\n' for row in range(rows))
        file.write(")\\nINDEX = {row[1]: row for row in TABLE}\\n")
    py_compile.compile(f"{folder}/{name}.py")
"""


def main():
    folder = pathlib.Path(sys.argv[1]).parent
    subprocess.run([sys.executable, "-c", MAKE, folder, str(ROWS)], check=True)
    sys.path.insert(0, str(folder))
    before = reading()
    import made_first  # noqa: F401 # grows first

    truth.churned("first", before)
    compute(20_000_000)
    before = reading()
    import email.parser, http.client, unittest.mock, xml.dom.minidom  # noqa: E401, F401 # grows standard

    truth.churned("standard", before)
    compute(20_000_000)
    before = reading()
    import made_second  # noqa: F401 # grows second

    truth.churned("second", before)
    compute(20_000_000)


if __name__ == "__main__":
    # A fault on a library brings in pages around it too.
    truth.run(main, sys.argv[1], faults_tell=False)
