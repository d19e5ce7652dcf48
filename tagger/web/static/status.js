// The status as it changes: server-sent events.

import { amount, at, make, moment, t, tn } from "./core.js";

const id = (name) => document.getElementById(name);

function show(status) {
  for (const name of ["photos", "labelled", "queued", "failed", "missing", "photos_per_second"]) id(name).textContent = amount(status[name]);
  id("progress").max = Math.max(1, status.photos);
  id("progress").value = status.labelled;
  id("eta").textContent = eta(status);
  const held = status.folders.filter((folder) => folder.held).map((folder) => t("{folder}: {why}. If the photos are really gone: tagger accept-missing", { folder: folder.path, why: folder.held }));
  id("problems").replaceChildren(...[...status.problems, ...held].map((text) => make("p", { class: "notice bad" }, text)));
  id("model").replaceChildren(...(status.model.note ? [make("p", { class: "notice" }, status.model.note)] : []));
  id("folders").replaceChildren(...status.folders.map((folder) => make("tr", {}, make("td", { class: "path" }, folder.path),
    make("td", {}, { native: [t("the kernel"), ...Object.entries(folder.polled).map(([path, why]) => t("{path} by polling: {why}", { path, why }))].join("; "),
      polling: t("polling: {why}", { why: folder.why_polling }) }[folder.watching] ?? t("no service is running")),
    make("td", {}, folder.scanned_at ? moment(folder.scanned_at) : t("not yet")))));
  const rows = [...(status.model.labels ? [[t("Labels"), status.model.labels]] : []), ...Object.entries(status.models).map(([name, count]) => [name, tn("{n} photo", "{n} photos", count)]),
    [t("Keywords"), modes()[status.keywords_mode] + (status.keywords_queued ? t(", {n} queued", { n: amount(status.keywords_queued) }) : "")],
    ...(status.window ? [[t("Work window"), status.window]] : []),
    ...Object.entries(status.next_runs).map(([name, at]) => [works()[name] ?? name, moment(at)])];
  id("schedule").replaceChildren(...rows.flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)]));
  draw(status.speed);
}

const modes = () => ({ off: t("off"), sidecar: t("in sidecars"), embed: t("in the photos") });
const works = () => ({ rescan: t("Next rescan"), upkeep: t("Next upkeep") });

function eta(status) {
  const work = status.relabelling ? " " + t("Changed rules are being applied.") : "";
  if (!status.queued) return t("Nothing is waiting.") + work;
  const time = status.finished_at ? moment(status.finished_at) : "";
  if (time && status.window) return t("Done about {time}, in the work window {window}.", { time, window: status.window }) + work;
  if (time) return t("Done about {time}.", { time }) + work;
  if (status.service || status.at_work) return t("It is being worked on.") + work;
  return t("Nobody is at work. Start it with: tagger run, or tagger backfill");
}

function draw(speed) {
  const most = Math.max(...speed.map((one) => one.photos_per_second), 0.1), first = speed[0]?.at, last = speed.at(-1)?.at;
  const points = speed.map((one) => `${last > first ? 100 * (one.at - first) / (last - first) : 0} ${98 - 94 * one.photos_per_second / most}`);
  id("speed").firstElementChild.setAttribute("d", points.length ? "M" + points.join("L") : "");
  id("speed").setAttribute("aria-label", speed.length ? t("Photos a second over time, at most {most}", { most: amount(most) }) : t("Nothing is known yet"));
}

const events = new EventSource(at("/api/v1/events"));
events.addEventListener("status", (event) => show(JSON.parse(event.data)));
events.addEventListener("error", () => { id("eta").textContent = t("tagger does not answer; trying again …"); });
