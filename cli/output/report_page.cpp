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
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --quiet: #595959; --accent: #1f618d; --good: #2a7030; --bad: #b03024; }
@media screen and (prefers-color-scheme: dark) { :root { --quiet: #b0b0b0; --accent: #82bfe8; --good: #7cc781; --bad: #ff8d80; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 70rem; padding: 1rem 1.5rem 4rem; }
h1 { font-size: 1.5rem; margin: .5rem 0; overflow-wrap: anywhere; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; break-after: avoid; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: 0; } dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }
#map { position: relative; height: 22rem; } #map div { position: absolute; container-type: size; box-shadow: inset 0 0 0 1px Canvas; color: #fff; }
#map div.known { cursor: pointer; } #map span { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; padding: .15rem .4rem; font-size: .8rem; }
@container (width < 3.2rem) or (height < 1.45rem) { #map span { display: none; } }
input { font: inherit; padding: .35rem .6rem; width: 20rem; max-width: 100%; box-sizing: border-box; border: 1px solid var(--line); border-radius: .3rem; }
input::placeholder { color: var(--quiet); opacity: 1; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td { overflow-wrap: break-word; } td.long { overflow-wrap: anywhere; min-width: 8rem; } tr { break-inside: avoid; }
th { white-space: nowrap; } th button { font: inherit; font-weight: 600; border: 0; background: none; color: inherit; padding: 0; cursor: pointer; }
th button::after { content: " \2195"; color: var(--quiet); } th[aria-sort=ascending] button::after { content: " \2191"; color: inherit; }
th[aria-sort=descending] button::after { content: " \2193"; color: inherit; }
td.n, th.n { text-align: right; } td.n { white-space: nowrap; } tr.open > td { border-bottom: 0; } .more td { background: var(--soft); padding: .5rem .7rem; }
a { color: var(--accent); } .name { font-weight: 600; cursor: pointer; background: none; border: 0; color: inherit; font: inherit; font-weight: 600; padding: 0; text-align: left; }
.asked::after { content: " asked for"; font-weight: 400; font-size: .8rem; color: var(--quiet); }
.leak, .damage { color: var(--bad); font-weight: 600; } .ok { color: var(--good); } .empty { color: var(--quiet); }
.lock .licence, [hidden] { display: none; }
@media (max-width: 40rem) {
  body { padding: 1rem 1rem 3rem; } #facts { grid-template-columns: fit-content(40%) 1fr; } table, tbody, thead { display: block; } td { overflow-wrap: anywhere; }
  thead tr { display: flex; flex-wrap: wrap; gap: 0 1rem; } thead th { padding: .3rem 0; border: 0; } th.by { display: none; }
  #rows tr { display: grid; grid-template-columns: 1fr max-content; column-gap: 1rem; padding: .3rem 0; border-bottom: 1px solid var(--line); }
  #rows td { border: 0; padding: .05rem 0; } #rows td.n { grid-row: 1; grid-column: 2; } #rows td.version, #rows td.licence, #rows td.by, #rows .more td { grid-column: 1 / -1; }
  #rows td.by::before { content: "needed by "; color: var(--quiet); } #rows tr.more { display: block; padding: 0; }
  #rows .more td { display: block; padding: .5rem; } #licences tr, #checks tr { display: block; padding: .3rem 0; border-bottom: 1px solid var(--line); }
  #licences td, #checks td { display: block; border: 0; padding: .05rem 0; } #checks td.level, #checks td.check { display: inline; padding-right: .7rem; } .more dl { grid-template-columns: 1fr; gap: 0; }
}
@media print { :root { color-scheme: light; } #space-part, input:placeholder-shown { display: none; } body { max-width: none; padding: 0; } a { color: inherit; } th button::after { content: none !important; } }
</style></head><body>
<h1 id="title"></h1><dl id="facts"></dl>
<div id="space-part"><h2>What takes the space</h2><div id="map" role="img" aria-label="Sizes of the packages; the table has the same numbers"></div></div>
<h2>Packages</h2><p><input id="search" type="search" placeholder="Search names, licences, summaries" aria-label="Search"> <span id="count" role="status"></span></p>
<table><thead><tr><th><button data-key="name">Name</button></th><th><button data-key="version">Version</button></th>
<th class="n"><button data-key="bytes">Size</button></th><th class="licence"><button data-key="licence">Licence</button></th><th class="by">Needed by</th></tr></thead><tbody id="rows"></tbody></table>
<div id="licences-part"><h2>Licences</h2><table><tbody id="licences"></tbody></table></div>
<div id="checks-part"><h2>Checks</h2><table><tbody id="checks"></tbody></table></div>
<script type="application/json" id="data">)page";

constexpr std::string_view kAfter = R"page(</script>
<script>
"use strict";
// Shows invisible characters, which may reorder the text around them, as escapes.
const plain = text => text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, c => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
const data = JSON.parse(document.getElementById("data").textContent, (key, value) => typeof value === "string" ? plain(value) : value);
// A lock may have several versions of a package.
const byName = new Map(); for (const p of data.packages) byName.set(p.name, [...(byName.get(p.name) || []), p]);
for (const list of byName.values()) list.forEach((p, i) => { p.id = "p-" + p.name + (i ? "." + (i + 1) : ""); });
const make = (tag, text, more) => { const e = document.createElement(tag); if (text !== undefined) e.textContent = text; return Object.assign(e, more || {}); };
const size = n => { for (const [unit, k] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) if (n >= k) return (n / k).toFixed(n >= 10 * k ? 0 : 1) + " " + unit; return n + " B"; };
const known = p => p.bytes ? size(p.bytes) : "not known", short = (text, most = 90) => [...text].length > most ? [...text].slice(0, most - 1).join("") + "…" : text;
const unknown = data.packages.filter(p => !p.bytes).length, newer = data.packages.filter(p => p.newest);
const at = id => document.getElementById(id);
if (data.is_lock) document.body.className = "lock"; // it says nothing of licences
at("title").textContent = data.subject; document.title = "moat report: " + data.subject;
for (const [k, v] of [["Python", data.python], ["Packages", data.packages.length + " (" + data.packages.filter(p => p.requested).length + (data.is_lock ? " that nothing else needs)" : " asked for)")],
    ["Size", !data.bytes ? "not known" : data.is_lock ? size(data.bytes) + " to download, at most" + (unknown ? "; " + unknown + " of unknown size" : "") : size(data.bytes) + ", of it Python itself " + size(data.runtime_bytes)],
    [data.is_lock ? "Needed by nothing else" : "Asked for", data.asked_for.join(", ") || "nothing"], ["Outdated", [...new Set(newer.map(p => p.name))].join(", ")],
    ["State", data.state === null ? "" : String(data.state)], ["Made on", data.made]]) {
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
  const box = make("div", undefined, { title: p.name + ": " + size(p.bytes), className: p.id ? "known" : "" });
  box.style.cssText = `left:${x}%;top:${y}%;width:${w}%;height:${h}%;background:hsl(${(i * 47 + 205) % 360} 38% 32%)`;
  box.append(make("span", p.name + " " + size(p.bytes))); if (p.id) box.addEventListener("click", () => show([p])); at("map").append(box);
});
let key = "bytes", down = true; const open = new Set(), heads = [...document.querySelectorAll("th button")];
const compare = (a, b) => a.localeCompare(b, "en", { numeric: true });
function link(name) { const a = make("a", name, { href: "#p-" + name }); a.addEventListener("click", e => { e.preventDefault(); show(byName.get(name)); }); return a; }
function names(cell, list) { if (!list.length) cell.append(make("span", "nothing", { className: "empty" })); list.forEach((n, i) => cell.append(i ? ", " : "", byName.has(n) ? link(n) : n)); return cell; }
// The shortest way from what was asked for.
function why(name) {
  const ways = [[name]], seen = new Set([name]);
  while (ways.length) { const way = ways.shift(), of = byName.get(way[0]) || []; if (of.some(p => p.requested)) return way;
    for (const n of of.flatMap(p => p.needed_by)) if (!seen.has(n)) { seen.add(n); ways.push([n, ...way]); } }
  return null;
}
function draw() {
  const words = at("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = data.packages.filter(p => words.every(w => (p.name + " " + p.version + " " + p.licence + " " + p.summary).toLowerCase().includes(w)));
  rows.sort((a, b) => (key === "bytes" ? a.bytes - b.bytes : compare(a[key], b[key])) * (down ? -1 : 1) || compare(a.name, b.name) || compare(a.version, b.version));
  at("rows").replaceChildren(); at("count").textContent = rows.length + " of " + data.packages.length;
  for (const p of rows) {
    const row = make("tr", undefined, { id: p.id }), cell = make("td"), button = make("button", p.name, { className: "name" + (p.requested && !data.is_lock ? " asked" : "") });
    button.addEventListener("click", () => { open.has(p) ? open.delete(p) : open.add(p); draw(); focus(p); }); button.setAttribute("aria-expanded", open.has(p));
    cell.append(button); row.append(cell, make("td", p.newest ? p.version + " (newest: " + p.newest + ")" : p.version, { className: "version" }), make("td", known(p), { className: "n" }),
      make("td", short(p.licence) || "not said", { className: "licence long" }), names(make("td", undefined, { className: "by" }), p.needed_by));
    at("rows").append(row);
    if (!open.has(p)) continue;
    row.className = "open"; const more = make("tr", undefined, { className: "more" }), inner = make("td", undefined, { colSpan: 5 }), list = make("dl"), way = why(p.name);
    const alone = data.is_lock ? "nothing else needs it" : "asked for", reason = !way ? "nothing that is " + (data.is_lock ? "locked" : "installed") + " needs it" : way.length > 1 ? way.join(" → ") : alone;
    if (data.is_lock) list.append(make("dt", "Where"), make("dd", p.summary.replace(/^where /, "") || "everywhere")); else list.append(make("dt", "What it is"), make("dd", p.summary || "not said"));
    if (short(p.licence) !== p.licence) list.append(make("dt", "Licence"), make("dd", p.licence));
    list.append(make("dt", "Why it is here"), make("dd", reason), make("dt", "Needs"), names(make("dd"), p.requires), make("dt", "From"), make("dd", p.from));
    inner.append(list); more.append(inner); at("rows").append(more);
  }
}
// draw() replaces the row, so the new button needs the focus again.
function focus(p) { const row = at(p.id); if (row) row.children[0].children[0].focus({ preventScroll: true }); return row; }
function show(list) { at("search").value = ""; for (const p of list) open.add(p); draw(); const row = focus(list[0]); if (row) row.scrollIntoView({ block: "center" }); }
function mark() { for (const b of heads) { const th = b.parentElement; if (b.dataset.key === key) th.setAttribute("aria-sort", down ? "descending" : "ascending"); else th.removeAttribute("aria-sort"); } }
at("search").addEventListener("input", draw);
for (const button of heads) button.addEventListener("click", () => { down = key === button.dataset.key ? !down : button.dataset.key === "bytes"; key = button.dataset.key; mark(); draw(); });
const licences = new Map(); for (const p of data.packages) { const l = p.licence || "not said"; licences.set(l, [...(licences.get(l) || []), p.name]); }
for (const [l, list] of [...licences].sort((a, b) => b[1].length - a[1].length)) { const row = make("tr"); row.append(make("td", short(l, 1000), { className: "long" }), names(make("td"), list)); at("licences").append(row); }
if (!boxes.length) at("space-part").hidden = true;
for (const id of data.is_lock ? ["licences-part", "checks-part"] : []) at(id).hidden = true; // a lock says nothing of either
for (const c of data.checks) { const row = make("tr"), cell = make("td", c.message, { className: "long" }); for (const d of c.details) cell.append(make("br"), d); if (c.hint) cell.append(make("br"), make("span", "hint: " + c.hint, { className: "empty" })); row.append(make("td", c.level, { className: "level " + c.level }), make("td", c.check, { className: "check" }), cell); at("checks").append(row); }
mark(); draw();
</script></body></html>
)page";
// clang-format on

}  // namespace

std::string report_page(const nlohmann::ordered_json& facts) {
  // Text from packages must not end the element that contains it.
  std::string text;
  for (const char c : facts.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace))
    text += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return std::string(kBefore) + text + std::string(kAfter);
}

}  // namespace moat
