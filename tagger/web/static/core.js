// What every page's script uses: where the API is, asking it, telling the person.

const root = document.documentElement.dataset.root;

export const at = (path) => root + path;

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
    answer = await fetch(at("/api/v1" + path), options);
  } catch {
    throw new Error("tagger does not answer. Is it running?");
  }
  if (answer.status === 401) {
    location.href = at("/login?next=" + encodeURIComponent(location.pathname.slice(root.length) + location.search));
    throw new Error("Please log in again.");
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

export const percent = (share) => Math.round(share * 100) + " %";

function altOf(photo) {
  const names = photo.labels.slice(0, 3).map((label) => label.name).join(", ");
  return (names || "Photo without labels") + ", " + photo.path.split("/").pop();
}

export function tile(photo) {
  return make("li", {}, make("a", { class: "tile", href: at("/photos/" + photo.id), "data-photo": photo.id },
    make("img", { src: at("/api/v1/" + photo.picture), alt: altOf(photo), width: 400, height: 400, loading: "lazy", decoding: "async" }),
    make("span", { class: "caption", "aria-hidden": "true" }, photo.labels.slice(0, 2).map((label) => label.name).join(", "))));
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
  const told = [make("p", {}, `What the model says: ${why.classes.map((one) => `${one.name} ${percent(one.probability)}`).join(", ")}.`)];
  const things = found(why).map((box) => `${box.name} ${percent(box.score)}`).join(", ");
  if (why.boxes) told.push(make("p", {}, `People and things found on it: ${things || "none"}.`));
  if (why.kinds.length) told.push(make("p", {}, `What the file tells: ${why.kinds.join(", ")}.`));
  return told;
}

// What the policy makes of the likeliest candidates.
export function verdictTable(verdicts) {
  const rows = verdicts.map((one) => make("tr", {},
    make("td", {}, one.name), make("td", { class: "number" }, percent(one.probability)), make("td", {}, one.why)));
  return make("table", {}, make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Label"),
    make("th", { scope: "col", class: "number" }, "Sure"), make("th", { scope: "col" }, "What becomes of it"))), make("tbody", {}, ...rows));
}
