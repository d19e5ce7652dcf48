// What other rules or settings would change of the labels, as elements.

import { amount, inLabels, make, named, parts, t, tile } from "./core.js";

const counts = (list) => list.map((one) => `${one.name} (${amount(one.photos)})`).join(", ");

export function wouldChange(found) {
  const all = found.compared >= found.photos;
  const text = all
    ? t("{changed} of {all} photos would show other labels.", { changed: amount(found.changed), all: amount(found.photos) })
    : t("{changed} of {compared} photos looked at would show other labels: about {about} of {all}.", {
      changed: amount(found.changed), compared: amount(found.compared), all: amount(found.photos),
      about: amount(Math.round(found.changed * found.photos / Math.max(1, found.compared))),
    });
  const list = make("ol", { class: "grid small" });
  for (const one of found.examples) {
    const item = tile(one.photo);
    item.append(make("small", inLabels(), ...one.lost.map((name) => make("del", {}, name + " ")), ...one.gained.map((name) => make("ins", {}, name + " "))));
    list.append(item);
  }
  const told = [make("p", { id: "changed" }, text)];
  if (found.gained.length) told.push(make("p", {}, ...parts("More often: {labels}", { labels: named(counts(found.gained)) })));
  if (found.lost.length) told.push(make("p", {}, ...parts("Less often: {labels}", { labels: named(counts(found.lost)) })));
  return [...told, list];
}
