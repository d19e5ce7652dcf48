// The page of labels: what is typed leaves those that have it in their names; groups show all; the hierarchy obeys the arrows.

import { t, tn } from "./core.js";

const box = document.getElementById("filter"), told = document.getElementById("filtered");
// As people type: without accents, in small letters.
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const link = (item) => item.querySelector(":scope > a");
const items = [...document.querySelectorAll(".cards li, .tree li")].map((item) => [item, plain(link(item).querySelector("span:not(.cover)").textContent)]);
const groups = [...document.querySelectorAll(".group")];
const opened = [...document.querySelectorAll(".tree details")].map((one) => [one, one.open]);

function filter() {
  const text = plain(box.value.trim());
  let fits = 0;
  document.body.classList.toggle("filtering", text !== "");
  for (const [item, name] of items) {
    item.hidden = !name.includes(text);
    fits += !item.hidden;
  }
  // A label of the tree is found below those that it stands under.
  for (const [item] of items) {
    if (!item.hidden) for (let up = item.parentElement.closest("li"); up; up = up.parentElement.closest("li")) up.hidden = false;
  }
  for (const group of groups) group.hidden = !group.querySelector("li:not([hidden])");
  for (const [one, open] of opened) one.open = text ? true : open;
  told.textContent = !text ? "" : fits ? tn("{n} label", "{n} labels", fits) : t("No label has that in its name.");
}

if (box) {
  box.hidden = false;
  box.addEventListener("input", filter);
  box.addEventListener("keydown", (event) => { if (event.key === "Escape" && box.value) { box.value = ""; filter(); event.stopPropagation(); } });
  if (box.value) filter();
}

for (const group of groups) {
  group.querySelector("button.whole")?.addEventListener("click", (event) => {
    const before = [...group.querySelectorAll("li")].filter((item) => item.checkVisibility()).length;
    group.querySelector(".cards").classList.remove("cut");
    event.target.parentElement.remove();
    // Whoever came with the keyboard goes on with the first that was hidden.
    link(group.querySelectorAll("li")[before])?.focus();
  });
}

// Up and down through what is seen, right opens, left closes or leads up: as in every tree.
const tree = document.querySelector(".tree");
tree?.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const item = event.target.closest("li"), details = item.querySelector(":scope > details");
  const seen = [...tree.querySelectorAll("li > a")].filter((one) => one.checkVisibility());
  const here = seen.indexOf(link(item));
  const go = {
    ArrowDown: () => seen[here + 1], ArrowUp: () => seen[here - 1], Home: () => seen[0], End: () => seen.at(-1),
    ArrowRight: () => {
      if (!details) return null;
      if (details.open) return link(details.querySelector("li:not([hidden])"));
      details.open = true;
      return link(item);
    },
    ArrowLeft: () => {
      if (!details?.open) return item.parentElement.closest("li") && link(item.parentElement.closest("li"));
      details.open = false;
      return link(item);
    },
  }[event.key];
  if (!go) return;
  go()?.focus();
  event.preventDefault();
});
