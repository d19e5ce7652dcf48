// What every page's script uses: where the API is, asking it, telling the person.

const { root, labels: labelsLanguage } = document.documentElement.dataset;
const language = document.documentElement.lang;

export const at = (path) => root + path;

// The page's words in its language, as `tagger.web.build_messages` writes them: a message, or [one, many]. Without them, English.
// They come as a script before this one: while they were fetched here, keys and clicks on the page that was there already were lost.
const words = globalThis.taggerWords ?? {};
const plurals = new Intl.PluralRules(language);

const put = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);

// A message, with values in the places of its {names}.
export const t = (text, values = {}) => put(words[text] ?? text, values);

// As `t`, with elements in the places of its {names}: what to put into a paragraph.
export const parts = (text, values) => (words[text] ?? text).split(/\{(\w+)\}/).map((part, place) => place % 2 ? values[part] : part);

// As `t`, for a number of things, which is {n}.
export function tn(one, many, number, values = {}) {
  const forms = words[one] ?? [one, many];
  return put(plurals.select(number) === "one" ? forms[0] : forms[1], { n: amount(number), ...values });
}

export const amount = (number) => number.toLocaleString(language);

// Of English dates those that everybody reads alike.
export const dates = language === "en" ? "en-GB" : language;

export const moment = (seconds) => new Date(seconds * 1000).toLocaleString(dates, { dateStyle: "medium", timeStyle: "short" });

// The attribute of an element that holds names of labels; none where they are in the page's own language.
export const inLabels = (label) => ({ lang: labelsLanguage !== language && (!label || label.name !== label.english) ? labelsLanguage : null });

const said = document.getElementById("said");
let timer;

export function say(text) {
  said.textContent = text;
  clearTimeout(timer);
  timer = setTimeout(() => { said.textContent = ""; }, 6000);
}

// The answer's JSON; throws an Error with what the problem details say.
export async function ask(path, options = {}) {
  let answer;
  try {
    // Answered in the language of the page that asks, even if another one was chosen in another window.
    answer = await fetch(at("/api/v1" + path + (path.includes("?") ? "&" : "?") + "lang=" + labelsLanguage), options);
  } catch {
    throw new Error(t("tagger does not answer. Is it running?"));
  }
  if (answer.status === 401) {
    location.href = at("/login?next=" + encodeURIComponent(location.pathname.slice(root.length) + location.search));
    throw new Error(t("Please log in again."));
  }
  const body = await answer.json();
  if (!answer.ok) {
    const error = new Error([body.detail || body.title, body.cure].filter(Boolean).join(" "));
    error.retryAfter = Number(answer.headers.get("Retry-After")) || 0;
    throw error;
  }
  return body;
}

export const tell = (path, value) => ask(path, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value),
});

export function bytes(number) {
  const [size, unit] = [[1e9, "gigabyte"], [1e6, "megabyte"], [1e3, "kilobyte"], [1, "byte"]].find(([least]) => number >= least) ?? [1, "byte"];
  const digits = size > 1 && number < 10 * size ? 1 : 0;
  return (number / size).toLocaleString(language, { style: "unit", unit, unitDisplay: size > 1 ? "short" : "long", maximumFractionDigits: digits });
}

// Work that was started, until it is done; `tick` is told how far it is, as a text and as a share.
export async function finished(task, tick) {
  while (task.state === "waiting" || task.state === "running") {
    tick(task.total ? t("{done} of {total}", { done: amount(task.done), total: amount(task.total) }) : t("One moment …"), task.total ? task.done / task.total : 0);
    task = await ask(`/tasks/${task.id}?wait=2`);
  }
  if (task.state === "failed") throw new Error([task.problem.detail, task.problem.cure].filter(Boolean).join(" "));
  return task.result;
}

// Elements are made with textContent only, so that a file name or a label is never taken for markup.
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

// Names of labels within a text of the page.
export const named = (text) => make("span", inLabels(), text);

export const percent = (share) => Math.round(share * 100) + "\u00a0%";

function altOf(photo) {
  const names = photo.labels.slice(0, 3).map((label) => label.name).join(", ");
  return (names || t("Photo without labels")) + ", " + photo.path.split("/").pop();
}

export function tile(photo) {
  return make("li", {}, make("a", { class: "tile", ...inLabels(), href: at("/photos/" + photo.id), "data-photo": photo.id },
    make("img", { src: at("/api/v1/" + photo.picture + "&symbol=1"), alt: altOf(photo), width: 400, height: 400, loading: "lazy", decoding: "async" }),
    make("span", { class: "caption", "aria-hidden": "true" }, ...photo.labels.slice(0, 4).map((label) => make("b", {}, label.name)))));
}

// The photos of the grid that a person came from, so that a photo's page knows its neighbours.
export function remember(grid) {
  const ids = [...grid.querySelectorAll("[data-photo]")].map((link) => Number(link.dataset.photo));
  sessionStorage.setItem("grid", JSON.stringify({ ids, back: location.href }));
}

export const isTyping = (target) => target.matches("input, textarea, select, [contenteditable]");

// The people and things found on a photo, without those that are guesses; `why` is the API's answer.
export const found = (why) => (why.boxes ?? []).filter((box) => box.sure);

// What was seen on a photo, in sentences.
export function seen(why) {
  const classes = why.classes.map((one) => `${one.name} ${percent(one.probability)}`).join(", ");
  const things = found(why).map((box) => `${box.name} ${percent(box.score)}`).join(", ");
  const kinds = why.kind_labels.map((one) => one.name).join(", ");
  const told = [make("p", {}, ...parts("What the model says: {classes}.", { classes: named(classes) }))];
  const nothing = t("none");
  if (why.boxes) told.push(make("p", {}, ...parts("People and things found on it: {things}.", { things: things ? named(things) : nothing })));
  if (kinds) told.push(make("p", {}, ...parts("What the file tells: {kinds}.", { kinds: named(kinds) })));
  return told;
}

// What the policy makes of the likeliest candidates.
export function verdictTable(verdicts) {
  const rows = verdicts.map((one) => make("tr", {},
    make("td", inLabels(one), one.name), make("td", { class: "number" }, percent(one.probability)), make("td", { lang: "en" }, one.why)));
  return make("table", {}, make("thead", {}, make("tr", {}, make("th", { scope: "col" }, t("Label")),
    make("th", { scope: "col", class: "number" }, t("Sure")), make("th", { scope: "col" }, t("What becomes of it")))), make("tbody", {}, ...rows));
}

// How many questions were answered, and how many are left, as far as they are counted.
export const progress = (answered, left) => [
  answered ? tn("{n} answered", "{n} answered", answered) : "",
  left?.more ? t("{n} or more left", { n: amount(left.questions) }) : left?.questions ? tn("{n} left", "{n} left", left.questions) : "",
].filter(Boolean).join(" · ");

let counting;

// The number of questions of the review, in the navigation, a moment after one was answered; `told` gets that of a label.
export function recount(told = () => {}, label = "") {
  const badge = document.getElementById("to-review");
  clearTimeout(counting);
  counting = setTimeout(async () => {
    const found = await ask("/review/count").catch(() => null);
    const these = label ? await ask("/review/count?label=" + encodeURIComponent(label)).catch(() => null) : found;
    if (these) told(these);
    if (!badge || !found) return;
    badge.hidden = !found.questions;
    badge.children[1].textContent = amount(found.questions) + (found.more ? "+" : "");
  }, 600);
}
