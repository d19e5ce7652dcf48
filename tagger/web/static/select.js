// Choosing photos of the grid: check marks, Shift, x, Ctrl+A, a long press. What is done with them is in actions.js.

import { Bar } from "./actions.js";
import { ask, isTyping, make, say, t, tn } from "./core.js";

const main = document.getElementById("main");
const chosen = new Set();
const bar = new Bar(() => [...chosen], clear);
const TILE = "a.tile[data-photo]", HELD_MS = 500, MOVED = 10;
let anchor = null, press = null, held = false;

const idOf = (tile) => Number(tile.dataset.photo);
const tiles = () => [...main.querySelectorAll(TILE)];

// A check mark beside each tile: not reached with Tab, which would take twice as long, but by screen readers.
function decorate(tile) {
  if (!tile.nextElementSibling?.matches(".pick")) {
    const name = t("Select: {photo}", { photo: tile.querySelector("img")?.alt ?? "" });
    tile.after(make("button", { type: "button", class: "pick", tabindex: "-1", "aria-label": name, "aria-pressed": "false" }, "✓"));
  }
  mark(tile);
}

function mark(tile) {
  const is = chosen.has(idOf(tile));
  tile.nextElementSibling.setAttribute("aria-pressed", String(is));
  tile.parentElement.classList.toggle("chosen", is);
}

function changed() {
  tiles().forEach(mark);
  document.body.classList.toggle("choosing", chosen.size > 0);
  bar.update();
}

function clear() {
  chosen.clear();
  anchor = null;
  changed();
}

// With `range`, all between the tile that was chosen last and this one become what that one is.
function toggle(tile, range) {
  const all = tiles(), from = all.findIndex((one) => idOf(one) === anchor), to = all.indexOf(tile);
  const on = range && from >= 0 ? chosen.has(anchor) : !chosen.has(idOf(tile));
  const these = range && from >= 0 ? all.slice(Math.min(from, to), Math.max(from, to) + 1) : [tile];
  for (const one of these) chosen[on ? "add" : "delete"](idOf(one));
  anchor = idOf(tile);
  changed();
}

// The whole result, also what is not loaded yet.
async function chooseAll() {
  const asked = new URLSearchParams(location.search), query = new URLSearchParams({ q: asked.get("q") ?? "" });
  for (const name of ["all", "album"]) if (asked.get(name)) query.set(name, asked.get(name));
  try {
    const found = await ask("/search/ids?" + query);
    for (const id of found.photos) chosen.add(id);
    for (const tile of main.querySelectorAll("#grid " + TILE)) chosen.add(idOf(tile));
    if (found.more) say(tn("Only the first {n} photo is selected.", "Only the first {n} photos are selected.", found.photos.length));
    changed();
  } catch (error) { say(error.message); }
}

// Before whatever else a click on a photo does.
document.addEventListener("click", (event) => {
  const pick = event.target.closest?.(".pick"), tile = pick?.previousElementSibling ?? event.target.closest?.(TILE);
  if (!tile || !main.contains(tile)) return;
  const wasHeld = held;
  held = false;
  // With the keyboard, a photo is opened.
  const opens = !pick && (!chosen.size || event.detail === 0 || event.ctrlKey || event.metaKey);
  if (opens && !wasHeld) return;
  event.preventDefault();
  event.stopPropagation();
  if (!wasHeld) toggle(tile, event.shiftKey);
}, true);

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || isTyping(event.target) || event.altKey || document.querySelector("dialog[open], .pswp")) return;
  const command = event.ctrlKey || event.metaKey, key = event.key.toLowerCase();
  if (key === "a" && command && tiles().length) {
    event.preventDefault();
    chooseAll();
  } else if (key === "x" && !command) {
    const tile = document.activeElement?.closest?.(TILE) ?? main.querySelector(TILE + ":hover");
    if (!tile) return;
    event.preventDefault();
    toggle(tile, event.shiftKey);
  } else if (key === "escape" && (chosen.size || bar.isShown)) {
    event.preventDefault();
    bar.forget();
    clear();
  }
});

function letGo() {
  clearTimeout(press?.timer);
  press = null;
}

main.addEventListener("pointerdown", (event) => {
  held = false;
  const tile = event.target.closest?.(TILE);
  if (!tile || event.pointerType === "mouse") return;
  letGo();
  press = { x: event.clientX, y: event.clientY, timer: setTimeout(() => { press = null; held = true; toggle(tile, false); }, HELD_MS) };
});
main.addEventListener("pointermove", (event) => {
  if (press && Math.hypot(event.clientX - press.x, event.clientY - press.y) > MOVED) letGo();
});
for (const name of ["pointerup", "pointercancel"]) main.addEventListener(name, letGo);
// What a phone shows for a link that is held.
main.addEventListener("contextmenu", (event) => { if ((press || held) && event.target.closest?.(TILE)) event.preventDefault(); });

new MutationObserver((changes) => {
  for (const node of changes.flatMap((one) => [...one.addedNodes])) {
    if (node.nodeType === Node.ELEMENT_NODE) for (const tile of node.matches(TILE) ? [node] : node.querySelectorAll(TILE)) decorate(tile);
  }
}).observe(main, { childList: true, subtree: true });
tiles().forEach(decorate);
