// Drop, paste, choose or take photos; each is sent, shown with its labels, and forgotten.

import { ask, inLabels, make, percent, seen, t, verdictTable } from "./core.js";

const area = document.getElementById("drop"), answers = document.getElementById("answers"), clear = document.getElementById("clear");
const progress = document.getElementById("progress");
const waiting = [];
let busy = false, round = 0;

for (const id of ["files", "camera"]) {
  document.getElementById(id).addEventListener("change", (event) => { add(event.target.files); event.target.value = ""; });
}
document.addEventListener("paste", (event) => add(event.clipboardData?.files ?? []));
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => { event.preventDefault(); area.classList.add("over"); });
}
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) area.classList.remove("over"); });
document.addEventListener("drop", (event) => {
  event.preventDefault();
  area.classList.remove("over");
  add(event.dataTransfer.files);
});
clear.addEventListener("click", () => {
  round += 1;
  waiting.length = 0;
  for (const picture of answers.querySelectorAll("img")) URL.revokeObjectURL(picture.src);
  answers.replaceChildren();
  clear.hidden = true;
  progress.textContent = "";
  document.getElementById("files").focus();
});

// The latest come first, those that came together in their order.
function add(files) {
  const added = [];
  for (const file of files) {
    const place = make("div", {}, make("p", { class: "waiting" }, t("waiting …")));
    const picture = make("img", { class: "shot", alt: file.name });
    // What a browser cannot show, such as HEIC, is labelled all the same.
    picture.addEventListener("error", () => picture.replaceWith(make("p", { class: "shot noshot" }, t("The picture cannot be shown."))), { once: true });
    picture.src = URL.createObjectURL(file);
    added.push(make("li", { class: "answer" }, picture, make("p", { class: "file" }, file.name), place));
    waiting.push({ file, place });
  }
  answers.prepend(...added);
  clear.hidden = answers.children.length === 0;
  if (!busy) work();
}

async function work() {
  busy = true;
  let next;
  while ((next = waiting.shift())) {
    const mine = round;
    const stop = reportLoading();
    try {
      const sent = await ask("/classify", {
        method: "POST", body: next.file,
        headers: { "Content-Type": "application/octet-stream", "X-Name": next.file.name.replace(/[^\x20-\x7e]/g, "_").slice(-200) },
      });
      if (mine === round) show(next.place, sent.photos[0]);
    } catch (error) {
      next.place.replaceChildren(make("p", { class: "notice bad", role: "alert" }, error.message));
    }
    stop();
  }
  busy = false;
}

// The first photo waits for the model; say so, and how far it is.
function reportLoading() {
  let over = false;
  (async () => {
    for (let wait = 600; !over; wait = 1000) {
      await new Promise((done) => setTimeout(done, wait));
      const state = over ? null : await ask("/classify").catch(() => null);
      if (over || !state || state.ready) continue;
      progress.textContent = state.total_bytes
        ? t("The model is being loaded ({share} of its weights are here) …", { share: percent(state.fetched_bytes / state.total_bytes) })
        : t("The model is being loaded …");
    }
  })();
  return () => { over = true; progress.textContent = ""; };
}

const bar = (label) => make("li", {}, make("span", inLabels(label), label.name), make("span", { class: "share" }, percent(label.probability)),
  make("meter", { min: 0, max: 1, value: label.probability, "aria-label": t("{label}, how sure", { label: label.name }) }));

function show(place, photo) {
  if (photo.error) {
    place.replaceChildren(make("p", { class: "notice bad", role: "alert" }, photo.error));
    return;
  }
  const { why } = photo;
  const labels = why.labels.filter((label) => label.shown);
  place.replaceChildren(
    labels.length
      ? make("ul", { class: "chips", "aria-label": t("Labels") }, ...labels.map((label) => make("li", inLabels(label), label.name)))
      : make("p", { class: "quiet" }, t("Nothing is sure enough for a label.")),
    make("ol", { class: "classes first" }, ...why.classes.slice(0, 3).map(bar)),
    make("details", {}, make("summary", {}, t("More, and why")),
      make("ol", { class: "classes" }, ...why.classes.slice(3).map(bar)),
      ...seen(why).slice(1), verdictTable(why.verdicts)),
  );
}
