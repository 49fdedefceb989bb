/// Reads the events and keeps the page up to date. Whatever comes from outside (SQL above all) is set as text, never as markup.
enum DashboardScript {
    static let javascript = #"""
        "use strict";

        const SPAN = 300000;
        const WINDOW = 60000;
        // The proxy sends every second.
        const SILENCE = 4000;
        const byId = (id) => document.getElementById(id);
        const number = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
        const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
        const percent = (value) => value === null ? "–" : `${number.format(value * 100)} %`;

        function size(bytes) {
          if (bytes === null || bytes === undefined) return "–";
          const units = ["B", "kB", "MB", "GB", "TB"];
          let unit = 0;
          while (bytes >= 1024 && unit < units.length - 1) { bytes /= 1024; unit += 1; }
          return `${number.format(bytes)} ${units[unit]}`;
        }

        function time(milliseconds) {
          if (milliseconds === null || milliseconds === undefined) return "–";
          if (milliseconds < 1) return `${number.format(milliseconds * 1000)} µs`;
          if (milliseconds < 1000) return `${number.format(milliseconds)} ms`;
          const seconds = milliseconds / 1000;
          if (seconds < 120) return `${number.format(seconds)} s`;
          if (seconds < 7200) return `${number.format(seconds / 60)} min`;
          if (seconds < 172800) return `${number.format(seconds / 3600)} h`;
          return `${number.format(seconds / 86400)} days`;
        }

        // Sets a text, and the figure behind it.
        function set(element, text, value) {
          if (element.textContent !== text) element.textContent = text;
          if (value !== undefined) element.dataset.value = value === null ? "" : String(value);
        }

        function cell(row, text, { value, figure, className, tag = "td" } = {}) {
          const element = document.createElement(tag);
          if (tag === "th") element.scope = "row";
          if (className) element.className = className;
          if (figure) element.dataset.figure = figure;
          set(element, text, value);
          row.append(element);
          return element;
        }

        function bar(parent, share, isHigh) {
          const outer = document.createElement("span");
          outer.className = isHigh ? "bar high" : "bar";
          outer.setAttribute("aria-hidden", "true");
          const inner = document.createElement("i");
          inner.style.width = `${Math.round(100 * Math.min(1, share))}%`;
          outer.append(inner);
          parent.append(outer);
        }

        // Rows are replaced only where they differ, so that a selection in one survives.
        function fill(tableId, rows) {
          const body = document.querySelector(`#${tableId} tbody`);
          rows.forEach((row, index) => {
            const present = body.rows[index];
            if (!present) body.append(row); else if (!present.isEqualNode(row)) present.replaceWith(row);
          });
          while (body.rows.length > rows.length) body.deleteRow(-1);
        }

        const state = { frames: [], frame: null, isPaused: false, heardAt: 0, lostAt: null };
        const requestChart = new RequestChart("chart-requests", 1, (value) => short.format(value));
        const hitRateChart = new HitRateChart("chart-hit-rate", 1, (value) => percent(value));

        function hits(answers) { return answers.memory + answers.redis + answers.shared + answers.stale; }

        // ---- What is away

        function setState(id, name, isGood, words) {
          const element = byId(id);
          element.className = isGood === null ? "state" : isGood ? "state good" : "state bad";
          set(element, `${name}: ${words}`);
        }

        function showStates() {
          const alerts = [];
          const frame = state.frame;
          const isLost = state.lostAt !== null;
          setState("state-proxy", "Proxy", !isLost && frame !== null, isLost ? "does not answer" : state.isPaused ? "paused" : "live");
          byId("figures").classList.toggle("old", isLost);
          if (isLost) {
            const since = new Date(state.lostAt).toLocaleTimeString();
            alerts.push(`The proxy has not answered since ${since}. What is shown is from then; the page goes on trying.`);
            for (const [id, name] of [["state-postgres", "PostgreSQL"], ["state-redis", "Redis"], ["state-memory", "Memory"]]) {
              setState(id, name, null, "not known");
            }
          } else if (frame) {
            const { postgres, redis, memory } = frame.stats;
            setState("state-postgres", "PostgreSQL", postgres.available, postgres.available ? "connected" : "away");
            if (!postgres.available) {
              alerts.push("PostgreSQL cannot be reached. Stored answers are served; everything else fails until it is back.");
            }
            if (!redis.configured) setState("state-redis", "Redis", null, "not used");
            else setState("state-redis", "Redis", redis.available, redis.available ? "connected" : "away");
            if (redis.configured && !redis.available) {
              alerts.push("Redis cannot be reached. Queries go on, from this proxy's memory and PostgreSQL; other proxies do not hear of writes until it is back.");
            }
            setState("state-memory", "Memory", memory.trusted, memory.trusted ? "trusted" : "only what is new");
            if (redis.configured && redis.available && !memory.trusted) {
              alerts.push("The invalidation channel is silent, so memory serves only answers that are a few seconds old.");
            }
          }
          const box = byId("alerts");
          const present = [...box.children].map((paragraph) => paragraph.textContent);
          if (present.join("\n") !== alerts.join("\n")) {
            box.replaceChildren(...alerts.map((text) => {
              const paragraph = document.createElement("p");
              paragraph.textContent = text;
              return paragraph;
            }));
          }
        }

        // ---- Over time

        function points() {
          const result = [];
          for (let index = 1; index < state.frames.length; index += 1) {
            const [before, after] = [state.frames[index - 1], state.frames[index]];
            const seconds = (after.time - before.time) / 1000;
            // A restart, or a gap.
            if (seconds <= 0 || seconds > 10 || after.answers.total < before.answers.total) continue;
            const rates = {};
            for (const source of SOURCES) rates[source] = (after.answers[source] - before.answers[source]) / seconds;
            const hit = rates.memory + rates.redis + rates.shared + rates.stale;
            const lookups = hit + rates.miss;
            result.push({ time: after.time, rates, hitRate: lookups > 0 ? hit / lookups : null });
          }
          return result;
        }

        // The frame from a minute ago, or the oldest there is.
        function earlier() {
          const newest = state.frames[state.frames.length - 1];
          const young = state.frames.filter((frame) => newest.time - frame.time <= WINDOW && frame.answers.total <= newest.answers.total);
          return young.length > 1 ? young[0] : null;
        }

        function percentile(counts, bounds, share) {
          const total = counts.reduce((sum, count) => sum + count, 0);
          if (total === 0) return null;
          let below = 0;
          for (let index = 0; index < counts.length; index += 1) {
            below += counts[index];
            if (below >= share * total) return index < bounds.length ? bounds[index] : Infinity;
          }
          return null;
        }

        function latencyWords(milliseconds) {
          if (milliseconds === null) return "–";
          return milliseconds === Infinity ? "longer" : time(milliseconds);
        }

        // Counts of a source's histogram within the last minute; those since the start where nothing older is known.
        function recentBuckets(source) {
          const now = state.frame.latency[source];
          const old = state.frames.find((frame) => frame.latency && state.frame.time_ms - frame.time <= WINDOW);
          if (!old || old.time >= state.frame.time_ms) return now;
          return now.map((count, index) => Math.max(0, count - old.latency[source][index]));
        }

        // ---- The parts of the page

        function showTiles(frame) {
          const answers = frame.stats.answers;
          const before = earlier();
          const newest = state.frames[state.frames.length - 1];
          let [rate, hitRate, saved] = [null, answers.hit_rate, null];
          if (before) {
            const seconds = (newest.time - before.time) / 1000;
            rate = (newest.answers.total - before.answers.total) / seconds;
            const hit = hits(newest.answers) - hits(before.answers);
            const lookups = hit + newest.answers.miss - before.answers.miss;
            hitRate = lookups > 0 ? hit / lookups : null;
            saved = Math.max(0, newest.saved - before.saved) / seconds;
          }
          set(byId("tile-hit-rate"), percent(hitRate));
          set(byId("note-hit-rate"), `${percent(answers.hit_rate)} since the start`, answers.hit_rate);
          set(byId("tile-rate"), rate === null ? "–" : short.format(rate));
          set(byId("note-rate"), `${number.format(answers.total)} since the start`, answers.total);
          set(byId("tile-saved"), time(frame.saved_ms), frame.saved_ms);
          set(byId("note-saved"), saved === null ? "since the start" : `${time(saved)} a second now`);
          const all = ["memory", "redis"].map(recentBuckets);
          const both = all[0].map((count, index) => count + all[1][index]);
          set(byId("tile-latency"), latencyWords(percentile(both, frame.latency.bounds_ms, 0.99)));
        }

        function showSources(frame) {
          const answers = frame.stats.answers;
          fill("sources", SOURCES.map((source) => {
            const row = document.createElement("tr");
            const name = cell(row, "", { tag: "th" });
            const swatch = document.createElement("span");
            swatch.className = `swatch ${source}`;
            name.append(swatch, source);
            cell(row, number.format(answers[source]), { value: answers[source], figure: `answers.${source}` });
            cell(row, answers.total ? percent(answers[source] / answers.total) : "–");
            const buckets = recentBuckets(source);
            for (const share of [0.5, 0.95, 0.99]) cell(row, latencyWords(percentile(buckets, frame.latency.bounds_ms, share)));
            return row;
          }));
        }

        function showLegend() {
          byId("legend").replaceChildren(...SOURCES.map((source) => {
            const item = document.createElement("li");
            const swatch = document.createElement("span");
            swatch.className = `swatch ${source}`;
            item.append(swatch, source);
            return item;
          }));
        }

        function showNamespaces(frame) {
          const names = Object.keys(frame.stats.namespaces).filter((name) => frame.stats.namespaces[name].total > 0);
          names.sort((one, other) => frame.stats.namespaces[other].total - frame.stats.namespaces[one].total);
          fill("namespaces", names.slice(0, 50).map((name) => {
            const counts = frame.stats.namespaces[name];
            const row = document.createElement("tr");
            cell(row, name, { tag: "th" });
            cell(row, number.format(counts.total), { value: counts.total, figure: `namespaces.${name}.total` });
            const rate = cell(row, percent(counts.hit_rate), { value: counts.hit_rate, figure: `namespaces.${name}.hit_rate` });
            if (counts.hit_rate !== null) bar(rate, counts.hit_rate, false);
            for (const source of ["memory", "redis", "miss", "shared", "stale", "bypass"]) {
              cell(row, number.format(counts[source]), { value: counts[source], figure: `namespaces.${name}.${source}` });
            }
            return row;
          }));
        }

        function pair(list, name, text, figure, value, extra) {
          const term = document.createElement("dt");
          term.textContent = name;
          const description = document.createElement("dd");
          set(description, text, value);
          if (figure) description.dataset.figure = figure;
          if (extra) extra(description);
          list.append(term, description);
        }

        function showServers(frame) {
          const { postgres, memory, connections } = frame.stats;
          const list = document.createElement("dl");
          pair(list, "Connections to PostgreSQL", `${postgres.in_use} in use, ${postgres.idle} idle, ${postgres.opening} opening`, "postgres.in_use", postgres.in_use);
          pair(list, "Requests waiting for one", number.format(postgres.waiting), "postgres.waiting", postgres.waiting);
          if (connections) pair(list, "Clients", `${number.format(connections.open)} of ${number.format(connections.limit)}`, "connections.open", connections.open);
          const share = memory.budget_bytes ? memory.bytes / memory.budget_bytes : 0;
          pair(list, "Own memory", `${size(memory.bytes)} of ${size(memory.budget_bytes)}, ${number.format(memory.entries)} answers`, "memory.entries", memory.entries, (element) => bar(element, share, false));
          const redis = frame.redis_memory;
          if (redis) {
            const used = redis.maximum_bytes ? redis.used_bytes / redis.maximum_bytes : 0;
            const words = redis.maximum_bytes ? `${size(redis.used_bytes)} of ${size(redis.maximum_bytes)} (${redis.policy})` : `${size(redis.used_bytes)}, no limit`;
            pair(list, "Redis memory", words, "redis_memory.used_bytes", redis.used_bytes, (element) => { if (redis.maximum_bytes) bar(element, used, used > 0.8); });
          } else if (frame.stats.redis.configured) {
            pair(list, "Redis memory", "not known");
          }
          if (frame.stats.redis.heartbeat_ms !== undefined) {
            const delay = frame.stats.redis.heartbeat_ms;
            pair(list, "Invalidation channel", delay === null ? "silent" : `${time(delay)} behind`);
          }
          const counts = frame.invalidations;
          const sum = (kinds) => Object.values(kinds).reduce((total, count) => total + count, 0);
          const words = (kinds) => Object.entries(kinds).filter(([, count]) => count > 0).map(([kind, count]) => `${number.format(count)} ${kind}`).join(", ");
          pair(list, "Invalidated here", words(counts.own) || "nothing", "invalidations.own", sum(counts.own));
          pair(list, "Heard from others", words(counts.heard) || "nothing", "invalidations.heard", sum(counts.heard));
          const target = byId("servers");
          const before = target.cloneNode(false);
          before.append(...list.children);
          if (!target.isEqualNode(before)) target.replaceChildren(...before.children);
        }

        function showQueries(queries) {
          fill("queries", queries.map((query) => {
            const row = document.createElement("tr");
            cell(row, query.statement, { tag: "th", className: "sql" });
            cell(row, number.format(query.calls), { value: query.calls, figure: `queries.${query.fingerprint}.calls` });
            cell(row, percent(query.hit_rate));
            cell(row, time(query.time_saved_ms));
            cell(row, time(query.postgres.mean_ms));
            cell(row, size(query.result_bytes.mean));
            cell(row, number.format(query.entries_estimate));
            cell(row, query.reason || "", { className: "left" });
            return row;
          }));
        }

        function showAdvice(advice) {
          const items = advice.findings.map((finding) => {
            const item = document.createElement("li");
            item.className = "finding";
            item.dataset.kind = finding.kind;
            const message = document.createElement("p");
            message.textContent = finding.message;
            const change = document.createElement("p");
            change.className = "change";
            const code = document.createElement(finding.change.in === "application" ? "span" : "code");
            code.textContent = finding.change.text;
            const place = finding.change.in === "application" ? "In the application: " : `In ${finding.change.in}: `;
            change.append(place, code);
            item.append(message, change);
            return item;
          });
          if (items.length === 0) {
            const item = document.createElement("li");
            item.className = "note";
            item.textContent = "Nothing to advise.";
            items.push(item);
          }
          const present = byId("advice").cloneNode(false);
          present.append(...items);
          if (!byId("advice").isEqualNode(present)) byId("advice").replaceChildren(...present.children);
          set(byId("advice-missing"), advice.not_available.map((missing) => `Not looked at: ${missing.why}.`).join(" "));
        }

        function show() {
          showStates();
          const frame = state.frame;
          if (!frame) return;
          showTiles(frame);
          showSources(frame);
          showNamespaces(frame);
          showServers(frame);
          showQueries(frame.queries);
          const all = points();
          requestChart.draw(all, SPAN);
          hitRateChart.draw(all, SPAN);
          set(byId("uptime"), `Started ${time(frame.stats.uptime_ms)} ago.`);
        }

        // ---- Events

        function remember(frame) {
          state.frame = frame;
          state.frames.push({ time: frame.time_ms, answers: frame.stats.answers, saved: frame.saved_ms, latency: frame.latency });
          const oldest = frame.time_ms - SPAN - 2000;
          while (state.frames.length > 0 && state.frames[0].time < oldest) state.frames.shift();
        }

        function listen() {
          let events = null;
          const open = () => {
            if (events) events.close();
            events = new EventSource(`/api/v1/events?sort=${encodeURIComponent(byId("sort").value)}`);
            events.addEventListener("history", (event) => {
              if (state.frames.some((frame) => frame.latency)) return;
              state.frames = JSON.parse(event.data).samples;
            });
            events.addEventListener("figures", (event) => {
              state.heardAt = Date.now();
              state.lostAt = null;
              if (state.isPaused) return;
              remember(JSON.parse(event.data));
              show();
            });
            events.addEventListener("advice", (event) => { if (!state.isPaused) showAdvice(JSON.parse(event.data)); });
          };
          open();
          byId("sort").addEventListener("change", open);
          state.heardAt = Date.now();
          setInterval(() => {
            if (Date.now() - state.heardAt <= SILENCE) return;
            if (state.lostAt === null) { state.lostAt = state.heardAt; showStates(); }
            // A browser does not try again after some kinds of refusal.
            if (events.readyState === EventSource.CLOSED) open();
          }, 1000);
        }

        byId("pause").addEventListener("click", () => {
          state.isPaused = !state.isPaused;
          byId("pause").setAttribute("aria-pressed", String(state.isPaused));
          set(byId("pause"), state.isPaused ? "Go on" : "Pause");
          showStates();
        });

        showLegend();
        listen();
        """#
}
