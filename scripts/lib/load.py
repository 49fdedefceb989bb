"""The comparisons of scripts/load, which starts PostgreSQL and Redis and sets the environment that this reads."""

import argparse
import json
import os
import re
import resource
import signal
import socket
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SCENARIOS = os.path.join(os.path.dirname(HERE), "scenarios")
RATIOS = os.path.join(os.path.dirname(HERE), "load-ratios.json")
SHORT = ["memory", "pipelined", "redis", "postgres", "mixed", "misses-direct"]

parser = argparse.ArgumentParser(prog="scripts/load", add_help=False)
parser.add_argument("--only", default="")
parser.add_argument("--list", action="store_true")
parser.add_argument("--rounds", type=int)
parser.add_argument("--seconds", type=float)
parser.add_argument("--short", action="store_true")
parser.add_argument("--record", action="store_true")
parser.add_argument("--json")
parser.add_argument("--io", default="auto")
options = parser.parse_args()
rounds = options.rounds or (3 if options.short else 5)
seconds = options.seconds or (1.5 if options.short else 3.0)


class Server:
    """A process that listens on a port of its own."""

    running = []

    def __init__(self, name, command, port, env=None, user=None):
        self.name, self.port = name, port
        self.log = os.path.join(os.environ["LOAD_FOLDER"], f"{name}.log")
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command, stdout=open(self.log, "wb"), stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}, user=user
        )
        Server.running.append(self)

    def wait(self, limit=20):
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.02)
        sys.exit(f"{self.name} did not start:\n{open(self.log).read()}")

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def status(self, field):
        """Kibibytes of a line of /proc/PID/status."""
        text = open(f"/proc/{self.process.pid}/status").read()
        return int(re.search(rf"^{field}:\s+(\d+)", text, re.M).group(1))

    def stop(self):
        if self in Server.running:
            Server.running.remove(self)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT if self.name == "pgpool" else signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cistern(name="cistern", configuration="", redis=True, cache=None):
    port = free_port()
    path = os.path.join(os.environ["LOAD_FOLDER"], f"{name}.conf")
    with open(path, "w") as file:
        file.write(configuration)
    # Each has a cache of its own, unless it is told of another: two of one cache take leases from each other.
    env = {"CISTERN_LISTEN_LINE": f"127.0.0.1:{port}", "CISTERN_LISTEN_HTTP": "", "CISTERN_REDIS_KEY_PREFIX": f"{cache or name}:", "REDIS_URL": os.environ["CISTERN_TEST_REDIS"] if redis else ""}
    return Server(name, [os.environ["CISTERN"], "serve", "--config", path], port, env)


made = {}


def shared(name, make):
    """One of each server is enough."""
    if name not in made:
        made[name] = make().wait()
    return made[name]


def main_cistern():
    return shared("cistern", cistern)


def without_memory():
    return shared("cistern-redis", lambda: cistern("cistern-redis", "[namespace.default]\nmemory = false\n"))


def without_redis():
    return shared("cistern-alone", lambda: cistern("cistern-alone", redis=False))


def beside_another():
    """A proxy that shares its cache with one that nobody asks."""
    shared("cistern-idle-one", lambda: cistern("cistern-idle-one", cache="cistern-two"))
    return shared("cistern-two", lambda: cistern("cistern-two"))


def database():
    return dict(part.split("=", 1) for part in os.environ["DATABASE_URL"].split())


def as_user():
    return "postgres" if os.getuid() == 0 else None


def pgbouncer():
    db, port, folder = database(), free_port(), os.environ["LOAD_FOLDER"]
    with open(os.path.join(folder, "users.txt"), "w") as file:
        file.write(f'"{db["user"]}" ""\n')
    path = os.path.join(folder, "pgbouncer.ini")
    with open(path, "w") as file:
        file.write(
            f"""[databases]
shop = host={db["host"]} port={db["port"]} dbname=shop user={db["user"]}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
auth_file = {folder}/users.txt
pool_mode = session
default_pool_size = 60
max_client_conn = 200
"""
        )
    os.chmod(folder, 0o755)
    return Server("pgbouncer", ["/usr/sbin/pgbouncer", path], port, user=as_user())


def pgpool():
    db, port, folder = database(), free_port(), os.path.join(os.environ["LOAD_FOLDER"], "pgpool")
    os.makedirs(f"{folder}/oids")
    path = os.path.join(folder, "pgpool.conf")
    with open(path, "w") as file:
        file.write(
            f"""backend_clustering_mode = 'raw'
listen_addresses = '127.0.0.1'
port = {port}
socket_dir = '{folder}'
unix_socket_directories = '{folder}'
pcp_port = {free_port()}
pcp_socket_dir = '{folder}'
pid_file_name = '{folder}/pgpool.pid'
logdir = '{folder}'
work_dir = '{folder}'
backend_hostname0 = '{db["host"]}'
backend_port0 = {db["port"]}
backend_weight0 = 1
enable_pool_hba = off
num_init_children = 60
max_pool = 1
memory_cache_enabled = on
memqcache_method = 'shmem'
memqcache_total_size = 64MB
memqcache_oiddir = '{folder}/oids'
"""
        )
    for name in ["pool_hba.conf", "pcp.conf", "pool_passwd"]:
        open(os.path.join(folder, name), "w").close()
    user = as_user()
    if user:
        subprocess.run(["chown", "-R", user, folder], check=True)
        os.chmod(os.environ["LOAD_FOLDER"], 0o755)
    command = ["/usr/sbin/pgpool", "-n", "-f", path, "-F", f"{folder}/pcp.conf", "-a", f"{folder}/pool_hba.conf"]
    return Server("pgpool", command, port, user=user)


def bench(*arguments, scenario="point-read", duration=None):
    """One run of `cistern bench`, with questions of its own: those of the run before may be stored."""
    made["runs"] = made.get("runs", 0) + 1
    command = [os.environ["CISTERN"], "bench", "--json", "--quiet", "--duration", str(duration or seconds), "--warm-up", "0.5"]
    command += ["--seed", str(made["runs"])]
    if "postgres" not in arguments:
        command += ["--io", options.io]
    command += ["--scenario", os.path.join(SCENARIOS, f"{scenario}.json")] + [str(argument) for argument in arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    result = json.loads(done.stdout)
    if result["errors"]:
        sys.exit(f"{' '.join(command)}\n{result['errors']} failed: {result.get('first_error')}")
    return result


def expect(result, *sources):
    """What was measured has to be what was meant."""
    other = {name: figures["count"] for name, figures in result["by_source"].items() if name not in sources}
    if sum(other.values()) > 0.01 * sum(figures["count"] for figures in result["by_source"].values()):
        sys.exit(f"expected answers from {', '.join(sources)}, but there were others: {other}")
    return result


def from_cistern(*arguments, server=main_cistern, sources=("memory",), **keywords):
    return lambda: expect(bench("--server", server().address, *arguments, **keywords), *sources)


def from_redis(*arguments, **keywords):
    address = os.environ["CISTERN_TEST_REDIS"].split("//")[1].split("/")[0]
    return lambda: bench("--target", "redis", "--server", address, "--value-bytes", answer_bytes(), *arguments, **keywords)


def from_postgres(*arguments, url=None, **keywords):
    return lambda: bench("--target", "postgres", "--postgres", (url or (lambda: os.environ["DATABASE_URL"]))(), *arguments, **keywords)


def pool_url(server):
    db = database()
    return f"host=127.0.0.1 port={server.port} user={db['user']} dbname=shop"


def answer_bytes():
    """The size of a hit's line, so that Redis is asked for as many bytes."""
    if "answer" not in made:
        with open(os.path.join(SCENARIOS, "point-read.json")) as file:
            sql = json.load(file)["requests"][0]["sql"]
        with socket.create_connection(("127.0.0.1", main_cistern().port)) as connection:
            lines = connection.makefile("rwb")
            for _ in range(3):
                lines.write(json.dumps({"sql": sql, "params": [4242]}).encode() + b"\n")
                lines.flush()
                answer = lines.readline()
        made["answer"] = len(answer)
    return made["answer"]


def rate(result):
    return result["requests_per_second"]


comparisons = {}


def compare(name, what, ours, theirs, at_least, value=rate, against=""):
    comparisons[name] = dict(what=what, run=lambda: pairs(ours, theirs, value), at_least=at_least, against=against)


def pairs(ours, theirs, value, times=None):
    """In turn, the first of the two changing; the ratio of each round, and the medians."""
    measured = []
    for number in range(times or rounds):
        if number % 2 == 0:
            mine = value(ours())
            other = value(theirs())
        else:
            other = value(theirs())
            mine = value(ours())
        measured.append((mine, other))
    ratios = [mine / other for mine, other in measured]
    return dict(
        ratio=statistics.median(ratios),
        lowest=min(ratios),
        highest=max(ratios),
        ours=statistics.median(mine for mine, _ in measured),
        theirs=statistics.median(other for _, other in measured),
    )


def fastest_pgpool():
    """pgpool answers one of the protocols faster: the one that is compared with."""
    if "pgpool-protocol" not in made:
        server = shared("pgpool", pgpool)
        rates = {
            name: rate(bench("--target", "postgres", "--postgres", pool_url(server), "--protocol", name, "--keys", 1000, "--preload"))
            for name in ["prepared", "simple"]
        }
        print(f"pgpool: {rates}", file=sys.stderr)
        made["pgpool-protocol"] = max(rates, key=rates.get)
    return made["pgpool-protocol"]


def from_pgpool():
    server = shared("pgpool", pgpool)
    return bench(
        "--target", "postgres", "--postgres", pool_url(server), "--protocol", fastest_pgpool(), "--keys", 1000, "--preload"
    )


def make_rows():
    if "rows" not in made:
        sql = """CREATE TABLE load_rows (id bigint PRIMARY KEY, code text NOT NULL, note text NOT NULL, amount integer NOT NULL);
            INSERT INTO load_rows SELECT n, 'R-' || n, repeat('abcdefgh ', 20), n % 1000 FROM generate_series(1, 100000) n;
            ANALYZE load_rows"""
        psql("-c", sql)
        made["rows"] = True


def psql(*arguments):
    command = [os.path.join(os.environ["CISTERN_TEST_PG_BIN"], "psql"), os.environ["DATABASE_URL"], "-X", "-q", "-v", "ON_ERROR_STOP=1"]
    return subprocess.run(command + list(arguments), check=True, capture_output=True)


def mixed(target):
    def run():
        make_rows()
        return target()

    return run


compare("memory", "hit in memory, 50 connections", from_cistern("--preload"), from_redis(), 0.95, against="Redis GET")
compare("pipelined", "the same, 16 in the pipeline", from_cistern("--preload", "-p", 16), from_redis("-p", 16), 0.6, against="Redis GET")
compare(
    "redis", "hit in Redis, 50 connections", from_cistern("--preload", server=without_memory, sources=("redis",)), from_redis(), 0.5,
    against="Redis GET",
)
compare("postgres", "hit in memory", from_cistern("--preload"), from_postgres(), 2.5, against="PostgreSQL, prepared")
compare("pgpool", "hit in memory", from_cistern("--preload", "--keys", 1000), from_pgpool, 3, against="pgpool's query cache")
compare(
    "mixed", "95 % reads, Zipf 0.99 over 100,000 rows, 5 % updates",
    mixed(from_cistern("--preload", scenario="mixed", sources=("memory", "redis", "miss", "shared", "bypass"))),
    mixed(from_postgres(scenario="mixed")), 1.0, against="PostgreSQL, prepared",
)
compare(
    "misses", "all misses", from_cistern(scenario="misses", sources=("miss",)),
    from_postgres(scenario="misses", url=lambda: pool_url(shared("pgbouncer", pgbouncer))), 0.9, against="pgbouncer, prepared",
)
compare(
    "misses-direct", "all misses", from_cistern(scenario="misses", sources=("miss",)), from_postgres(scenario="misses"), None,
    against="PostgreSQL, prepared",
)
compare(
    "misses-memory", "all misses, without Redis", from_cistern(scenario="misses", server=without_redis, sources=("miss",)),
    from_postgres(scenario="misses", url=lambda: pool_url(shared("pgbouncer", pgbouncer))), None, against="pgbouncer, prepared",
)
comparisons["generator"] = dict(
    what="what the generator makes", at_least=1.5, against="Redis GET",
    run=lambda: pairs(lambda: bench("--target", "canned", "--value-bytes", answer_bytes()), from_redis(), rate),
)
comparisons["generator-pipelined"] = dict(
    what="the same, 16 in the pipeline", at_least=1.5, against="Redis GET",
    run=lambda: pairs(lambda: bench("--target", "canned", "--value-bytes", answer_bytes(), "-p", 16), from_redis("-p", 16), rate),
)


def half_rate():
    """p99 of hits and of GET at half of the highest rate of hits.

    What else the machine does takes a processor for milliseconds, about a hundredth of the time: a round's p99 is by chance
    beside that or in it. So there are many short rounds.
    """
    half = int(rate(from_cistern("--preload")()) / 2)

    def p99(result):
        return result["latency_ms"]["p99"]

    length = seconds / 3
    ours = from_cistern("--preload", "-r", half, duration=length)
    theirs = from_redis("-r", half, duration=length)
    return dict(pairs(ours, theirs, p99, times=5 * rounds), rate=half)


comparisons["latency"] = dict(what="p99 at half of the highest rate (ms)", run=half_rate, at_most=1.25, against="Redis GET")


def idle_memory():
    server = cistern("cistern-idle", "[listen]\nmax_connections = 20000\n").wait()
    for _ in range(2):
        bench("--server", server.address, "--preload", duration=1)
    line = b'{"sql":"SELECT name FROM products WHERE id = $1","params":[7]}\n'
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(line)
        connection.recv(65536)
    before = server.status("VmRSS")
    connections = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(10_000)]
    for connection in connections:
        connection.sendall(line)
    for connection in connections:
        connection.recv(65536)
    time.sleep(1)
    after = server.status("VmRSS")
    for connection in connections:
        connection.close()
    server.stop()
    kilobytes = (after - before) / 10_000
    return dict(ratio=kilobytes, ours=after, theirs=before)


comparisons["idle-memory"] = dict(what="memory of an idle connection (KiB), each of 10,000 answered once", run=idle_memory, at_most=12)


def idle_throughput():
    server = shared("cistern-many", lambda: cistern("cistern-many", "[listen]\nmax_connections = 20000\n"))
    with_idle = lambda: bench("--server", server.address, "--preload", "--idle", 10_000)
    return pairs(with_idle, lambda: bench("--server", server.address, "--preload"), rate)


comparisons["idle-throughput"] = dict(
    what="hits on 50 connections beside 10,000 idle ones", run=idle_throughput, at_least=0.95, against="without those"
)


def large_result():
    """10 MB through Cistern, past its cache, and through psql."""
    server = cistern("cistern-large", "[cache]\nmax_result_bytes = \"64 MiB\"\n").wait()
    sql = "SELECT n, repeat('abcdefghij', 99) FROM generate_series(1, 10000) n"
    line = json.dumps({"sql": sql, "cache": False}).encode() + b"\n"

    def ask():
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(line)
            size, piece = 0, b""
            while not piece.endswith(b"\n"):
                piece = connection.recv(1 << 20)
                size += len(piece)
            return size

    def timed(body):
        start = time.monotonic()
        body()
        return time.monotonic() - start

    bench("--server", server.address, duration=0.5)
    before = server.status("VmHWM")
    size = ask()
    growth = (server.status("VmHWM") - before) * 1024 / size
    out = os.path.join(os.environ["LOAD_FOLDER"], "rows.txt")
    idle = min(timed(lambda: psql("-c", "SELECT 1")) for _ in range(5))
    measured = []
    for _ in range(max(5, rounds)):
        ours = timed(ask)
        theirs = timed(lambda: psql("-A", "-t", "-o", out, "-c", sql)) - idle
        measured.append((ours, theirs))
    server.stop()
    ratios = [mine / other for mine, other in measured]
    return dict(
        ratio=statistics.median(ratios), lowest=min(ratios), highest=max(ratios), size=size, growth=growth,
        ours=statistics.median(mine for mine, _ in measured) * 1000, theirs=statistics.median(other for _, other in measured) * 1000,
    )


comparisons["large"] = dict(what="time of a result of 10 MB (ms)", run=large_result, at_most=1.5, against="psql, its start not counted")


def start_up():
    """From the start of the process to the first row."""
    line = b'{"sql":"SELECT name FROM products WHERE id = $1","params":[7]}\n'
    times = []
    for number in range(max(5, rounds)):
        server = cistern(f"cistern-start-{number}")
        answer = b""
        while not answer:
            try:
                with socket.create_connection(("127.0.0.1", server.port)) as connection:
                    connection.sendall(line)
                    answer = connection.recv(65536)
            except OSError:
                time.sleep(0.001)
        times.append((time.monotonic() - server.started) * 1000)
        server.stop()
        if b'"ok":true' not in answer:
            sys.exit(f"the first answer: {answer}")
    return dict(ratio=statistics.median(times), lowest=min(times), highest=max(times), ours=statistics.median(times), theirs=0)


comparisons["start"] = dict(what="start to first answer (ms)", run=start_up, at_most=100)


def ticks(pid):
    """Seconds in the program and in the kernel."""
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return [int(field) / os.sysconf("SC_CLK_TCK") for field in fields[11:13]]


def processes(name):
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and open(f"/proc/{entry}/comm").read().strip() == name:
                yield entry
        except OSError:
            pass


def cost(what, server, *arguments, **keywords):
    """Processor time of one request, in microseconds, by who takes it."""

    def run():
        process = server().process
        port = re.search(r":(\d+)", os.environ["CISTERN_TEST_REDIS"].split("@")[-1]).group(1)
        redis = next(pid for pid in processes("redis-server") if f":{port}" in open(f"/proc/{pid}/cmdline").read().replace("\0", " "))
        samples = []
        for _ in range(rounds):
            before = (ticks(process.pid), ticks(redis), sum(sum(ticks(pid)) for pid in processes("postgres")))
            children = resource.getrusage(resource.RUSAGE_CHILDREN)
            result = from_cistern(*arguments, server=server, **keywords)()
            after = (ticks(process.pid), ticks(redis), sum(sum(ticks(pid)) for pid in processes("postgres")))
            mine = resource.getrusage(resource.RUSAGE_CHILDREN)
            # The warm-up is half a second of as many requests; what filled the cache before is left out of the count of none.
            count = rate(result) * (seconds + 0.5) / 1e6
            samples.append(
                [
                    (after[0][0] - before[0][0]) / count, (after[0][1] - before[0][1]) / count,
                    (sum(after[1]) - sum(before[1])) / count, (after[2] - before[2]) / count,
                    (mine.ru_utime + mine.ru_stime - children.ru_utime - children.ru_stime) / count,
                ]
            )
        names = ["cistern", "cistern in the kernel", "redis", "postgres", "generator"]
        medians = [statistics.median(column) for column in zip(*samples)]
        print("    " + ", ".join(f"{name} {median:.1f}" for name, median in zip(names, medians)), flush=True)
        return dict(ratio=sum(medians), ours=sum(medians), theirs=0, parts=dict(zip(names, medians)))

    return dict(what=what, run=run)


comparisons["memory-cost"] = cost("processor time of a hit in memory (us)", main_cistern, "--preload")
comparisons["redis-cost"] = cost("processor time of a hit in Redis (us)", without_memory, "--preload", sources=("redis",))
comparisons["miss-cost"] = cost("processor time of a miss (us)", main_cistern, scenario="misses", sources=("miss",))
comparisons["lease-cost"] = cost(
    "the same, beside another proxy of the same cache (us)", beside_another, scenario="misses", sources=("miss",)
)


def shown(number):
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def report(name, comparison, result):
    spread = f" ({result['lowest']:.2f} to {result['highest']:.2f})" if "lowest" in result else ""
    least, most = comparison.get("at_least"), comparison.get("at_most")
    goal = f"at least {least}" if least is not None else f"at most {most}" if most is not None else ""
    met = result["ratio"] >= (least or 0) and result["ratio"] <= (most or float("inf"))
    verdict = "" if not goal else "yes" if met else "NO"
    against = f", against {comparison['against']}" if comparison.get("against") else ""
    more = "".join(f", {key} {shown(result[key])}" for key in ["rate", "growth", "size"] if key in result)
    print(
        f"{name:20} {result['ratio']:8.2f}{spread:18} {goal:14} {verdict:4}"
        f" {shown(result['ours'])} : {shown(result['theirs'])}  {comparison['what']}{against}{more}",
        flush=True,
    )


def main():
    if options.list:
        for name, comparison in comparisons.items():
            print(f"{name:20} {comparison['what']}")
        return 0
    names = options.only.split(",") if options.only else (SHORT if options.short else list(comparisons))
    unknown = [name for name in names if name not in comparisons]
    if unknown:
        sys.exit(f"there is no {unknown[0]}; see --list")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
    print(f"{rounds} rounds of {seconds} s each; a ratio is the median of the rounds (lowest to highest)")
    results = {}
    for name in names:
        results[name] = comparisons[name]["run"]()
        report(name, comparisons[name], results[name])
    if options.json:
        with open(options.json, "w") as file:
            json.dump(results, file, indent=1)
    ratios = {}
    if os.path.exists(RATIOS):
        with open(RATIOS) as file:
            ratios = json.load(file)
    if options.record:
        ratios.update({name: round(results[name]["ratio"], 2) for name in names if "at_least" in comparisons[name]})
        with open(RATIOS, "w") as file:
            json.dump(ratios, file, indent=4)
            file.write("\n")
    if not options.short:
        return 0
    def has_fallen(name):
        return name in ratios and results[name]["ratio"] < 0.8 * ratios[name]

    fallen = [name for name in names if has_fallen(name)]
    # Somebody else may have been at work on the machine: what stays slow is slow.
    for _ in range(2):
        for name in fallen:
            print(f"{name} is measured again")
            results[name] = comparisons[name]["run"]()
            report(name, comparisons[name], results[name])
        fallen = [name for name in fallen if has_fallen(name)]
    for name in fallen:
        print(f"{name}: {results[name]['ratio']:.2f} is under 0.8 of {ratios[name]}, which is written down in {RATIOS}")
    return 1 if fallen else 0


# What was started is stopped however this ends.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
try:
    status = main()
finally:
    for server in list(Server.running):
        server.stop()
sys.exit(status)
