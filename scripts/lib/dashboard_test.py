"""Drives the dashboard; started by scripts/dashboard-test, which starts the servers."""

import base64
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

from chromium import Browser

HOSTILE = "SELECT '<img src=x onerror=alert(1)>' AS \"<script>document.title='taken'</script>\" FROM products LIMIT 1"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Proxy:
    def __init__(self):
        self.line, self.http = free_port(), free_port()
        folder = os.environ["FOLDER"]
        with open(f"{folder}/proxy.conf", "w") as file:
            file.write(f'[listen]\nline = "127.0.0.1:{self.line}"\nhttp = "127.0.0.1:{self.http}"\n')
            file.write("[ttl]\nstock = 1\n")
        environment = dict(os.environ)
        environment["DATABASE_URL"] = environment["CISTERN_TEST_POSTGRES"]
        environment["REDIS_URL"] = environment["CISTERN_TEST_REDIS"]
        self.log = open(f"{folder}/proxy.log", "w")
        self.process = subprocess.Popen(
            [environment["CISTERN"], "serve", "--config", f"{folder}/proxy.conf"], env=environment, stdout=self.log,
            stderr=self.log,
        )
        for _ in range(200):
            try:
                if self.get("/ready")["status"] == "healthy":
                    return
            except (OSError, ValueError):
                time.sleep(0.1)
        raise AssertionError("the proxy does not become ready")

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=10) as answer:
            return json.load(answer)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


class Load(threading.Thread):
    """Reads of an example shop, with some writes: enough of each kind for the page to show."""

    def __init__(self, proxy, seed):
        super().__init__(daemon=True)
        self.connection = socket.create_connection(("127.0.0.1", proxy.line))
        self.answers = self.connection.makefile("rb")
        self.random, self.ended = random.Random(seed), False

    def ask(self, requests):
        self.connection.sendall("".join(json.dumps(request) + "\n" for request in requests).encode())
        return [json.loads(self.answers.readline()) for _ in requests]

    def read(self):
        chance, number = self.random.random(), int(self.random.paretovariate(0.8)) % 2000 + 1
        if chance < 0.6:
            return {"sql": "SELECT id, name, base_price FROM products WHERE id = $1", "params": [number]}
        if chance < 0.8:
            return {"sql": "SELECT name, country FROM organizations WHERE id = $1", "params": [number % 50 + 1]}
        if chance < 0.9:
            return {"sql": "SELECT sum(quantity) FROM stock WHERE variant_id = $1", "params": [self.random.randrange(600) + 1]}
        if chance < 0.96:
            return {"sql": "SELECT count(*) FROM variants v JOIN products p ON p.id = v.product_id WHERE p.organization_id = $1", "params": [number % 40 + 1]}
        return {"sql": "SELECT now()"}

    def run(self):
        self.ask([{"sql": HOSTILE}])
        turn = 0
        while not self.ended:
            turn += 1
            self.ask([self.read() for _ in range(40)])
            if turn % 50 == 0:
                self.ask([{"sql": "UPDATE products SET base_price = base_price + 0.01 WHERE id = $1", "params": [turn % 90 + 1]}])
            if turn % 7 == 0:
                self.ask([{"sql": "SELECT id, full_name FROM users WHERE organization_id = $1 ORDER BY id", "params": [turn % 9 + 1]}])
            time.sleep(0.02)

    def stop(self):
        self.ended = True
        self.join()


FIGURES = """Object.fromEntries([...document.querySelectorAll('[data-figure]')].map((element) =>
    [element.dataset.figure, element.dataset.value === '' ? null : Number(element.dataset.value)]))"""


def api_figures(proxy):
    """The figures that the page shows, by the page's names, as the API has them."""
    stats, queries = proxy.get("/api/v1/stats"), proxy.get("/api/v1/queries?limit=15")
    figures = {f"answers.{name}": value for name, value in stats["answers"].items()}
    for namespace, counts in stats["namespaces"].items():
        figures.update({f"namespaces.{namespace}.{name}": value for name, value in counts.items()})
    figures["memory.entries"] = stats["memory"]["entries"]
    for query in queries["queries"]:
        figures[f"queries.{query['fingerprint']}.calls"] = query["calls"]
    return figures


def growing(name):
    return not name.endswith("hit_rate") and not name.startswith(("memory.", "postgres.", "redis_memory.", "connections."))


def check_figures_under_load(browser, proxy):
    before = api_figures(proxy)
    # A frame made after the reading above.
    frame = browser.evaluate("state.frame.time_ms")
    browser.until(f"state.frame.time_ms > {frame} + 1000")
    page = browser.evaluate(FIGURES)
    after = api_figures(proxy)
    compared = [name for name in page if growing(name) and name in before and name in after]
    assert len(compared) > 20, f"only {compared} could be compared"
    for name in compared:
        assert before[name] <= page[name] <= after[name], f"{name}: {before[name]} ≤ {page[name]} ≤ {after[name]}"
    assert after["answers.total"] > before["answers.total"], "no load ran"
    print(f"under load: {len(compared)} figures lie between the API's before and after")


def check_figures_at_rest(browser, proxy):
    frame = browser.evaluate("state.frame.time_ms")
    browser.until(f"state.frame.time_ms > {frame} + 2000")
    page, api = browser.evaluate(FIGURES), api_figures(proxy)
    compared = [name for name in page if name in api]
    different = [f"{name}: {page[name]}, not {api[name]}" for name in compared if page[name] != api[name]]
    assert not different, different
    assert len(compared) > 30
    advice = proxy.get("/api/v1/advice")
    browser.until(
        "document.querySelectorAll('#advice .finding').length === %d" % len(advice["findings"]), limit=10
    )
    shown = browser.evaluate("[...document.querySelectorAll('#advice .finding')].map((item) => item.dataset.kind)")
    assert shown == [finding["kind"] for finding in advice["findings"]], shown
    print(f"at rest: {len(compared)} figures equal the API's; advice: {', '.join(shown) or 'none'}")
    return shown


def check_hostile_text(browser):
    browser.until("document.querySelector('#queries').textContent.includes('<script>')")
    assert browser.evaluate("document.title") == "Cistern"
    assert browser.evaluate("document.querySelectorAll('#queries img, #queries script').length") == 0
    print("hostile SQL is shown as text")


def check_access(browser):
    stops = []
    browser.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    for _ in range(12):
        browser.press("Tab")
        stops.append(browser.evaluate("document.activeElement.id || document.activeElement.getAttribute('aria-labelledby') || document.activeElement.textContent"))
    for wanted in ("Skip to the figures", "pause", "sort", "h-queries", "h-namespaces"):
        assert wanted in stops, f"Tab does not reach {wanted}: {stops}"
    browser.evaluate("document.getElementById('pause').focus()")
    browser.press("Enter")
    browser.evaluate("document.getElementById('pause').click()") if not browser.evaluate("state.isPaused") else None
    assert browser.evaluate("document.getElementById('pause').getAttribute('aria-pressed')") == "true"
    frame = browser.evaluate("state.frame.time_ms")
    time.sleep(2)
    assert browser.evaluate("state.frame.time_ms") == frame, "it goes on while paused"
    browser.evaluate("document.getElementById('pause').click()")
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    nameless = [
        node["role"]["value"] for node in nodes
        if not node.get("ignored") and node["role"]["value"] in ("button", "link", "combobox", "region", "image", "columnheader", "list")
        and not node.get("name", {}).get("value") and node["role"]["value"] not in ("list",)
    ]
    assert not nameless, f"without an accessible name: {nameless}"
    print(f"keyboard stops: {', '.join(stops[:8])} …; everything that can be used has a name")


def check_widths(browser):
    for width in (320, 390, 768, 1280):
        browser.size(width, 900, is_phone=width < 500)
        time.sleep(0.3)
        wide = browser.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"at {width} px the page is {wide} px wide"
    print("no sideways scrolling from 320 px on")


def check_contrast(browser):
    for scheme in ("light", "dark"):
        browser.media(scheme)
        ratios = browser.evaluate("""(() => {
            const channel = (value) => { value /= 255; return value <= 0.03928 ? value / 12.92 : Math.pow((value + 0.055) / 1.055, 2.4); };
            const luminance = (rgb) => 0.2126 * channel(rgb[0]) + 0.7152 * channel(rgb[1]) + 0.0722 * channel(rgb[2]);
            const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
            const back = (element) => { while (element) { const color = rgb(getComputedStyle(element).backgroundColor); if (color.length < 4 || color[3] > 0) return color; element = element.parentElement; } return [255, 255, 255]; };
            return [...document.querySelectorAll('h1, h2, p, dt, dd, th, td, li, button, a, label')].filter((element) => element.textContent.trim()).map((element) => {
                const [one, other] = [luminance(rgb(getComputedStyle(element).color)), luminance(back(element))].sort((a, b) => b - a);
                return [(one + 0.05) / (other + 0.05), element.tagName + ' ' + element.textContent.trim().slice(0, 30)];
            }).sort((a, b) => a[0] - b[0])[0];
        })()""")
        assert ratios[0] >= 4.5, f"{scheme}: contrast {ratios}"
        print(f"{scheme}: every text has a contrast of at least {ratios[0]:.1f}")
    browser.media("light")


def check_outages(browser, proxy, folder):
    os.kill(int(os.environ["REDIS_PID"]), signal.SIGSTOP)
    browser.until("document.getElementById('alerts').textContent.includes('Redis cannot be reached')", 30)
    browser.until("document.getElementById('state-redis').textContent === 'Redis: away'")
    os.kill(int(os.environ["REDIS_PID"]), signal.SIGCONT)
    browser.until("document.getElementById('state-redis').textContent === 'Redis: connected'", 30)
    browser.until("document.getElementById('alerts').textContent === ''", 30)
    os.kill(int(os.environ["POSTGRES_PID"]), signal.SIGQUIT)
    probe = Load(proxy, 3)
    end = time.monotonic() + 20
    while time.monotonic() < end and proxy.get("/api/v1/stats")["postgres"]["available"]:
        probe.ask([{"sql": f"SELECT name FROM products WHERE id = {random.randrange(10 ** 6)}"}])
    browser.until("document.getElementById('alerts').textContent.includes('PostgreSQL cannot be reached')", 30)
    if folder:
        screenshot(browser, f"{folder}/dashboard-away.png", 1200, 420)
    began = time.monotonic()
    proxy.stop()
    took = time.monotonic() - began
    assert took < 10, f"an open page held up the stop for {took:.0f} s"
    browser.until("document.getElementById('alerts').textContent.includes('The proxy has not answered')", 30)
    assert browser.evaluate("document.getElementById('state-redis').textContent") == "Redis: not known"
    print("Redis, PostgreSQL and the proxy being away is said in words; an open page does not hold up a stop")


def screenshot(browser, path, width, height=None, scheme="light", is_phone=False):
    browser.size(width, height or 900, is_phone)
    browser.media(scheme)
    time.sleep(1.5)
    if height is None:
        height = browser.evaluate("document.documentElement.scrollHeight")
        browser.size(width, height, is_phone)
        time.sleep(1.5)
    data = browser.call("Page.captureScreenshot", format="png")["data"]
    with open(path, "wb") as file:
        file.write(base64.b64decode(data))
    print(f"{path}: {os.path.getsize(path) // 1024} kB")


def main():
    folder = sys.argv[sys.argv.index("--screenshots") + 1] if "--screenshots" in sys.argv else None
    proxy, browser = Proxy(), Browser()
    loads = [Load(proxy, seed) for seed in (1, 2)]
    try:
        for load in loads:
            load.start()
        # Long enough for the charts to show something, and for what is expired to be asked for again.
        time.sleep(100 if folder else 8)
        browser.size(1280, 900)
        browser.open(f"http://127.0.0.1:{proxy.http}/")
        browser.until("state.frame !== null && document.querySelectorAll('#queries tbody tr').length > 3")
        time.sleep(2)
        check_figures_under_load(browser, proxy)
        check_hostile_text(browser)
        if folder:
            os.makedirs(folder, exist_ok=True)
            browser.until("document.querySelectorAll('#advice .finding').length > 0", 30)
            screenshot(browser, f"{folder}/dashboard-light.png", 1200)
            screenshot(browser, f"{folder}/dashboard-dark.png", 1200, scheme="dark")
            screenshot(browser, f"{folder}/dashboard-phone.png", 390, 1600, is_phone=True)
            browser.media("light")
            browser.size(1280, 900)
        check_access(browser)
        check_contrast(browser)
        check_widths(browser)
        browser.size(1280, 900)
        for load in loads:
            load.stop()
        check_figures_at_rest(browser, proxy)
        check_outages(browser, proxy, folder)
        complaints = browser.complaints()
        assert not complaints, complaints
        print("no error in the browser, none against the security policy")
    finally:
        browser.close()
        if proxy.process.poll() is None:
            proxy.process.kill()
            proxy.process.wait()


main()
