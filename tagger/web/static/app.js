// The search box with its suggestions, the grid that goes on, and the keys: / searches, arrows move, Escape closes.

import { amount, inLabels, isTyping, make, remember, say, t } from "./core.js";
import { suggested, tooShort } from "./suggest.js";

const box = document.getElementById("q");
const list = document.getElementById("suggestions");

if (box) {
  let timer, asked = 0, chosen = -1;

  const word = () => box.value.slice(0, box.selectionStart).match(/[^\s()"-][^\s()":<>]*$/)?.[0] ?? "";

  function close() {
    list.hidden = true;
    chosen = -1;
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
  }

  function choose(index) {
    const items = [...list.children];
    chosen = (index + items.length) % items.length;
    items.forEach((item, number) => item.setAttribute("aria-selected", String(number === chosen)));
    box.setAttribute("aria-activedescendant", items[chosen].id);
  }

  function take(name) {
    const end = box.selectionStart, start = end - word().length;
    const plain = /^\w[\w-]*$/.test(name) && !/^(AND|OR|NOT)$/.test(name);
    const text = plain ? name : `"${name.replaceAll('"', '""')}"`;
    box.value = box.value.slice(0, start) + text + box.value.slice(end);
    close();
    box.form.requestSubmit();
  }

  async function suggest() {
    const text = word(), mine = ++asked;
    if (tooShort(text)) return close();
    const found = await suggested(text);
    if (mine !== asked || document.activeElement !== box) return;
    list.replaceChildren(...found.map((label, number) => {
      const item = make("li", { role: "option", id: "s" + number, "aria-selected": "false", ...inLabels(label) }, label.name, make("small", {}, amount(label.photos)));
      item.addEventListener("pointerdown", (event) => { event.preventDefault(); take(label.name); });
      return item;
    }));
    chosen = -1;
    list.hidden = found.length === 0;
    box.setAttribute("aria-expanded", String(!list.hidden));
  }

  box.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(suggest, 120); });
  box.addEventListener("blur", close);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !list.hidden) { close(); event.preventDefault(); event.stopPropagation(); }
    else if (event.key === "Escape") { box.blur(); event.stopPropagation(); }
    else if (list.hidden) return;
    else if (event.key === "ArrowDown") { choose(chosen + 1); event.preventDefault(); }
    else if (event.key === "ArrowUp") { choose(chosen < 0 ? list.children.length - 1 : chosen - 1); event.preventDefault(); }
    else if (event.key === "Enter" && chosen >= 0) { take(list.children[chosen].firstChild.textContent); event.preventDefault(); }
  });
}

// A small window cuts the navigation off. Not by scrollIntoView, which newer browsers take for the place from
// which Tab goes on: the link to the content would be skipped.
const current = document.querySelector("nav [aria-current]");
if (current) {
  const bar = current.closest("nav"), inner = current.getBoundingClientRect(), outer = bar.getBoundingClientRect();
  bar.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
}

// Menus close as menus do.
for (const menu of document.querySelectorAll("details.menu")) {
  document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
    event.stopPropagation();
  });
}

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && box && !isTyping(event.target) && !event.ctrlKey && !event.metaKey && !event.altKey) {
    box.focus();
    box.select();
    event.preventDefault();
  }
});

// Arrows move between the tiles of a grid as they stand on the screen.
document.addEventListener("keydown", (event) => {
  const onwards = getComputedStyle(document.documentElement).direction === "rtl" ? -1 : 1;
  const step = { ArrowLeft: -onwards, ArrowRight: onwards, ArrowUp: -2, ArrowDown: 2 }[event.key];
  const inGrid = event.target.closest?.(".tile");
  const grid = inGrid ? inGrid.closest("#grid") ?? inGrid.closest("ol") : document.getElementById("grid");
  if (!step || !grid || event.altKey || event.ctrlKey || event.metaKey || (isTyping(event.target))) return;
  const tiles = [...grid.querySelectorAll(".tile")];
  if (!inGrid) {
    if (document.activeElement !== document.body && document.activeElement?.id !== "main") return;
    tiles[0]?.focus();
    event.preventDefault();
    return;
  }
  const next = Math.abs(step) === 1 ? tiles[tiles.indexOf(inGrid) + step] : across(tiles, inGrid, Math.sign(step));
  if (next) { next.focus(); next.scrollIntoView({ block: "nearest" }); }
  event.preventDefault();
});

// The tile of the next row, or the one before, that stands nearest: rows have as many photos as fit.
function across(tiles, from, way) {
  const place = (one) => { const box = one.getBoundingClientRect(); return { x: box.left + box.width / 2, y: Math.round(box.top) }; };
  const here = place(from), others = tiles.map((one) => [one, place(one)]).filter(([, at]) => (at.y - here.y) * way > 2);
  const row = Math.min(...others.map(([, at]) => at.y * way)) * way;
  const inRow = others.filter(([, at]) => Math.abs(at.y - row) <= 2);
  return inRow.sort(([, one], [, other]) => Math.abs(one.x - here.x) - Math.abs(other.x - here.x))[0]?.[0];
}

const grid = document.getElementById("grid");
if (grid) {
  document.addEventListener("click", (event) => { if (event.target.closest(".tile")) remember(event.target.closest("#grid") ?? event.target.closest("ol")); });

  let link = document.getElementById("next"), loading = false;

  async function more() {
    if (loading || !link) return;
    loading = true;
    try {
      const answer = await fetch(link.href, { headers: { Accept: "text/html" } });
      if (!answer.ok) throw new Error(t("The next page could not be loaded."));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const before = grid.querySelectorAll(".tile").length;
      for (const group of [...(page.getElementById("grid")?.children ?? [])]) {
        const last = grid.lastElementChild;
        if (last?.dataset.when === group.dataset.when) last.querySelector("ol").append(...group.querySelector("ol").children);
        else grid.append(group);
      }
      // Behind the last labelled photo stands what looks like the words.
      const alike = page.getElementById("alike");
      if (alike) link.parentElement.after(alike);
      const next = page.getElementById("next");
      const others = page.getElementById("less-sure");
      if (others) grid.after(others);
      if (next) link.href = next.href; else { link.parentElement.remove(); link = null; }
      // Whoever pressed the link with the keyboard goes on with the first new photo.
      if (document.activeElement === link || document.activeElement === document.body) {
        if (byHand) grid.querySelectorAll(".tile")[before]?.focus();
      }
      byHand = false;
    } catch (error) {
      say(error.message);
      watcher.disconnect();
    }
    loading = false;
    if (link && nearEnd()) more();
  }

  let byHand = false;
  const nearEnd = () => link.getBoundingClientRect().top < innerHeight + 800;
  const watcher = new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting)) more(); }, { rootMargin: "800px" });
  document.addEventListener("grid:more", more);
  if (link) {
    watcher.observe(link);
    link.addEventListener("click", (event) => { event.preventDefault(); byHand = true; more(); });
  }
}
