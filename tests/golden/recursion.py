"""Every frame of a recursion holds memory until it returns; the deepest leaves some behind."""

kept = []


def descend(depth):
    block = bytearray(400_000)
    if depth:
        descend(depth - 1)
    else:
        kept.append(bytearray(1_500_000))
    del block


def main():
    for _ in range(12):
        descend(60)


main()
