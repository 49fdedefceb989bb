"""Counts the instructions of a round of each mechanism; see scripts/benchmarks."""

import json
import os
import re
import statistics
import subprocess
import sys

LIMITS = os.path.join(os.path.dirname(__file__), "..", "..", "Benchmarks", "limits.json")
FEW, MANY = 1000, 3000


def instructions(program, name, rounds):
    done = subprocess.run(
        ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", program, name, str(rounds)],
        capture_output=True, text=True,
    )
    if done.returncode != 0:
        sys.exit(done.stderr)
    return int(re.search(r"I\s+refs:\s+([\d,]+)", done.stderr).group(1).replace(",", ""))


def main():
    program, record = sys.argv[1], "--record" in sys.argv[2:]
    with open(LIMITS) as file:
        limits = json.load(file)
    listed = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
    failed = False
    print(f"{'':10}{'instructions':>14}{'at most':>10}{'ns':>8}")
    for name, what in (line.split("\t") for line in listed):
        count = round((instructions(program, name, MANY) - instructions(program, name, FEW)) / (MANY - FEW))
        times = [float(subprocess.run([program, name, "300000"], capture_output=True, text=True, check=True).stdout) for _ in range(5)]
        if record:
            limits[name] = round(count * 1.1)
        limit = limits.get(name)
        failed = failed or limit is None or count > limit
        print(f"{name:10}{count:>14}{limit or 'none':>10}{statistics.median(times):>8.0f}  {what}")
    if record:
        with open(LIMITS, "w") as file:
            json.dump(limits, file, indent=4)
            file.write("\n")
    if failed:
        sys.exit("a mechanism takes more instructions than Benchmarks/limits.json allows (or has no limit there)")


main()
