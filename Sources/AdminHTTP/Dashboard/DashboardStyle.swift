/// Colours are told apart by people who do not see red and green (Okabe and Ito), and each is named beside it.
enum DashboardStyle {
    static let css = #"""
        :root {
          --page: #f6f7f9; --card: #fff; --ink: #1b2027; --soft: #58626f; --line: #dde1e7; --focus: #0b63ce;
          --good: #0a7d4f; --bad: #b3261e; --bad-back: #fdecea; --warn: #8a5a00; --warn-back: #fff6e0;
          --memory: #0072b2; --redis: #56b4e9; --shared: #009e73; --stale: #e69f00; --miss: #d55e00; --bypass: #8f96a3;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --page: #12151a; --card: #1b2028; --ink: #e7eaef; --soft: #a3adba; --line: #323a46; --focus: #7ab4ff;
            --good: #57cf9b; --bad: #ff8a80; --bad-back: #3a1d1c; --warn: #f0bf59; --warn-back: #35290f;
            --memory: #3f9fe0; --redis: #8fd0f5; --shared: #2fc398; --stale: #f0b740; --miss: #f08a4b; --bypass: #868f9d;
          }
        }
        * { box-sizing: border-box; }
        body { margin: 0 auto; max-width: 76rem; padding: 0 1rem 1.5rem; background: var(--page); color: var(--ink);
          font: 15px/1.45 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
        header { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1rem; padding: .9rem 0; }
        h1 { font-size: 1.3rem; margin: 0; }
        h2 { font-size: 1rem; margin: 0 0 .6rem; }
        header ul { display: flex; flex-wrap: wrap; gap: .4rem; list-style: none; margin: 0; padding: 0; flex: 1; }
        .state { border: 1px solid var(--line); background: var(--card); border-radius: 1rem; padding: .1rem .7rem;
          font-size: .87rem; white-space: nowrap; }
        .state::before { content: "○ "; color: var(--soft); }
        .state.good::before { content: "● "; color: var(--good); }
        .state.bad { border-color: var(--bad); color: var(--bad); background: var(--bad-back); font-weight: 600; }
        .state.bad::before { content: "✕ "; color: var(--bad); }
        button, select { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line);
          border-radius: .4rem; padding: .25rem .7rem; min-height: 2.1rem; }
        button[aria-pressed=true] { border-color: var(--focus); color: var(--focus); }
        :focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
        .skip { position: absolute; left: -99rem; }
        .skip:focus { left: 1rem; top: .5rem; background: var(--card); padding: .4rem .8rem; z-index: 1; }
        #alerts p { margin: 0 0 .6rem; padding: .6rem .9rem; border-radius: .5rem; background: var(--bad-back);
          border-left: 4px solid var(--bad); }
        main { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .9rem; }
        main:focus { outline: none; }
        main.old section { opacity: .55; }
        section { grid-column: 1 / -1; background: var(--card); border: 1px solid var(--line); border-radius: .7rem;
          padding: .9rem 1rem; min-width: 0; }
        section.half { grid-column: auto; }
        .tiles { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: .9rem; margin: 0; }
        .tiles dt { color: var(--soft); font-size: .87rem; }
        .tiles dd { margin: 0; font-size: 1.7rem; font-weight: 600; line-height: 1.25; font-variant-numeric: tabular-nums; }
        .tiles dd.note, .note { font-size: .82rem; font-weight: 400; color: var(--soft); }
        p.note { margin: .5rem 0 0; }
        .chart svg { display: block; width: 100%; height: 11rem; }
        .chart text { fill: var(--soft); font-size: 11px; }
        .chart .grid { stroke: var(--line); }
        .chart .aim { stroke: var(--soft); stroke-dasharray: 4 4; }
        .chart .rate { fill: none; stroke: var(--memory); stroke-width: 2; }
        .legend { display: flex; flex-wrap: wrap; gap: .2rem .9rem; list-style: none; margin: .5rem 0 0; padding: 0;
          font-size: .85rem; }
        .swatch { display: inline-block; width: .75rem; height: .75rem; border-radius: .15rem; margin-right: .35rem; }
        .memory { background: var(--memory); fill: var(--memory); } .redis { background: var(--redis); fill: var(--redis); }
        .shared { background: var(--shared); fill: var(--shared); } .stale { background: var(--stale); fill: var(--stale); }
        .miss { background: var(--miss); fill: var(--miss); } .bypass { background: var(--bypass); fill: var(--bypass); }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .9rem; }
        th, td { text-align: right; padding: .3rem .5rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
        thead th { color: var(--soft); font-weight: 500; font-size: .82rem; }
        th:first-child, td:first-child { text-align: left; }
        tbody th { font-weight: 500; }
        tbody tr:last-child > * { border-bottom: 0; }
        td.left { text-align: left; }
        .sql { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .82rem; white-space: normal;
          overflow-wrap: anywhere; min-width: 16rem; max-width: 30rem; }
        .bar { display: inline-block; width: 3.5rem; height: .5rem; border-radius: .25rem; background: var(--line);
          margin-left: .5rem; overflow: hidden; vertical-align: middle; }
        .bar i { display: block; height: 100%; background: var(--memory); }
        .bar.high i { background: var(--bad); }
        .pairs { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem; margin: 0; font-size: .9rem; }
        .pairs dt { color: var(--soft); } .pairs dd { margin: 0; font-variant-numeric: tabular-nums; }
        .advice { list-style: none; margin: 0; padding: 0; display: grid; gap: .6rem; }
        .advice li.finding { background: var(--warn-back); border-left: 4px solid var(--warn); border-radius: .5rem;
          padding: .55rem .9rem; overflow-wrap: anywhere; }
        .advice p { margin: 0; }
        .advice .change { margin-top: .25rem; font-size: .88rem; }
        .advice code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; }
        label { font-size: .88rem; color: var(--soft); display: inline-block; margin-bottom: .5rem; }
        footer { margin-top: 1rem; display: flex; flex-wrap: wrap; gap: .3rem .9rem; }
        a { color: var(--focus); }
        @media (max-width: 48rem) {
          main { grid-template-columns: minmax(0, 1fr); }
          .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); }
          .tiles dd { font-size: 1.4rem; }
          header { justify-content: space-between; }
          header ul { order: 1; flex-basis: 100%; }
          th, td { padding: .3rem .35rem; }
          .sql { min-width: 12rem; }
          section { padding: .75rem .8rem; }
        }
        """#
}
