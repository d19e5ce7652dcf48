// What is done with chosen photos: each tells how many it is for before, and offers to take it back after.

import { ask, at, bytes, finished, make, say, t, tell, tn } from "./core.js";
import { inWords, leastSure, picture, questions } from "./measures.js";
import { suggestLabels } from "./suggest.js";

const dialog = make("dialog", { class: "action", "aria-labelledby": "action-title" });
document.body.append(dialog);

const photos = (number) => tn("{n} photo", "{n} photos", number);

// A dialog with a title, content, a line that tells what goes on, and buttons.
class Dialog {
  constructor(title, content, buttons) {
    this.line = make("p", { role: "status", class: "quiet" });
    const close = make("button", { type: "button" }, t("Cancel"));
    close.addEventListener("click", () => dialog.close());
    this.form = make("form", { method: "dialog" }, make("h2", { id: "action-title" }, title), ...content, this.line, make("p", { class: "row" }, ...buttons, close));
    dialog.replaceChildren(this.form);
    dialog.classList.remove("wide");
    dialog.showModal();
  }

  get isOpen() { return dialog.open && dialog.contains(this.form); }

  say(text, language = document.documentElement.lang) {
    this.line.textContent = text;
    this.line.lang = language;
  }

  async run(what) {
    const buttons = [...this.form.querySelectorAll("button.main")];
    for (const one of buttons) one.disabled = true;
    try { await what(); } catch (error) { this.say(error.message); }
    for (const one of buttons) one.disabled = one.dataset.off === "1";
  }
}

const mainButton = (text, attributes = {}) => make("button", { class: "main", ...attributes }, text);

// A label's name, with those of the library that begin so.
function labelField() {
  const names = make("datalist", { id: "action-names" });
  const field = make("input", { id: "action-label", list: "action-names", maxlength: "200", required: true, autocomplete: "off" });
  suggestLabels(field, names);
  return [field, make("p", {}, make("label", { for: "action-label" }, t("Label")), " ", field, names)];
}

const KINDS = {
  add: (number) => tn("Add a label to {n} photo", "Add a label to {n} photos", number),
  confirm: (number) => tn("Confirm a label of {n} photo", "Confirm a label of {n} photos", number),
  remove: (number) => tn("Remove a label from {n} photo", "Remove a label from {n} photos", number),
};

function correct(kind, ids, done, likely) {
  const [field, line] = labelField();
  const open = new Dialog(KINDS[kind](ids.length), [line], [mainButton({ add: t("Add"), confirm: t("Confirm"), remove: t("Remove") }[kind])]);
  const said = () => ({ photos: ids, [kind]: [field.value] });
  let timer, asked = 0;
  async function preview() {
    const mine = ++asked;
    if (!field.value.trim()) return open.say("");
    let text;
    try { text = tn("{n} photo would change.", "{n} photos would change.", (await tell("/corrections/preview", said())).changed); } catch (error) { text = error.message; }
    if (mine === asked && open.isOpen) open.say(text);
  }
  field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(preview, 250); });
  if (kind !== "add") { field.value = likely(); preview(); }
  open.form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    asked += 1;
    open.run(async () => {
      const found = await tell("/corrections", said());
      dialog.close();
      done(tn("{n} photo changed.", "{n} photos changed.", found.changed), found.id && (async () => {
        const back = await tell(`/corrections/${found.id}/undo`, {});
        return tn("{n} photo is as before.", "{n} photos are as before.", back.changed);
      }));
    });
  });
}

function teach(ids, done) {
  const [field, line] = labelField(), keep = mainButton(t("Keep it"), { value: "keep", class: "main second" }), on = mainButton(t("Keep it and switch it on"), { value: "on" });
  const told = make("div", {}), look = mainButton(t("See what comes of it"), { value: "preview" });
  const answers = new Map(), said = (kind) => [...answers].filter(([, one]) => one === kind).map(([photo]) => photo);
  const open = new Dialog(tn("Teach a label by {n} photo", "Teach a label by {n} photos", ids.length), [line, told], [look, keep, on]);
  dialog.classList.add("wide");
  let name = "";
  const offer = (is) => { for (const one of [keep, on]) one.hidden = !is; look.classList.toggle("second", is); };
  offer(false);
  field.addEventListener("input", () => { if (field.value !== name) offer(false); });
  open.form.addEventListener("submit", (event) => {
    event.preventDefault();
    const what = event.submitter?.value ?? "preview", previews = keep.hidden || what === "preview";
    open.run(async () => {
      name = field.value;
      const before = previews ? [] : await ask("/taught");
      const lesson = await finished(await tell(previews ? "/taught/preview" : "/taught", { name, yes: [...ids, ...said("yes")], no: said("no"), on: what === "on" }), (text) => open.say(text));
      if (!open.isOpen) return;
      open.say(lesson.refused || lesson.must_look, "en");
      if (previews) {
        const few = leastSure(lesson.to_look_at.map((one) => [one.photo, one.probability]), lesson.threshold);
        told.replaceChildren(...(lesson.refused ? [make("p", {}, t("It cannot be learned from these yet."))] : [make("p", {}, tn("{n} photo of the library would get it.", "{n} photos of the library would get it.", lesson.photos))]), ...inWords(lesson), picture(lesson),
          ...(few.length ? [make("h3", {}, t("Do these show “{label}”?", { label: lesson.name })), make("p", { class: "quiet" }, t("What you answer is learned, too: what does not show it is as important as what does.")),
            questions(few, lesson.name, (photo, kind) => { answers.set(photo, kind); look.textContent = t("See again with the answers"); })] : []));
        offer(!lesson.refused);
        on.dataset.off = lesson.must_look ? "1" : "0";
        return;
      }
      dialog.close();
      const review = lesson.to_look_at.length ? make("a", { href: at("/review?label=" + encodeURIComponent(lesson.key)) }, t("Look at the doubtful ones")) : "";
      done(lesson.on ? tn("It is on; {n} photo changed.", "It is on; {n} photos changed.", lesson.changed) : t("It is learned, and off."), !before.some((one) => one.key === lesson.key) && (async () => {
        await ask(`/taught/${encodeURIComponent(lesson.key)}`, { method: "DELETE" });
        return t("It is forgotten.");
      }), review);
    });
  });
}

function write(ids, done) {
  const go = mainButton(t("Write"), { "data-off": "1" }), listed = make("ul", { class: "files" }), which = { which: { photos: ids } };
  const open = new Dialog(tn("Write keywords of {n} photo", "Write keywords of {n} photos", ids.length), [listed], [go]);
  open.run(async () => {
    const found = await finished(await tell("/keywords/preview", which), (text) => open.say(text));
    if (!open.isOpen) return;
    open.say(tn("{n} file would be written, {size}.", "{n} files would be written, {size}.", found.files, { size: bytes(found.bytes) }));
    listed.replaceChildren(...found.files_listed.slice(0, 5).map((file) => make("li", {}, file.path.split("/").pop() + ": " + [...file.add.map((one) => "+" + one), ...file.remove.map((one) => "−" + one)].join(", "))));
    go.dataset.off = found.files ? "0" : "1";
  });
  open.form.addEventListener("submit", (event) => {
    event.preventDefault();
    open.run(async () => {
      const found = await finished(await tell("/keywords/write", which), (text) => open.say(text));
      if (open.isOpen) dialog.close();
      if (found.by === "service") return done(t("The service writes them now."));
      done(tn("{n} file written.", "{n} files written.", found.files), found.run && (async () => {
        const back = await finished(await tell("/keywords/undo", { run: found.run }), () => {});
        return tn("{n} file is as before.", "{n} files are as before.", back.files);
      }));
    });
  });
}

function download(ids) {
  const open = new Dialog(tn("Download {n} photo", "Download {n} photos", ids.length), [], []);
  open.run(async () => {
    const found = await tell("/downloads", { photos: ids });
    open.say(photos(found.photos) + ", " + bytes(found.bytes));
    const link = make("a", { class: "button main", href: at("/api/v1/" + found.path), download: "photos.zip" }, t("Download as zip"));
    link.addEventListener("click", () => setTimeout(() => dialog.close()));
    open.form.querySelector(".row").prepend(link);
    link.focus();
  });
}

// The bar below, with how many are chosen and what can be done with them.
export class Bar {
  constructor(ids, clear) {
    this.ids = ids;
    this.number = make("strong", { role: "status" });
    this.done = make("p", { role: "status", class: "done" });
    const likely = () => document.querySelector("li.chosen .caption b")?.textContent.trim() ?? "";
    const done = (...told) => this.tell(...told);
    const entries = [
      [t("Add label"), () => correct("add", ids(), done)],
      [t("Confirm"), () => correct("confirm", ids(), done, likely)],
      [t("Remove"), () => correct("remove", ids(), done, likely)],
      [t("Teach"), () => teach(ids(), done)],
      [t("Write keywords"), () => write(ids(), done)],
      [t("Download"), () => download(ids())],
    ];
    const close = make("button", { type: "button", "aria-label": t("Clear selection"), title: t("Clear selection") }, "✕");
    close.addEventListener("click", () => { this.forget(); clear(); });
    this.row = make("div", { class: "row" }, close, this.number, make("div", { class: "acts" }, ...entries.map(([name, what]) => {
      const button = make("button", { type: "button" }, name);
      button.addEventListener("click", what);
      return button;
    })));
    this.bar = make("section", { class: "selection", "aria-label": t("Selected photos"), hidden: true }, this.done, this.row);
    document.getElementById("main").after(this.bar);
  }

  get isShown() { return !this.bar.hidden; }

  update() {
    const number = this.ids().length;
    this.number.textContent = tn("{n} photo selected", "{n} photos selected", number);
    this.row.hidden = !number;
    this.bar.hidden = !number && !this.done.childNodes.length;
  }

  // What was done, how it is taken back, and what else there is.
  tell(text, undo, more = "") {
    const button = undo ? make("button", { type: "button" }, t("Undo")) : "";
    if (undo) {
      button.addEventListener("click", async () => {
        button.disabled = true;
        try { this.tell(await undo()); } catch (error) { button.disabled = false; say(error.message); }
      });
    }
    this.done.replaceChildren(text, " ", button, " ", more);
    this.update();
    if (undo) button.focus();
  }

  forget() {
    this.done.replaceChildren();
    this.update();
  }
}
