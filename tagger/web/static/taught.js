// The labels that were taught: how good each is, on or off, its doubtful photos, what it may learn from since, and away with it.

import { ask, at, finished, make, say, t, tell, tn } from "./core.js";
import { doubtful, inWords, leastSure, picture, questions } from "./measures.js";

const list = document.getElementById("taught"), none = document.getElementById("none");

const path = (label) => `/taught/${encodeURIComponent(label.key)}`;
const english = (text) => make("span", { lang: "en" }, text[0].toUpperCase() + text.slice(1) + ".");

async function show(focus = "") {
  const all = await ask("/taught");
  none.hidden = all.length > 0;
  document.getElementById("another").hidden = !all.length;
  const open = new Set([...list.querySelectorAll("li[data-asked]")].map((one) => one.dataset.key));
  list.replaceChildren(...all.map((label) => card(label, open.has(label.key))));
  if (focus) [...list.children].find((one) => one.dataset.key === focus)?.querySelector("button")?.focus();
}

function button(text, what, attributes = {}) {
  const made = make("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", () => what(made));
  return made;
}

// Work on one label: nothing of it can be pressed meanwhile, and then it is shown as it is.
async function work(item, what) {
  const all = [...item.querySelectorAll("button")];
  for (const one of all) one.disabled = true;
  const line = item.querySelector("[role=status]");
  try {
    const text = await what((told) => { line.textContent = told; });
    await show(item.dataset.key);
    if (text) say(text);
  } catch (error) {
    for (const one of all) one.disabled = false;
    line.textContent = "";
    return error;
  }
  return null;
}

function card(label, open) {
  const item = make("li", { "data-key": label.key });
  const toggle = button(label.on ? t("On") : t("Off"), () => turn(item, label), { class: "switch", role: "switch", "aria-checked": String(label.on), "aria-label": t("Give “{label}” to photos", { label: label.name }) });
  const since = label.since_yes + label.since_no;
  const hint = label.refused || label.must_look;
  item.append(
    make("div", { class: "row" }, make("h2", {}, make("a", { href: at("/") + "?q=" + encodeURIComponent(`"${label.name.replaceAll('"', '""')}"`) }, label.name)), toggle),
    make("p", { class: "quiet" }, label.on ? tn("{n} photo has it from what was taught.", "{n} photos have it from what was taught.", label.photos) : t("No photo has it from what was taught: it is off.")),
    ...(hint ? [make("p", { class: "notice" }, english(hint))] : []),
    ...inWords(label), picture(label),
    ...(since ? [make("p", {}, t("Since then you said yes to {yes} and no to {no}.", { yes: tn("{n} photo", "{n} photos", label.since_yes), no: tn("{n} photo", "{n} photos", label.since_no) }))] : []),
    make("div", { class: "asked" }), make("p", { role: "status", class: "quiet" }),
    make("p", { class: "row foot" },
      ...(since ? [button(t("Learn from that"), () => again(item, label), { class: "main" })] : []),
      ...(label.to_look_at ? [button(tn("Answer {n} doubtful one", "Answer the {n} least sure", Math.min(label.to_look_at, 12)), (pressed) => { pressed.hidden = true; look(item, label); }, { class: "ask" })] : []),
      button(t("Forget it"), () => forget(item, label), { class: "danger" })));
  if (open && label.to_look_at) item.querySelector(".ask").click();
  return item;
}

async function turn(item, label, looked = false) {
  const error = await work(item, async (tick) => {
    const found = await finished(await tell(path(label) + "/switch", { on: !label.on, looked }), tick);
    return found.on ? tn("It is on; {n} photo changed.", "It is on; {n} photos changed.", found.changed) : tn("It is off; {n} photo changed.", "It is off; {n} photos changed.", found.changed);
  });
  if (!error) return;
  // Somebody must look first, at photos that are known now.
  await show(label.key);
  const now = [...list.children].find((one) => one.dataset.key === label.key);
  const place = now?.querySelector(".asked");
  if (!place || label.on) { say(error.message); return; }
  place.append(make("div", { class: "notice" }, make("p", {}, t("It is not on yet: look at some of its photos first.")),
    make("p", { class: "row" }, button(t("I looked, they are right: switch it on"), () => turn(now, label, true)))));
  now.querySelector(".ask")?.click();
}

async function again(item, label) {
  const error = await work(item, async (tick) => {
    const lesson = await finished(await tell(path(label) + "/again", {}), tick);
    return lesson.refused ? t("It cannot be learned from these yet.") : tn("It has learned from that; {n} photo changed.", "It has learned from that; {n} photos changed.", lesson.changed);
  });
  if (error) say(error.message);
}

async function look(item, label) {
  item.dataset.asked = "";
  try {
    const photos = leastSure(await doubtful(label.key), label.threshold);
    const answers = questions(photos, label.name, async (photo, kind) => {
      try {
        const key = [label.key];
        await tell(`/photos/${photo}/corrections`, kind === "yes" ? { confirm: key } : kind === "no" ? { remove: key } : { undo: key });
        learn(item, label);
        return true;
      } catch (error) { say(error.message); return false; }
    });
    item.querySelector(".asked").append(make("h3", {}, t("Do these show “{label}”?", { label: label.name })), make("p", { class: "quiet keys" }, t("Keys: y yes, n no.")), answers);
    answers.querySelector("button")?.focus();
  } catch (error) { say(error.message); }
}

// What was answered can be learned from at once.
function learn(item, label) {
  const foot = item.querySelector(".foot");
  if (!foot.querySelector(".main")) foot.prepend(button(t("Learn from that"), () => { delete item.dataset.asked; again(item, label); }, { class: "main" }));
}

function forget(item, label) {
  const foot = item.querySelector(".foot"), before = [...foot.childNodes];
  const sure = button(t("Forget it with its examples"), async () => {
    const error = await work(item, async () => {
      const found = await ask(path(label), { method: "DELETE" });
      return tn("It is forgotten; {n} photo changed.", "It is forgotten; {n} photos changed.", found.changed);
    });
    if (error) say(error.message);
  }, { class: "danger" });
  foot.replaceChildren(make("span", { class: "grow" }, t("It stays where you gave it yourself.")), button(t("Cancel"), () => { foot.replaceChildren(...before); before.at(-1).focus(); }), sure);
  sure.focus();
}

show().catch((error) => say(error.message));
