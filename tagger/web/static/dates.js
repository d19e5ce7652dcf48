// The years and months of the library, or of a search, at the edge of the grid: each leads to its photos.

import { amount, ask, at, make, say, t, tn } from "./core.js";

const place = document.getElementById("dates");
const named = new Intl.DateTimeFormat(document.documentElement.lang, { month: "long", year: "numeric", timeZone: "UTC" });

function monthName(month) {
  const date = new Date(month + "-15T00:00:00Z");
  return Number.isNaN(date.getTime()) ? month : named.format(date);
}

// What the page searches for is kept.
const search = new URLSearchParams([...new URLSearchParams(location.search)].filter(([name]) => ["q", "album", "all"].includes(name)));

// Photos that are too many to be counted have no number.
function link(name, photos, after) {
  const address = new URLSearchParams([...search, ["after", after]]);
  if (photos === null) return make("a", { href: at("/?" + address) }, name);
  const told = tn("{n} photo", "{n} photos", photos);
  return make("a", { href: at("/?" + address), "aria-label": `${name}, ${told}` }, name, make("small", { "aria-hidden": "true" }, amount(photos)));
}

function yearOf(year, months) {
  const photos = months.some((one) => one.photos === null) ? null : months.reduce((sum, one) => sum + one.photos, 0);
  const list = make("ol", {}, ...months.map((one) => make("li", {}, link(monthName(one.month), one.photos, one.after))));
  const item = make("li", { "data-year": year }, link(year, photos, months[0].after), list);
  // The list stands beside the year, and within the window.
  const open = () => {
    const top = item.getBoundingClientRect().top;
    list.style.top = `${Math.max(8, Math.min(top, innerHeight - list.offsetHeight - 8))}px`;
  };
  item.addEventListener("pointerenter", open);
  item.addEventListener("focusin", open);
  return item;
}

// The year whose photos are on the screen.
function mark() {
  const sections = [...document.getElementById("grid").querySelectorAll("section")];
  const shown = sections.findLast((one) => one.getBoundingClientRect().top < innerHeight / 2) ?? sections[0];
  const year = shown?.dataset.when.slice(0, 4);
  for (const item of place.querySelectorAll("[data-year]")) {
    const anchor = item.firstElementChild;
    if (item.dataset.year === year) anchor.setAttribute("aria-current", "true"); else anchor.removeAttribute("aria-current");
  }
}

async function show() {
  const found = await ask("/timeline?" + search);
  const years = new Map();
  for (const one of found.months) years.set(one.month.slice(0, 4), [...(years.get(one.month.slice(0, 4)) ?? []), one]);
  const items = [...years].map(([year, months]) => yearOf(year, months));
  if (found.undated !== 0) items.push(make("li", {}, link(t("Without a date"), found.undated, found.undated_after)));
  place.replaceChildren(make("ol", {}, ...items));
  mark();
  let waits = false;
  addEventListener("scroll", () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => { waits = false; mark(); });
  }, { passive: true });
}

if (place) show().catch((error) => say(error.message));
