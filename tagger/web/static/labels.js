// The page of labels: what is typed leaves those that have it in their names.

import { t, tn } from "./core.js";

const box = document.getElementById("filter"), told = document.getElementById("filtered");
// As people type: without accents, in small letters.
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const items = [...document.querySelectorAll(".cloud li, .tree li")].map((item) => [item, plain(item.querySelector("a").textContent)]);
const opened = [...document.querySelectorAll(".tree details")].map((one) => [one, one.open]);

function filter() {
  const text = plain(box.value.trim());
  let fits = 0;
  for (const [item, name] of items) {
    item.hidden = !name.includes(text);
    fits += !item.hidden;
  }
  // A label of the tree is found below those that it stands under.
  for (const [item] of items) {
    if (!item.hidden) for (let up = item.parentElement.closest("li"); up; up = up.parentElement.closest("li")) up.hidden = false;
  }
  for (const [one, open] of opened) one.open = text ? true : open;
  told.textContent = !text ? "" : fits ? tn("{n} label", "{n} labels", fits) : t("No label has that in its name.");
}

if (box) {
  box.hidden = false;
  box.addEventListener("input", filter);
  box.addEventListener("keydown", (event) => { if (event.key === "Escape" && box.value) { box.value = ""; filter(); event.stopPropagation(); } });
  if (box.value) filter();
}
