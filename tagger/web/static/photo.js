// A photo's page: what a person says of its labels, why it has them, more like it, and its neighbours.

import { ask, at, found, inLabels, isTyping, make, percent, say, seen, t, tell, tile, verdictTable } from "./core.js";
import { suggestLabels } from "./suggest.js";

const article = document.querySelector("article.photo");
const id = Number(article.dataset.photo);

async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.querySelector("#labels .labels").replaceWith(page.querySelector("#labels .labels"));
}

const told = {
  remove: (name) => t("“{name}” is removed and stays away.", { name }),
  confirm: (name) => t("“{name}” is confirmed.", { name }),
  add: (name) => t("“{name}” is added.", { name }),
  undo: () => t("Taken back."),
};

async function correct(kind, label, name) {
  try {
    await tell(`/photos/${id}/corrections`, { [kind]: [label] });
    await refresh();
    say(told[kind](name));
    document.getElementById("own").focus({ preventScroll: true });
  } catch (error) {
    say(error.message);
  }
}

document.getElementById("labels").addEventListener("click", (event) => {
  const button = event.target.closest("button[data-say]");
  if (!button) return;
  button.disabled = true;
  correct(button.dataset.say, button.dataset.label, button.closest("li").querySelector("a, s").textContent)
    .finally(() => { button.disabled = false; });
});

const own = document.getElementById("own");
document.getElementById("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = own.value.trim();
  if (!name) return;
  await correct("add", name, name);
  own.value = "";
});
suggestLabels(own, document.getElementById("known"));

const frames = document.getElementById("boxes");
function frame(boxes) {
  frames?.replaceChildren(...boxes.map((box) => {
    const one = make("div", {}, make("span", inLabels(box), `${box.name} ${percent(box.score)}`));
    for (const [edge, share] of Object.entries({ left: box.left, top: box.top, right: 1 - box.right, bottom: 1 - box.bottom })) {
      one.style[edge] = `${100 * share}%`;
    }
    return one;
  }));
}

const reasons = document.getElementById("why");
async function explain() {
  if (frames) frames.hidden = !reasons.open;
  if (!reasons.open) return;
  const place = reasons.querySelector(".why");
  try {
    const why = await ask(`/photos/${id}/why`);
    frame(found(why));
    place.replaceChildren(...seen(why), verdictTable(why.verdicts));
  } catch (error) {
    place.replaceChildren(make("p", {}, error.message));
  }
}
reasons.addEventListener("toggle", explain);
// It may have been opened before this script was there.
explain();

const picture = document.querySelector(".stage img");
function cannotShow() { picture.parentElement.replaceWith(make("p", { class: "notice" }, t("The picture cannot be shown."))); }
if (picture?.complete && !picture.naturalWidth) cannotShow(); else picture?.addEventListener("error", cannotShow, { once: true });

const similar = document.getElementById("similar");
async function showSimilar() {
  const note = similar.querySelector("p");
  try {
    const photos = await ask(`/photos/${id}/similar?limit=24`);
    note.hidden = true;
    similar.querySelector("ol").replaceChildren(...photos.map(tile));
    similar.hidden = !photos.length;
  } catch (error) {
    if (!error.retryAfter) { say(error.message); return; }
    // Comparing with a large library is prepared once.
    note.textContent = error.message;
    note.hidden = similar.hidden = false;
    setTimeout(showSimilar, error.retryAfter * 1000);
  }
}
showSimilar();

const grid = JSON.parse(sessionStorage.getItem("grid") ?? "null");
const close = document.getElementById("close"), previous = document.getElementById("previous"), following = document.getElementById("following");
const place = grid ? grid.ids.indexOf(id) : -1;
if (place >= 0) {
  close.href = grid.back;
  const query = new URL(grid.back).searchParams.get("q");
  if (query) {
    close.textContent = t("Back to “{query}”", { query });
    document.getElementById("q").value = query;
  }
  for (const [link, neighbour] of [[previous, grid.ids[place - 1]], [following, grid.ids[place + 1]]]) {
    if (neighbour) { link.href = at("/photos/" + neighbour); link.hidden = false; }
  }
}
document.addEventListener("keydown", (event) => {
  if (isTyping(event.target) || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "Escape") close.click();
  if (event.target.closest?.(".tile")) return;
  if (event.key === "ArrowLeft" && !previous.hidden) previous.click();
  if (event.key === "ArrowRight" && !following.hidden) following.click();
});
