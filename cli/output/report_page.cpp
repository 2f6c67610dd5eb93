#include "cli/output/report_page.h"

#include <nlohmann/json.hpp>

#include <string_view>

namespace moat {
namespace {

// clang-format off
constexpr std::string_view kBefore = R"page(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>moat report</title>
<style>
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: #2a6f97; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 70rem; padding: 1rem 1.5rem 4rem; }
h1 { font-size: 1.5rem; margin: .5rem 0; overflow-wrap: anywhere; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: 0; } dt { opacity: .7; } dd { margin: 0; overflow-wrap: anywhere; }
#map { position: relative; height: 22rem; } #map div { position: absolute; overflow: hidden; box-sizing: border-box; border: 1px solid Canvas; padding: .15rem .35rem;
  font-size: .8rem; color: #fff; cursor: pointer; white-space: nowrap; }
input { font: inherit; padding: .35rem .6rem; width: 20rem; max-width: 100%; border: 1px solid var(--line); border-radius: .3rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th button { font: inherit; font-weight: 600; border: 0; background: none; color: inherit; padding: 0; cursor: pointer; }
td.n, th.n { text-align: right; white-space: nowrap; } tr.open > td { border-bottom: 0; } .more td { background: var(--soft); padding: .5rem .7rem; }
a { color: var(--accent); } .name { font-weight: 600; cursor: pointer; background: none; border: 0; color: inherit; font: inherit; font-weight: 600; padding: 0; text-align: left; }
.asked::after { content: " asked for"; font-weight: 400; font-size: .8rem; opacity: .7; }
.leak, .damage { color: #c0392b; font-weight: 600; } .ok { color: #2e7d32; } .empty { opacity: .7; }
@media print { input, #map { display: none; } body { max-width: none; } a { color: inherit; } }
</style></head><body>
<h1 id="title"></h1><dl id="facts"></dl>
<h2>What takes the space</h2><div id="map" role="img" aria-label="Sizes of the packages; the table has the same numbers"></div>
<h2>Packages</h2><p><input id="search" type="search" placeholder="Search names, licences, summaries" aria-label="Search"> <span id="count"></span></p>
<table><thead><tr><th><button data-key="name">Name</button></th><th><button data-key="version">Version</button></th>
<th class="n"><button data-key="bytes">Size</button></th><th><button data-key="licence">Licence</button></th><th>Needed by</th></tr></thead><tbody id="rows"></tbody></table>
<div id="licences-part"><h2>PrereleasePermits</h2><table><tbody id="licences"></tbody></table></div>
<div id="checks-part"><h2>Checks</h2><table><tbody id="checks"></tbody></table></div>
<script type="application/json" id="data">)page";

constexpr std::string_view kAfter = R"page(</script>
<script>
"use strict";
const data = JSON.parse(document.getElementById("data").textContent), byName = new Map(data.packages.map(p => [p.name, p]));
const make = (tag, text, more) => { const e = document.createElement(tag); if (text !== undefined) e.textContent = text; return Object.assign(e, more || {}); };
const size = n => { for (const [unit, k] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) if (n >= k) return (n / k).toFixed(n >= 10 * k ? 0 : 1) + " " + unit; return n + " B"; };
const at = id => document.getElementById(id);
at("title").textContent = data.subject; document.title = "moat report: " + data.subject;
for (const [k, v] of [["Python", data.python], ["Packages", data.packages.length + " (" + data.packages.filter(p => p.requested).length + (data.is_lock ? " that nothing else needs)" : " asked for)")],
    ["Size", data.is_lock ? size(data.bytes) + " to download, at most" : size(data.bytes) + ", of it Python itself " + size(data.runtime_bytes)],
    [data.is_lock ? "Needed by nothing else" : "Asked for", data.asked_for.join(", ") || "nothing"], ["State", data.state === null ? "" : String(data.state)], ["Made on", data.made]]) {
  if (v !== "") at("facts").append(make("dt", k), make("dd", v));
}
// Treemap: the largest share of the longer side first.
function layout(items, x, y, w, h, out) {
  if (!items.length) return;
  if (items.length === 1) { out.push([items[0], x, y, w, h]); return; }
  const total = items.reduce((s, i) => s + i.bytes, 0); let part = 0, cut = 0;
  while (cut < items.length - 1 && part + items[cut].bytes / 2 < total / 2) part += items[cut++].bytes;
  if (cut === 0) part = items[cut++].bytes;
  const share = part / total;
  if (w >= h) { layout(items.slice(0, cut), x, y, w * share, h, out); layout(items.slice(cut), x + w * share, y, w * (1 - share), h, out); }
  else { layout(items.slice(0, cut), x, y, w, h * share, out); layout(items.slice(cut), x, y + h * share, w, h * (1 - share), out); }
}
const boxes = [{ name: "Python", bytes: data.runtime_bytes }, ...data.packages].filter(p => p.bytes > 0).sort((a, b) => b.bytes - a.bytes), placed = [];
layout(boxes, 0, 0, 100, 100, placed);
placed.forEach(([p, x, y, w, h], i) => {
  const box = make("div", p.name + " " + size(p.bytes), { title: p.name + ": " + size(p.bytes) });
  box.style.cssText = `left:${x}%;top:${y}%;width:${w}%;height:${h}%;background:hsl(${(i * 47 + 205) % 360} 38% 38%)`;
  box.addEventListener("click", () => show(p.name)); at("map").append(box);
});
let key = "bytes", down = true; const open = new Set();
function link(name) { const a = make("a", name, { href: "#p-" + name }); a.addEventListener("click", e => { e.preventDefault(); show(name); }); return a; }
function names(cell, list) { if (!list.length) cell.append(make("span", "nothing", { className: "empty" })); list.forEach((n, i) => cell.append(i ? ", " : "", byName.has(n) ? link(n) : n)); return cell; }
// The shortest way from what was asked for.
function why(name) {
  const ways = [[name]], seen = new Set([name]);
  while (ways.length) { const way = ways.shift(), p = byName.get(way[0]); if (!p) continue; if (p.requested) return way;
    for (const n of p.needed_by) if (!seen.has(n)) { seen.add(n); ways.push([n, ...way]); } }
  return null;
}
function draw() {
  const words = at("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = data.packages.filter(p => words.every(w => (p.name + " " + p.version + " " + p.licence + " " + p.summary).toLowerCase().includes(w)));
  rows.sort((a, b) => (key === "bytes" ? a.bytes - b.bytes : String(a[key]).localeCompare(String(b[key]))) * (down ? -1 : 1) || a.name.localeCompare(b.name));
  at("rows").replaceChildren(); at("count").textContent = rows.length + " of " + data.packages.length;
  for (const p of rows) {
    const row = make("tr", undefined, { id: "p-" + p.name }), cell = make("td"), button = make("button", p.name, { className: "name" + (p.requested ? " asked" : "") });
    button.addEventListener("click", () => { open.has(p.name) ? open.delete(p.name) : open.add(p.name); draw(); }); button.setAttribute("aria-expanded", open.has(p.name));
    cell.append(button); row.append(cell, make("td", p.newest ? p.version + " (newest: " + p.newest + ")" : p.version), make("td", size(p.bytes), { className: "n" }), make("td", p.licence || "not said"), names(make("td"), p.needed_by));
    at("rows").append(row);
    if (!open.has(p.name)) continue;
    row.className = "open"; const more = make("tr", undefined, { className: "more" }), inner = make("td", undefined, { colSpan: 5 }), list = make("dl"), way = why(p.name);
    list.append(make("dt", "What it is"), make("dd", p.summary || "not said"), make("dt", "Why it is here"), make("dd", way ? way.join(" → ") : "nothing that is installed needs it"),
      make("dt", "Needs"), names(make("dd"), p.requires), make("dt", "From"), make("dd", p.from));
    inner.append(list); more.append(inner); at("rows").append(more);
  }
}
function show(name) { at("search").value = ""; open.add(name); draw(); const row = at("p-" + name); if (row) row.scrollIntoView({ block: "center" }); }
at("search").addEventListener("input", draw);
for (const button of document.querySelectorAll("th button")) button.addEventListener("click", () => { down = key === button.dataset.key ? !down : button.dataset.key === "bytes"; key = button.dataset.key; draw(); });
const licences = new Map(); for (const p of data.packages) { const l = p.licence || "not said"; licences.set(l, [...(licences.get(l) || []), p.name]); }
for (const [l, list] of [...licences].sort((a, b) => b[1].length - a[1].length)) { const row = make("tr"); row.append(make("td", l), names(make("td"), list)); at("licences").append(row); }
for (const id of data.is_lock ? ["licences-part", "checks-part"] : []) at(id).hidden = true; // a lock says nothing of either
for (const c of data.checks) { const row = make("tr"), cell = make("td", c.message); for (const d of c.details) cell.append(make("br"), d); row.append(make("td", c.level, { className: c.level }), make("td", c.check), cell); at("checks").append(row); }
draw();
</script></body></html>
)page";
// clang-format on

}  // namespace

std::string report_page(const nlohmann::ordered_json& facts) {
  // Text of packages must not end the element that it stands in.
  std::string text;
  for (const char c : facts.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace))
    text += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return std::string(kBefore) + text + std::string(kAfter);
}

}  // namespace moat
