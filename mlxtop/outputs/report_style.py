"""The looks of the HTML report: light and dark, on screen and on paper."""

STYLE = """
:root { color-scheme: light dark;
  --page: #f6f8fa; --card: #ffffff; --text: #1f2328; --dim: #59636e; --line: #d1d9e0;
  --faint: #eaeef2; --rx: #0969da; --tx: #bc4c00; --module: #bf3989; --asic: #8250df;
  --good: #1a7f37; --warning: #9a6700; --critical: #cf222e; --load: #0f766e; }
@media (prefers-color-scheme: dark) { :root {
  --page: #0d1117; --card: #151b23; --text: #e6edf3; --dim: #9198a1; --line: #3d444d;
  --faint: #212830; --rx: #58a6ff; --tx: #f0883e; --module: #f778ba; --asic: #b392f0;
  --good: #3fb950; --warning: #d29922; --critical: #f85149; --load: #2dd4bf; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans", "Liberation Sans", sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 32px 20px 48px; }
h1 { margin: 0; font-size: 28px; font-weight: 650; letter-spacing: -.01em; line-height: 1.25; }
h2 { margin: 0; font-size: 19px; font-weight: 650; }
h3 { margin: 20px 0 4px; font-size: 13px; font-weight: 600; color: var(--dim); }
p { margin: 4px 0; }
.dim, small { color: var(--dim); }
.mark { display: inline-block; padding: 0 8px; border: 1px solid currentColor; border-radius: 99px;
  font-size: 12px; font-weight: 600; color: var(--warning); vertical-align: 3px; }
.summary { margin: 16px 0 0; font-size: 17px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); gap: 12px;
  margin: 20px 0; }
.tile, section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.tile { padding: 12px 16px; }
.tile b { display: block; font-size: 24px; font-weight: 650; line-height: 1.25;
  font-variant-numeric: tabular-nums; }
.tile span { color: var(--dim); font-size: 13px; }
section { padding: 20px; margin: 16px 0; }
table { width: 100%; border-collapse: collapse; margin-top: 8px;
  font-variant-numeric: tabular-nums; }
th { text-align: left; font-size: 13px; font-weight: 600; color: var(--dim); }
th, td { padding: 6px 12px 6px 0; border-bottom: 1px solid var(--faint); vertical-align: top;
  overflow-wrap: anywhere; }
tr:last-child > td { border-bottom: 0; }
td.n, th.n { text-align: right; white-space: nowrap; }
td.t { white-space: nowrap; }
td.w { width: 50%; } td.c { min-width: 190px; }
.dot { display: inline-block; width: 9px; height: 9px; margin-right: 8px; border-radius: 9px;
  background: var(--dim); }
.critical { color: var(--critical); } .warning { color: var(--warning); }
.good { color: var(--good); }
.dot.critical { background: var(--critical); } .dot.warning { background: var(--warning); }
details { color: var(--dim); font-size: 13px; } summary { cursor: pointer; }
code { font: 13px ui-monospace, "SF Mono", "DejaVu Sans Mono", "Liberation Mono", monospace; }
svg { display: block; width: 100%; height: auto; margin-top: 4px; }
svg text { font-size: 12px; fill: var(--dim); font-variant-numeric: tabular-nums; }
svg .grid { stroke: var(--faint); fill: none; } svg .zero { stroke: var(--line); fill: none; }
svg .line { fill: none; stroke-width: 1.5; stroke-linejoin: round; }
.line.rx { stroke: var(--rx); } .line.tx { stroke: var(--tx); }
.line.module { stroke: var(--module); } .line.asic { stroke: var(--asic); }
.mean-area { stroke: none; opacity: .3; } .peak-area { stroke: none; opacity: .18; }
.mean-area.rx, .peak-area.rx { fill: var(--rx); } .mean-area.tx, .peak-area.tx { fill: var(--tx); }
svg .limit { fill: none; stroke: currentColor; stroke-dasharray: 4 4; opacity: .75; }
svg text.critical { fill: var(--critical); } svg text.warning { fill: var(--warning); }
rect.critical { fill: var(--critical); } rect.warning { fill: var(--warning); }
rect.note { fill: var(--dim); } rect.load { fill: var(--load); }
rect.gap { fill: var(--dim); opacity: .18; }
rect.down { fill: var(--critical); opacity: .16; }
rect.when { opacity: .4; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin-top: 6px; font-size: 13px;
  color: var(--dim); }
.key { display: inline-block; width: 16px; height: 3px; margin-right: 6px; border-radius: 2px;
  vertical-align: 3px; }
.key.rx { background: var(--rx); } .key.tx { background: var(--tx); }
.key.module { background: var(--module); } .key.asic { background: var(--asic); }
footer { margin-top: 24px; color: var(--dim); font-size: 13px; }
@media print { :root { color-scheme: light; --page: #fff; --card: #fff; --text: #1f2328;
    --dim: #59636e; --line: #d1d9e0; --faint: #eaeef2; --rx: #0969da; --tx: #bc4c00;
    --module: #bf3989; --asic: #8250df; --warning: #9a6700; --critical: #cf222e; }
  main { max-width: none; padding: 0; } section, .tile { break-inside: avoid; } }
"""
