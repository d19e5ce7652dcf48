// The status as it changes: server-sent events.

import { amount, at, make, moment, t, tn } from "./core.js";

const id = (name) => document.getElementById(name);

function show(status) {
  for (const name of ["photos", "labelled", "queued", "failed", "missing", "photos_per_second"]) id(name).textContent = amount(status[name]);
  // What failed is not waited for.
  id("progress").max = Math.max(1, status.labelled, status.photos - status.failed);
  id("labelled-so-far").textContent = tn("{labelled} of {n} photo is labelled.", "{labelled} of {n} photos are labelled.", status.photos, { labelled: amount(status.labelled) });
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

// Over the whole hour: what was quick and short looks short.
function draw(speed) {
  const most = Math.max(0, ...speed.map((one) => one.photos_per_second)), now = Date.now() / 1000;
  id("chart").hidden = !most;
  if (!most) return;
  const place = (at) => Math.max(0, 100 - (now - at) / 36).toFixed(2);
  const points = speed.map((one) => `${place(one.at)} ${98 - 94 * one.photos_per_second / most}`);
  id("speed").firstElementChild.setAttribute("d", "M" + points.join("L"));
  id("speed").setAttribute("aria-label", t("Photos a second over time, at most {most}", { most: amount(most) }));
  id("most").textContent = t("at most {most} a second", { most: amount(most) });
}

const events = new EventSource(at("/api/v1/events"));
events.addEventListener("status", (event) => show(JSON.parse(event.data)));
events.addEventListener("error", () => { id("eta").textContent = t("tagger does not answer; trying again …"); });
