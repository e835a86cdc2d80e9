def measure_all(runner, targets, pythons):
    return []
