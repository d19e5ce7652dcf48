// The review of one label on several photos at once: which of these are not it?

import { ask, at, inLabels, isTyping, make, parts, progress, recount, say, t, tell } from "./core.js";

const MOST = 24;
const wanted = new URLSearchParams(location.search).get("label") ?? "";
const many = document.getElementById("many"), marks = document.getElementById("marks"), none = document.getElementById("none");
const buttons = Object.fromEntries(["done", "skip", "back"].map((id) => [id, document.getElementById(id)]));
const skipped = [], answered = [];
let now = [], count = 0, left = null, busy = false;

const question = (options) => {
  const query = new URLSearchParams(options);
  for (const one of skipped.slice(-200)) query.append("skip", one);
  return ask("/review?" + query).then((found) => found.questions);
};

// The label of which most is asked, and its photos.
async function next() {
  let key = wanted;
  if (!key) {
    const counts = new Map();
    for (const one of await question({ limit: "50" })) counts.set(one.key, (counts.get(one.key) ?? 0) + 1);
    key = [...counts].sort(([, one], [, other]) => other - one)[0]?.[0] ?? "";
  }
  show(key ? await question({ label: key, limit: String(MOST) }) : []);
}

const tellProgress = () => { document.getElementById("count").textContent = progress(count, left); };
const countAll = () => recount((found) => { left = found; tellProgress(); }, wanted);

function show(questions) {
  now = questions;
  many.hidden = buttons.done.hidden = buttons.skip.hidden = !now.length;
  none.hidden = Boolean(now.length);
  buttons.back.disabled = !answered.length;
  tellProgress();
  if (!now.length) return;
  document.getElementById("asked").replaceChildren(...parts("Which of these are not {label}?", { label: make("strong", inLabels(now[0]), now[0].name) }));
  marks.replaceChildren(...now.map((one) => {
    const name = one.photo.path.split("/").pop();
    const button = make("button", { type: "button", "aria-pressed": "false", "data-photo": one.photo.id },
      make("img", { src: at("/api/v1/" + one.photo.picture), alt: name }), make("span", { "aria-hidden": "true" }, "✕"));
    button.addEventListener("click", () => toggle(button));
    return make("li", {}, button);
  }));
  marks.querySelector("button").focus();
}

const toggle = (button) => button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));

async function guarded(what) {
  if (busy) return;
  busy = true;
  try { await what(); } catch (error) { say(error.message); }
  busy = false;
}

const done = () => guarded(async () => {
  if (!now.length) return;
  const wrong = new Set([...marks.querySelectorAll("[aria-pressed=true]")].map((one) => Number(one.dataset.photo)));
  const said = { remove: now.filter((one) => wrong.has(one.photo.id)), confirm: now.filter((one) => !wrong.has(one.photo.id)) };
  const batch = { questions: now, undo: [] };
  answered.push(batch);
  for (const [kind, these] of Object.entries(said)) {
    if (!these.length) continue;
    const found = await tell("/corrections", { photos: these.map((one) => one.photo.id), [kind]: [now[0].key] });
    if (found.id) batch.undo.push(found.id);
  }
  count += now.length;
  countAll();
  await next();
});

const skip = () => guarded(async () => {
  skipped.push(...now.map((one) => `${one.photo.id}:${one.key}`));
  await next();
});

const takeBack = () => guarded(async () => {
  const batch = answered.at(-1);
  if (!batch) return;
  while (batch.undo.length) {
    await tell(`/corrections/${batch.undo.at(-1)}/undo`, {});
    batch.undo.pop();
  }
  answered.pop();
  count -= batch.questions.length;
  countAll();
  show(batch.questions);
});

// How many photos stand beside each other.
function across() {
  const tops = [...marks.children].map((one) => one.offsetTop);
  return tops.filter((top) => top === tops[0]).length || 1;
}

document.addEventListener("keydown", (event) => {
  if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey || event.repeat && !event.key.startsWith("Arrow")) return;
  const all = [...marks.querySelectorAll("button")], place = all.indexOf(document.activeElement);
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across(), ArrowDown: across() }[event.key];
  if (step && place >= 0) {
    all[place + step]?.focus();
    event.preventDefault();
  } else if (event.key === "x" && place >= 0) toggle(all[place]);
  else ({ d: done, s: skip, u: takeBack })[event.key]?.();
});
buttons.done.addEventListener("click", done);
buttons.skip.addEventListener("click", skip);
buttons.back.addEventListener("click", takeBack);
guarded(next);
countAll();
