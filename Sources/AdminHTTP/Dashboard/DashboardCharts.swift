/// The two charts, as SVG.
enum DashboardCharts {
    static let javascript = #"""
        "use strict";

        const SOURCES = ["memory", "redis", "shared", "stale", "miss", "bypass"];

        function svg(name, attributes, parent) {
          const element = document.createElementNS("http://www.w3.org/2000/svg", name);
          for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
          if (parent) parent.append(element);
          return element;
        }

        // A round number at or above another.
        function roundUp(value) {
          if (value <= 1) return 1;
          const power = Math.pow(10, Math.floor(Math.log10(value)));
          return [1, 2, 2.5, 5, 10].map((step) => step * power).find((step) => step >= value);
        }

        class Chart {
          constructor(id, top, format) {
            this.box = document.getElementById(id);
            this.top = top;
            this.format = format;
          }

          // Points are {time, …}, with times in milliseconds, the oldest first.
          begin(points, span, top) {
            const width = Math.max(260, this.box.clientWidth || 600);
            const height = 176;
            const area = { left: 46, right: width - 6, top: 8, bottom: height - 20 };
            const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" });
            const end = points.length ? points[points.length - 1].time : 0;
            const x = (time) => area.right - (end - time) / span * (area.right - area.left);
            const y = (value) => area.bottom - Math.min(1, value / top) * (area.bottom - area.top);
            for (const part of [0, 0.5, 1]) {
              svg("line", { class: "grid", x1: area.left, x2: area.right, y1: y(top * part), y2: y(top * part) }, root);
              svg("text", { x: area.left - 6, y: y(top * part) + 4, "text-anchor": "end" }, root).textContent = this.format(top * part);
            }
            const minutes = Math.round(span / 60000);
            svg("text", { x: area.left, y: height - 5 }, root).textContent = `${minutes} min ago`;
            svg("text", { x: area.right, y: height - 5, "text-anchor": "end" }, root).textContent = "now";
            return { root, x, y, area };
          }

          show(root, words) {
            this.box.replaceChildren(root);
            this.box.setAttribute("aria-label", words);
          }
        }

        class RequestChart extends Chart {
          // Points are {time, rates: {memory: …}}.
          draw(points, span) {
            const total = (point) => SOURCES.reduce((sum, source) => sum + point.rates[source], 0);
            const top = roundUp(Math.max(1, ...points.map(total)));
            const { root, x, y } = this.begin(points, span, top);
            let below = points.map(() => 0);
            for (const source of SOURCES) {
              const above = points.map((point, index) => below[index] + point.rates[source]);
              if (points.some((point) => point.rates[source] > 0)) {
                const forth = points.map((point, index) => `${x(point.time).toFixed(1)},${y(above[index]).toFixed(1)}`);
                const back = points.map((point, index) => `${x(point.time).toFixed(1)},${y(below[index]).toFixed(1)}`).reverse();
                svg("polygon", { class: source, points: forth.concat(back).join(" ") }, root);
              }
              below = above;
            }
            const last = points.length ? total(points[points.length - 1]) : 0;
            this.show(root, `Requests a second by source: now ${this.format(last)}, at most ${this.format(top)}`);
          }
        }

        class HitRateChart extends Chart {
          // Points are {time, hitRate} with null where nothing was looked up.
          draw(points, span) {
            const { root, x, y, area } = this.begin(points, span, 1);
            svg("line", { class: "aim", x1: area.left, x2: area.right, y1: y(0.6), y2: y(0.6) }, root);
            let path = "";
            let isDrawing = false;
            for (const point of points) {
              if (point.hitRate === null) { isDrawing = false; continue; }
              path += `${isDrawing ? "L" : "M"}${x(point.time).toFixed(1)},${y(point.hitRate).toFixed(1)}`;
              isDrawing = true;
            }
            if (path) svg("path", { class: "rate", d: path }, root);
            const known = points.filter((point) => point.hitRate !== null);
            const last = known.length ? this.format(known[known.length - 1].hitRate) : "not known";
            this.show(root, `Hit rate: now ${last}`);
          }
        }
        """#
}
