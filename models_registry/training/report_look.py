"""How a report looks, light and dark, and the script that draws its panels in those colours."""

from __future__ import annotations

# The hues are those of static/css/tokens.css, which a file of its own cannot link.
STYLE = """
:root{--background:#eceff0;--surface:#fff;--quiet:#f5f7f7;--line:#d3dadb;--text:#132024;
--muted:#51626a;--accent:#0a6a6f;--warn:#96600a;--warn-quiet:#f8ecd4;
--hue-0:#0a6a6f;--hue-1:#aa3377;--hue-2:#b3700f;--hue-3:#3f6fa5;--hue-4:#228833;--hue-5:#dd5566;
--class-person:#aa3377;--class-bicycle:#228833;--class-motorcycle:#2a9fc4;--class-car:#3f6fa5;
--class-bus:#b39b16;--class-truck:#dd5566}
@media(prefers-color-scheme:dark){:root{--background:#0c1315;--surface:#141d20;--quiet:#192327;
--line:#28353a;--text:#e6edee;--muted:#98a8ae;--accent:#58c7c0;--warn:#e2b04f;--warn-quiet:#33280f;
--hue-0:#58c7c0;--hue-1:#dd7ab8;--hue-2:#e2b04f;--hue-3:#74a5dc;--hue-4:#55b567;--hue-5:#f58591;
--class-person:#dd7ab8;--class-bicycle:#55b567;--class-motorcycle:#7cd3ee;--class-car:#74a5dc;
--class-bus:#d9c653;--class-truck:#f58591}}
*{box-sizing:border-box;margin:0}
body{font:16px/1.5 "IBM Plex Sans",system-ui,sans-serif;color:var(--text);
background:var(--background);overflow-wrap:anywhere}
main{max-width:1280px;margin:0 auto;padding:32px 32px 64px}
h1,h2,h3{font-weight:600;line-height:1.25;text-wrap:balance}
h1{font-size:28px;margin-bottom:8px}h2{font-size:20px;margin:40px 0 12px}h3{font-size:16px}
p{max-width:76ch;margin:8px 0}a{color:var(--accent)}
.unfinished{background:var(--warn-quiet);border-left:4px solid var(--warn);padding:8px 16px;
border-radius:6px;margin:12px 0}
.panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(480px,100%),1fr));gap:16px}
figure{min-width:0;background:var(--surface);border-radius:10px;padding:16px;
display:flex;flex-direction:column}
figure:last-child:nth-child(odd){grid-column:1/-1}
figcaption{flex:1;margin-bottom:8px}
.plot{min-height:280px}
.keys{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:0 16px;font-size:14px;
color:var(--muted)}
.keys i{display:inline-block;width:20px;margin-right:6px;vertical-align:middle}
summary{cursor:pointer;font-size:14px;color:var(--muted)}
.numbers{max-height:320px;overflow:auto;margin-top:8px}.numbers :is(td,th){text-align:right}
.scroll-x{overflow-x:auto;max-width:100%;overflow-wrap:normal}
table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums}
th{text-align:left;font-weight:500;color:var(--muted)}
td,th{padding:6px 24px 6px 0;vertical-align:top;border-bottom:1px solid var(--line)}
td:last-child,th:last-child{padding-right:4px}
article td{max-width:52ch}article :is(td,th):first-child{min-width:8.5rem}
article td[style],article th[style]{white-space:nowrap}
pre{max-width:100%;max-height:480px;overflow:auto;white-space:pre-wrap;padding:16px;
background:var(--surface);border-radius:10px;font-size:13px}
code{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:.9em}
pre code{font-size:inherit}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
@media(max-width:720px){main{padding:20px 12px 48px}figure{padding:12px}
td,th{padding-right:16px}}
"""

# Plotly knows no colour scheme: the page's colours are given to it, anew when the scheme changes.
DRAWS = """
const plots = [...document.querySelectorAll('.plot')];
function coloured({data, layout}) {
  const look = getComputedStyle(document.documentElement);
  const colour = name => look.getPropertyValue('--' + name).trim();
  const axis = {gridcolor: colour('line'), linecolor: colour('line'), color: colour('muted')};
  return [
    data.map(x => ({...x, line: {...x.line, color: colour(x.meta)},
      marker: {...x.marker, color: colour(x.meta)}})),
    {...layout, paper_bgcolor: 'transparent', plot_bgcolor: 'transparent',
      font: {family: getComputedStyle(document.body).fontFamily, size: 12, color: colour('text')},
      hoverlabel: {bgcolor: colour('quiet'), bordercolor: colour('line'),
        font: {color: colour('text')}, namelength: -1},
      xaxis: {...layout.xaxis, ...axis}, yaxis: {...layout.yaxis, ...axis}},
  ];
}
const config = {displayModeBar: false, responsive: true};
function draw() {
  plots.forEach((plot, i) => Plotly.react(plot, ...coloured(PANELS[i]), config));
}
PANELS.forEach((panel, i) => Plotly.newPlot(plots[i], ...coloured(panel), config));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
"""
