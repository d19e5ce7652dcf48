// The status as it changes: server-sent events.

import { at, make } from "./core.js";

const id = (name) => document.getElementById(name);
const moment = (seconds) => new Date(seconds * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });

function show(status) {
  for (const name of ["photos", "labelled", "queued", "failed", "missing", "photos_per_second"]) id(name).textContent = status[name].toLocaleString();
  id("progress").max = Math.max(1, status.photos);
  id("progress").value = status.labelled;
  id("eta").textContent = eta(status);
  const held = status.folders.filter((folder) => folder.held).map((folder) => `${folder.path}: ${folder.held}. If the photos are really gone: tagger accept-missing`);
  id("problems").replaceChildren(...[...status.problems, ...held].map((text) => make("p", { class: "notice bad" }, text)));
  id("model").replaceChildren(...(status.model.note ? [make("p", { class: "notice" }, status.model.note)] : []));
  id("folders").replaceChildren(...status.folders.map((folder) => make("tr", {}, make("td", { class: "path" }, folder.path),
    make("td", {}, { native: ["the kernel", ...Object.entries(folder.polled).map(([path, why]) => `${path} by polling: ${why}`)].join("; "),
      polling: `polling: ${folder.why_polling}` }[folder.watching] ?? "no service is running"),
    make("td", {}, folder.scanned_at ? moment(folder.scanned_at) : "not yet"))));
  const rows = [...(status.model.labels ? [["Labels", status.model.labels]] : []), ...Object.entries(status.models).map(([name, count]) => [name, `${count.toLocaleString()} photos`]),
    ["Keywords", status.keywords_mode + (status.keywords_queued ? `, ${status.keywords_queued.toLocaleString()} queued` : "")],
    ...(status.window ? [["Work window", status.window]] : []),
    ...Object.entries(status.next_runs).map(([name, at]) => [`Next ${name}`, moment(at)])];
  id("schedule").replaceChildren(...rows.flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)]));
  draw(status.speed);
}

function eta(status) {
  const work = status.relabelling ? " Changed rules are being applied." : "";
  if (!status.queued) return "Nothing is waiting." + work;
  if (status.finished_at) return `Done about ${moment(status.finished_at)}` + (status.window ? `, in the work window ${status.window}.` : ".") + work;
  if (status.service || status.at_work) return "It is being worked on." + work;
  return "Nobody is at work. Start it with: tagger run, or tagger backfill";
}

function draw(speed) {
  const most = Math.max(...speed.map((one) => one.photos_per_second), 0.1), first = speed[0]?.at, last = speed.at(-1)?.at;
  const points = speed.map((one) => `${last > first ? 100 * (one.at - first) / (last - first) : 0} ${98 - 94 * one.photos_per_second / most}`);
  id("speed").firstElementChild.setAttribute("d", points.length ? "M" + points.join("L") : "");
  id("speed").setAttribute("aria-label", speed.length ? `Photos a second over time, at most ${most.toLocaleString()}` : "Nothing is known yet");
}

const events = new EventSource(at("/api/v1/events"));
events.addEventListener("status", (event) => show(JSON.parse(event.data)));
events.addEventListener("error", () => { id("eta").textContent = "tagger does not answer; trying again …"; });
