// How good a taught label is, as a picture with a table, and photos to answer yes or no.

import { ask, at, make, moment, percent, t, tn } from "./core.js";

const WIDTH = 320, HEIGHT = 150, LEFT = 44, BOTTOM = 22, TOP = 8, RIGHT = 8, ROWS = 9;
export const FEW = 12;

// Set by attributes alone: the page's policy allows no styles in elements.
function drawn(name, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const across = (share) => LEFT + share * (WIDTH - LEFT - RIGHT);
const up = (share) => TOP + (1 - share) * (HEIGHT - TOP - BOTTOM);
const line = (points, value) => points.map((one, place) => `${place ? "L" : "M"}${across(one.threshold).toFixed(1)} ${up(one[value]).toFixed(1)}`).join("");

const told = (precision, recall) => t("About {right} % of the photos that get it are right; {found} % of those that show it are found.", { right: Math.round(100 * precision), found: Math.round(100 * recall) });

// A figure of precision and recall over the threshold; empty where nothing was measured.
export function picture(found) {
  const points = [...found.curve].sort((one, other) => one.threshold - other.threshold);
  if (points.length < 2) return "";
  const usable = !found.refused && found.threshold < 1;
  const name = t("How many are right, and how many are found, by how sure it must be.") + (usable ? " " + t("It is given from {share} on.", { share: percent(found.threshold) }) + " " + told(found.precision, found.recall) : "");
  const marks = [0, 0.5, 1].flatMap((share) => [
    drawn("path", { d: `M${LEFT} ${up(share)}H${WIDTH - RIGHT}`, class: "grid-line" }),
    drawn("text", { x: LEFT - 5, y: up(share) + 4, "text-anchor": "end" }, percent(share)),
    drawn("text", { x: across(share), y: HEIGHT - 5, "text-anchor": share === 1 ? "end" : share ? "middle" : "start" }, percent(share)),
  ]);
  const chosen = usable ? [drawn("path", { d: `M${across(found.threshold)} ${TOP}V${HEIGHT - BOTTOM}`, class: "chosen" }),
    ...["precision", "recall"].map((one) => drawn("circle", { cx: across(found.threshold), cy: up(found[one]), r: 3.5, class: one }))] : [];
  const every = Math.max(1, Math.ceil(points.length / ROWS));
  const rows = points.filter((one, place) => place % every === 0 || one.threshold.toFixed(4) === Number(found.threshold).toFixed(4));
  return make("figure", { class: "measures" },
    drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": name }, ...marks, ...chosen,
      drawn("path", { d: line(points, "recall"), class: "recall" }), drawn("path", { d: line(points, "precision"), class: "precision" })),
    make("figcaption", {}, make("span", { class: "precision" }, t("right, of those that get it")), make("span", { class: "recall" }, t("found, of those that show it")), make("span", { class: "quiet" }, t("across: how sure it must be"))),
    make("details", {}, make("summary", {}, t("As a table")), make("table", {}, make("thead", {}, make("tr", {}, ...[t("Sure from"), t("Right"), t("Found")].map((one) => make("th", { scope: "col", class: "number" }, one)))),
      make("tbody", {}, ...rows.map((one) => make("tr", {}, ...[one.threshold, one.precision, one.recall].map((share) => make("td", { class: "number" }, percent(share)))))))));
}

// In words: how good it is, and by what it was taught.
export function inWords(found) {
  const of = [tn("{n} photo that shows it", "{n} photos that show it", found.yes), ...(found.no ? [tn("{n} that does not", "{n} that do not", found.no)] : []), ...(found.sampled ? [tn("{n} drawn from the library", "{n} drawn from the library", found.sampled)] : [])].join(", ");
  const learned = found.learned_at ? t("Learned on {time} from {examples}.", { time: moment(found.learned_at), examples: of }) : t("Learned from {examples}.", { examples: of });
  return [...(found.precision ? [make("p", {}, told(found.precision, found.recall))] : []), make("p", { class: "quiet" }, learned)];
}

// The photos nearest to the threshold, of [photo, probability].
export const leastSure = (photos, threshold) => [...photos].sort(([, one], [, other]) => Math.abs(one - threshold) - Math.abs(other - threshold)).slice(0, FEW);

// Photos with a yes and a no each; `answered(photo, "yes" | "no" | "")` is told of each answer. y and n answer the focused one.
export function questions(photos, name, answered) {
  const list = make("ol", { class: "answers-few" }, ...photos.map(([photo, share]) => {
    const buttons = ["yes", "no"].map((kind) => {
      const button = make("button", { type: "button", class: kind, "aria-pressed": "false", "aria-label": kind === "yes" ? t("Photo {n} is {label}", { n: photo, label: name }) : t("Photo {n} is not {label}", { n: photo, label: name }) }, kind === "yes" ? "✓" : "✕");
      button.addEventListener("click", () => answer(item, button.getAttribute("aria-pressed") === "true" ? "" : kind));
      return button;
    });
    const item = make("li", { "data-photo": photo }, make("img", { src: at(`/api/v1/photos/${photo}/picture?symbol=1`), alt: t("Photo {n}", { n: photo }), width: 200, height: 200 }), make("small", {}, percent(share)), make("span", {}, ...buttons));
    return item;
  }));
  async function answer(item, kind) {
    const before = [...item.querySelectorAll("button")].map((one) => one.getAttribute("aria-pressed"));
    for (const one of item.querySelectorAll("button")) one.setAttribute("aria-pressed", String(one.className === kind));
    if (await answered(Number(item.dataset.photo), kind) === false) [...item.querySelectorAll("button")].forEach((one, place) => one.setAttribute("aria-pressed", before[place]));
  }
  list.addEventListener("keydown", (event) => {
    const kind = { y: "yes", n: "no" }[event.key.toLowerCase()], item = event.target.closest("li");
    if (!kind || !item || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    answer(item, kind);
    item.nextElementSibling?.querySelector("button")?.focus();
  });
  return list;
}

export const doubtful = (key) => ask("/review?limit=50&label=" + encodeURIComponent(key)).then((found) => found.questions.filter((one) => one.key === key).map((one) => [one.photo.id, one.confidence]));
