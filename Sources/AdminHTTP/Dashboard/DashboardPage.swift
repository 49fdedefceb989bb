/// The page at `/`. Style and script are files of their own, so that the security policy needs no exception for them; all
/// text that comes from outside is put in by the script, as text.
enum DashboardPage {
    static let html = #"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>Cistern</title>
        <link rel="icon" href="data:,">
        <link rel="stylesheet" href="/dashboard.css">
        <script src="/dashboard-charts.js" defer></script>
        <script src="/dashboard.js" defer></script>
        </head>
        <body>
        <a class="skip" href="#figures">Skip to the figures</a>
        <header>
        <h1>Cistern</h1>
        <ul id="states" aria-label="What is there">
        <li id="state-proxy" class="state">Proxy: connecting</li>
        <li id="state-postgres" class="state">PostgreSQL: not known yet</li>
        <li id="state-redis" class="state">Redis: not known yet</li>
        <li id="state-memory" class="state">Memory: not known yet</li>
        </ul>
        <button id="pause" type="button" aria-pressed="false">Pause</button>
        </header>
        <div id="alerts" role="alert"></div>
        <main id="figures" tabindex="-1">
        <section aria-labelledby="h-now">
        <h2 id="h-now">Now</h2>
        <dl class="tiles">
        <div><dt>Hit rate, last minute</dt><dd id="tile-hit-rate">–</dd><dd class="note" id="note-hit-rate"></dd></div>
        <div><dt>Requests a second</dt><dd id="tile-rate">–</dd><dd class="note" id="note-rate"></dd></div>
        <div><dt>PostgreSQL time saved</dt><dd id="tile-saved">–</dd><dd class="note" id="note-saved"></dd></div>
        <div><dt>Hits answered within</dt><dd id="tile-latency">–</dd><dd class="note" id="note-latency">99 of 100, last minute</dd></div>
        </dl>
        </section>
        <section aria-labelledby="h-requests" class="half">
        <h2 id="h-requests">Requests by source</h2>
        <div id="chart-requests" class="chart" role="img" aria-label="Requests a second by source"></div>
        <ul id="legend" class="legend" aria-label="Sources"></ul>
        </section>
        <section aria-labelledby="h-rate" class="half">
        <h2 id="h-rate">Hit rate</h2>
        <div id="chart-hit-rate" class="chart" role="img" aria-label="Hit rate"></div>
        <p class="note">Share of the look-ups that cost PostgreSQL no query of their own. The dashed line is 60 %.</p>
        </section>
        <section aria-labelledby="h-advice">
        <h2 id="h-advice">Advice</h2>
        <ul id="advice" class="advice"><li class="note">No figures yet.</li></ul>
        <p class="note" id="advice-missing"></p>
        </section>
        <section aria-labelledby="h-sources" class="half">
        <h2 id="h-sources">Sources and latency</h2>
        <div class="scroll" tabindex="0" role="region" aria-labelledby="h-sources">
        <table id="sources"><thead><tr><th scope="col">Source</th><th scope="col">Answers</th><th scope="col">Share</th>
        <th scope="col">p50</th><th scope="col">p95</th><th scope="col">p99</th></tr></thead><tbody></tbody></table>
        </div>
        <p class="note">Answers since the start; percentiles of the last minute, as upper bounds of the histogram's buckets.</p>
        </section>
        <section aria-labelledby="h-servers" class="half">
        <h2 id="h-servers">Pool, Redis, invalidations</h2>
        <dl id="servers" class="pairs"></dl>
        </section>
        <section aria-labelledby="h-namespaces">
        <h2 id="h-namespaces">Namespaces</h2>
        <div class="scroll" tabindex="0" role="region" aria-labelledby="h-namespaces">
        <table id="namespaces"><thead><tr><th scope="col">Namespace</th><th scope="col">Answers</th><th scope="col">Hit rate</th>
        <th scope="col">Memory</th><th scope="col">Redis</th><th scope="col">Miss</th><th scope="col">Shared</th>
        <th scope="col">Stale</th><th scope="col">Bypass</th></tr></thead><tbody></tbody></table>
        </div>
        </section>
        <section aria-labelledby="h-queries">
        <h2 id="h-queries">Queries</h2>
        <label>Sorted by <select id="sort">
        <option value="calls">calls</option>
        <option value="time_saved">time saved</option>
        <option value="postgres_time">PostgreSQL time</option>
        <option value="result_size">result size</option>
        <option value="misses">misses</option>
        <option value="errors">errors</option>
        </select></label>
        <div class="scroll" tabindex="0" role="region" aria-labelledby="h-queries">
        <table id="queries"><thead><tr><th scope="col">Statement</th><th scope="col">Calls</th><th scope="col">Hit rate</th>
        <th scope="col">Saved</th><th scope="col">PostgreSQL, mean</th><th scope="col">Result, mean</th>
        <th scope="col">Entries, about</th><th scope="col">Not stored for</th></tr></thead><tbody></tbody></table>
        </div>
        </section>
        </main>
        <footer class="note"><span id="uptime"></span> <a href="/metrics">/metrics</a> <a href="/api/v1/stats">stats</a>
        <a href="/api/v1/queries">queries</a> <a href="/api/v1/advice">advice</a> <a href="/api/v1/config">configuration</a></footer>
        </body>
        </html>
        """#
}
