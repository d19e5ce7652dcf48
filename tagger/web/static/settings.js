// The few settings that may be changed here: what a change would do is shown at once, it is made when the person says
// so, and can be taken back after.

import { ask, make, percent, say, t, tn } from "./core.js";
import { wouldChange } from "./preview.js";

const form = document.getElementById("settings"), preview = document.getElementById("preview"), apply = document.getElementById("apply");
const [language, threshold, measured, always, opens, closes] = ["language", "threshold", "measured", "always", "opens", "closes"].map((id) => document.getElementById(id));
const empty = [...preview.childNodes];
let timer, asked = 0;

// Null: as where nothing is chosen.
const settings = (language, measured, threshold, always, opens, closes) => ({
  "labels.language": language,
  "labels.show_threshold": measured ? null : Number(threshold),
  "service.work_window": always ? "" : `${opens}-${closes}`,
});

// What differs from how the page came; something may have been changed before this script was there.
function wanted() {
  const came = [...language.options].find((one) => one.defaultSelected);
  const before = settings(came.value, measured.defaultChecked, threshold.defaultValue, always.defaultChecked, opens.defaultValue, closes.defaultValue);
  const now = settings(language.value, measured.checked, threshold.value, always.checked, opens.value, closes.value);
  return Object.fromEntries(Object.entries(now).filter(([key, value]) => value !== before[key]));
}

const send = (to, method, value) => ask("/settings" + to, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) });

async function look() {
  const mine = ++asked, given = wanted();
  apply.disabled = true;
  if (!Object.keys(given).length) return preview.replaceChildren(...empty);
  if (!form.checkValidity()) return preview.replaceChildren(make("p", { class: "notice bad", role: "alert" }, t("A time is missing.")));
  preview.replaceChildren(make("p", { class: "quiet" }, t("comparing …")));
  try {
    const found = await send("/preview", "POST", given);
    if (mine !== asked) return;
    const told = [];
    if (found.labels) told.push(...wouldChange(found.labels));
    if (found.window) told.push(make("p", {}, found.window.told));
    if (found.keywords) told.push(make("p", {}, tn("The keywords of {n} photo would be written in another language.", "The keywords of {n} photos would be written in another language.", found.keywords)));
    else if ("labels.language" in given) told.push(make("p", {}, t("Nothing is written into photos for it.")));
    preview.replaceChildren(make("h2", {}, t("What would change")), ...told);
    apply.disabled = false;
  } catch (error) {
    if (mine === asked) preview.replaceChildren(make("p", { class: "notice bad", role: "alert" }, error.message));
  }
}

function soon() {
  threshold.disabled = measured.checked;
  opens.disabled = closes.disabled = always.checked;
  const share = measured.checked ? Number(measured.dataset.measured) : Number(threshold.value);
  document.getElementById("shown-threshold").textContent = percent(share);
  apply.disabled = true;
  clearTimeout(timer);
  timer = setTimeout(look, 350);
}

// The page is asked for again, because its words may be in another language now; what was done is told on the new one.
async function change(given, text) {
  const found = await send("", "PUT", given);
  sessionStorage.setItem("settings", JSON.stringify({ text, before: found.before }));
  location.reload();
}

function tellWhatWasDone() {
  const { text, before: back } = JSON.parse(sessionStorage.getItem("settings") ?? "{}");
  sessionStorage.removeItem("settings");
  if (!text) return;
  const line = document.getElementById("done");
  line.hidden = false;
  if (text === "undone") return line.replaceChildren(t("It is as before."));
  const undo = make("button", { type: "button" }, t("Undo"));
  undo.addEventListener("click", async () => {
    undo.disabled = true;
    try { await change(back, "undone"); } catch (error) { undo.disabled = false; say(error.message); }
  });
  line.replaceChildren(t("The setting is kept, and in force."), " ", undo);
  undo.focus();
}

form.addEventListener("input", soon);
form.addEventListener("reset", () => setTimeout(soon));
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  apply.disabled = true;
  try { await change(wanted(), "done"); } catch (error) { say(error.message); apply.disabled = false; }
});
soon();
tellWhatWasDone();
