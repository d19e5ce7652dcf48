// The review: one uncertain label after the other, each answered with one key.

import { ask, at, inLabels, isTyping, percent, progress, recount, say, t, tell } from "./core.js";

const label = new URLSearchParams(location.search).get("label") ?? "";
const question = document.getElementById("question"), none = document.getElementById("none"), back = document.getElementById("back");
const queue = [], skipped = [], answered = [];
let now = null, done = 0, left = null, busy = false, tail = Promise.resolve();

async function fill() {
  const query = new URLSearchParams({ label, limit: "10" });
  for (const one of [...skipped, ...queue].slice(-200)) query.append("skip", `${one.photo.id}:${one.key}`);
  const found = await ask("/review?" + query);
  queue.push(...found.questions);
}

async function next() {
  if (!queue.length) await fill();
  show(queue.shift() ?? null);
  if (queue[0]) new Image().src = screen(queue[0]);
}

const screen = (one) => at(`/api/v1/photos/${one.photo.id}/picture?size=screen&v=${one.photo.picture.split("v=")[1]}`);

const tellProgress = () => { document.getElementById("count").textContent = progress(done, left); };
const count = () => recount((found) => { left = found; tellProgress(); }, label);

function show(one) {
  now = one;
  question.hidden = !one;
  none.hidden = Boolean(one);
  back.disabled = answered.length === 0;
  tellProgress();
  if (!one) return;
  const name = document.getElementById("name"), share = percent(one.confidence);
  name.textContent = one.name;
  name.lang = inLabels(one).lang ?? document.documentElement.lang;
  document.getElementById("sure").textContent = one.shown
    ? t("The model is {share} sure; it is shown.", { share })
    : t("The model is {share} sure; it is not shown.", { share });
  const link = document.getElementById("picture");
  link.href = at("/photos/" + one.photo.id);
  link.firstElementChild.src = screen(one);
  link.firstElementChild.alt = one.photo.path.split("/").pop();
}

async function run(what) {
  busy = true;
  try { await what(); } catch (error) { say(error.message); }
  busy = false;
}

// A key that is pressed before the next question is there does not answer it unseen.
const guarded = (what) => { if (!busy) tail = run(what); };

const answer = (kind) => guarded(async () => {
  if (!now) return;
  await tell(`/photos/${now.photo.id}/corrections`, { [kind]: [now.key] });
  answered.push(now);
  done += 1;
  count();
  await next();
});
const skip = () => guarded(async () => { if (now) { skipped.push(now); await next(); } });
const takeBack = () => { tail = tail.then(() => run(takeLastBack)); };

async function takeLastBack() {
  const last = answered.pop();
  if (!last) return;
  await tell(`/photos/${last.photo.id}/corrections`, { undo: [last.key] });
  done -= 1;
  count();
  if (now) queue.unshift(now);
  show(last);
}

const keys = { y: () => answer("confirm"), n: () => answer("remove"), s: skip, u: takeBack };
for (const [id, key] of [["yes", "y"], ["no", "n"], ["skip", "s"], ["back", "u"]]) document.getElementById(id).addEventListener("click", keys[key]);
document.addEventListener("keydown", (event) => {
  if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  keys[event.key.toLowerCase()]?.();
});
guarded(next);
count();
