// Near-duplicates, a group at a time: side by side with their differences, which to keep, and a list of the others.

import { amount, ask, at, bytes, dates, finished, isTyping, make, percent, say, t, tell, tn } from "./core.js";
import { Zoom } from "./zoom.js";

const byId = (id) => document.getElementById(id);
const [start, group, done, copies, which] = ["start", "group", "finished", "copies", "which"].map(byId);
// So many photos are compared in seconds, so that nobody need ask for it.
const AT_ONCE = 20_000;
const asked = new URLSearchParams(location.search), visited = [], undo = [];
let now = null, counts = null, busy = false, ahead = null;

const choice = byId("least");
if ([...choice.options].some((one) => one.value === asked.get("least"))) choice.value = asked.get("least");

const zoom = new Zoom(copies, byId("zoom"), (picture) => picture.src.replace("&size=large", "&size=full"));

const page = (after, open) => ask(`/duplicates?least=${choice.value}&after=${after}&limit=1&sharpness=true&open=${open}`);
const onlyOpen = () => byId("open").checked;

// The first group from a place on that is wanted and whose photos are still there; null if there is none.
async function from(place) {
  for (let after = place; after !== null;) {
    const key = `${after} ${onlyOpen()}`, found = ahead?.key === key ? await ahead.page : await page(after, onlyOpen());
    ahead = null;
    counts = found;
    if (found.listed.length) return found;
    after = found.next;
  }
  return null;
}

async function open(place) {
  let found = await from(place);
  // Behind the last one come those that were passed over.
  if (!found && place) found = await from(0);
  show(found);
  if (found?.next != null) {
    ahead = { key: `${found.next} ${onlyOpen()}`, page: page(found.next, onlyOpen()) };
    ahead.page.then((next) => next.listed[0]?.photos.forEach((one) => { new Image().src = source(one); })).catch(() => { ahead = null; });
  }
}

const source = (photo) => at("/api/v1/" + photo.picture + "&size=large&symbol=1");

function show(found) {
  summarise();
  now = found && { ...found.listed[0], next: found.next };
  // What is proposed stands first, beside what it is compared with.
  now?.photos.sort((one, other) => (other.id === now.best) - (one.id === now.best));
  start.hidden = true;
  group.hidden = !now;
  done.hidden = Boolean(now);
  const address = new URLSearchParams({ least: choice.value, ...(now ? { group: now.number + 1 } : {}) });
  history.replaceState(null, "", "?" + address);
  for (const one of [byId("back"), byId("undo")]) one.disabled = !undo.length;
  byId("undo").hidden = !undo.length;
  if (!now) {
    byId("finished-told").textContent = counts.groups
      ? t("All is decided: {groups}, and {photos}.", { groups: groups(counts.groups), photos: notKept() })
      : t("No two photos are that much alike.");
    byId("again").hidden = !counts.groups;
    byId("list").hidden = !counts.hidden;
    return;
  }
  which.textContent = t("Group {n} of {all}", { n: amount(now.number + 1), all: amount(counts.groups) });
  byId("similarity").textContent = t("alike by {share} at least", { share: percent(now.similarity) });
  byId("why").textContent = t("Proposed: the first one.") + " " + now.why.join(" ");
  byId("previous").disabled = !visited.length && !now.number;
  const rows = facts(now.photos);
  copies.replaceChildren(...now.photos.map((one, place) => card(one, place, rows)));
  zoom.renew();
  tellChoice();
}

// What is known of each photo, as [name, texts, which are the best, by numbers where more is better].
function facts(photos) {
  const sharpest = Math.max(...photos.map((one) => one.sharpness ?? 0));
  const rows = [
    [t("Pixels"), (one) => one.width ? `${amount(one.width)} × ${amount(one.height)}` : t("unknown"), (one) => (one.width ?? 0) * (one.height ?? 0)],
    [t("File"), (one) => bytes(one.bytes) + (one.same_bytes ? " " + t("(the same as another)") : ""), (one) => one.bytes],
    [t("Sharpness"), (one) => one.sharpness === null ? t("unknown") : percent(one.sharpness / (sharpest || 1)), (one) => Math.round(100 * (one.sharpness ?? 0) / (sharpest || 1))],
    [t("Taken"), (one) => one.taken ? new Date(one.taken).toLocaleString(dates, { dateStyle: "medium", timeStyle: "medium" }) : t("unknown")],
    [t("Format"), (one) => one.format ?? t("unknown")],
    [t("Folder"), (one) => one.folder],
    [t("Your keywords"), (one) => one.keywords.join(", ") || "–", (one) => one.keywords.length],
  ];
  return rows.map(([name, text, value]) => {
    const texts = photos.map(text), highest = value && Math.max(...photos.map(value));
    return { name, texts, differs: new Set(texts).size > 1, most: photos.map((one) => Boolean(value) && value(one) === highest) };
  });
}

// Long paths are broken behind a slash.
const breakable = (text) => text.split(/(?<=\/)/).flatMap((part, place) => place ? [make("wbr"), part] : [part]);

function card(photo, place, rows) {
  const name = photo.path.split("/").pop(), best = photo.id === now.best;
  // What was decided; else what is proposed.
  const keep = photo.kept ?? (now.photos.some((one) => one.kept === null) ? best : true);
  const button = make("button", { type: "button", class: "choice", "aria-pressed": String(keep), "data-photo": photo.id },
    make("img", { src: source(photo), alt: name }),
    best ? make("span", { class: "proposed" }, "★ " + t("proposed")) : "",
    make("span", { class: "state" }), make("kbd", { class: "number", "aria-hidden": "true" }, String(place + 1)));
  button.addEventListener("click", () => toggle(button));
  label(button);
  const told = rows.flatMap((row) => {
    const most = row.differs && row.most[place];
    return [make("dt", {}, row.name), make("dd", { class: !row.differs ? "same" : most ? "most" : null },
      ...breakable(row.texts[place]), most ? make("span", { class: "hidden" }, " " + t("(the most)")) : "")];
  });
  return make("li", { class: best ? "copy best" : "copy" }, button,
    make("p", { class: "name" }, make("a", { href: at("/photos/" + photo.id) }, name)), make("dl", {}, ...told));
}

function label(button) {
  button.querySelector(".state").textContent = button.getAttribute("aria-pressed") === "true" ? "✓ " + t("Kept") : "✕ " + t("Not kept");
}

function toggle(button) {
  button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
  label(button);
  tellChoice();
}

const buttons = () => [...copies.querySelectorAll(".choice")];
const chosen = () => {
  const [keep, hide] = ["true", "false"].map((is) => buttons().filter((one) => one.getAttribute("aria-pressed") === is).map((one) => Number(one.dataset.photo)));
  // The best of those that are kept stands for the others.
  return { keep: keep.sort((one, other) => (other === now.best) - (one === now.best)), hide };
};

function tellChoice() {
  const { keep, hide } = chosen();
  byId("done").replaceChildren(t("Keep {keep} of {all}", { keep: amount(keep.length), all: amount(keep.length + hide.length) }), make("kbd", { "aria-hidden": "true" }, "d"));
}

const groups = (number) => tn("{n} group", "{n} groups", number);
const notKept = () => tn("{n} photo is not kept, {size}", "{n} photos are not kept, {size}", counts.hidden, { size: bytes(counts.hidden_bytes) });

function summarise() {
  byId("summary").textContent = counts.groups ? [
    groups(counts.groups), tn("{n} photo", "{n} photos", counts.photos), t("{n} decided", { n: amount(counts.decided) }), ...(counts.hidden ? [notKept()] : []),
  ].join(" · ") : "";
  const clear = byId("clear");
  clear.hidden = !counts.clear;
  clear.textContent = tn("Keep the best of {n} clear group", "Keep the best of {n} clear groups", counts.clear);
  clear.title = t("Where the files are the very same, or one has clearly more pixels");
}

async function guarded(what) {
  if (busy) return;
  busy = true;
  try { await what(); } catch (error) { say(error.message); }
  busy = false;
}

const focused = () => { if (now) which.focus({ preventScroll: true }); scrollTo(0, 0); };

const decide = (said) => guarded(async () => {
  if (!now) return;
  const found = await tell("/duplicates/decisions", said);
  undo.push({ id: found.id, number: now.number });
  visited.push(now.number);
  say(tn("{n} photo is not kept.", "{n} photos are not kept.", found.hidden));
  ahead = null;
  await open(now.next ?? now.number + 1);
  focused();
});

const decideAll = () => guarded(async () => {
  const found = await tell("/duplicates/decisions/clear", { least: Number(choice.value) });
  if (found.id) undo.push({ id: found.id, number: now?.number ?? 0 });
  const photos = tn("{n} photo is not kept", "{n} photos are not kept", found.hidden);
  say(t("{groups} decided: {photos}.", { groups: groups(found.groups), photos }));
  ahead = null;
  await open(now?.number ?? 0);
  focused();
});

const takeBack = () => guarded(async () => {
  const last = undo.at(-1);
  if (!last) return;
  const found = await tell(`/duplicates/decisions/${last.id}/undo`, {});
  undo.pop();
  visited.pop();
  ahead = null;
  say(tn("{n} photo is as before.", "{n} photos are as before.", found.photos));
  await open(last.number);
  focused();
});

const following = () => guarded(async () => {
  if (!now) return;
  visited.push(now.number);
  if (now.next === null && !onlyOpen()) return say(t("This was the last group."));
  await open(now.next ?? 0);
});

const previous = () => guarded(async () => {
  if (!now || (!visited.length && !now.number)) return;
  const place = visited.pop() ?? now.number - 1;
  const found = await page(place, false);
  counts = found;
  show(found.listed.length ? { ...found, next: place + 1 } : null);
});

async function look(place = 0) {
  byId("look").disabled = true;
  byId("looked").hidden = false;
  try {
    const task = await tell("/duplicates", { least: Number(choice.value) });
    await finished(task, (text, share) => { byId("told").textContent = text; if (share) byId("looked").value = share; });
    await open(place);
  } catch (error) {
    start.hidden = false;
    byId("told").textContent = error.message;
  }
  byId("look").disabled = false;
  byId("looked").hidden = true;
}

// What was found before, or what there is to look for.
async function begin(place) {
  group.hidden = done.hidden = true;
  counts = await ask(`/duplicates?least=${choice.value}&limit=1`);
  // A group that is asked for is shown, decided or not.
  if (place) byId("open").checked = false;
  if (!counts.looked) {
    start.hidden = false;
    byId("summary").textContent = "";
    byId("clear").hidden = true;
    if (Number(start.dataset.photos) <= AT_ONCE) await look(place);
    return;
  }
  await open(place);
}

choice.addEventListener("change", () => { visited.length = undo.length = 0; ahead = null; guarded(() => begin(0)); });
byId("open").addEventListener("change", () => { ahead = null; guarded(() => open(now?.number ?? 0)); });
byId("again").addEventListener("click", () => { byId("open").checked = false; guarded(() => open(0)); });
byId("look").addEventListener("click", () => guarded(() => look()));
byId("clear").addEventListener("click", decideAll);
byId("done").addEventListener("click", () => decide(chosen()));
const keepAll = () => decide({ keep: now.photos.map((one) => one.id), hide: [] });
byId("all").addEventListener("click", keepAll);
for (const id of ["back", "undo"]) byId(id).addEventListener("click", takeBack);
byId("following").addEventListener("click", following);
byId("previous").addEventListener("click", previous);
document.addEventListener("keydown", (event) => {
  if (isTyping(event.target) && event.target.type !== "checkbox" || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const key = event.key.toLowerCase();
  if (key === "z" && now) return zoom.toggle();
  if (event.shiftKey && zoom.isOn && key.startsWith("arrow")) {
    event.preventDefault();
    return zoom.pan({ arrowleft: -1, arrowright: 1 }[key] ?? 0, { arrowup: -1, arrowdown: 1 }[key] ?? 0);
  }
  if (/^[1-9]$/.test(key)) return buttons()[Number(key) - 1]?.click();
  if (key === "u") return takeBack();
  if (now) ({ d: () => decide(chosen()), a: keepAll, arrowright: following, arrowleft: previous })[key]?.();
});
guarded(() => begin(Math.max(0, Number(asked.get("group") ?? 1) - 1 || 0)));
