// The photos of a grid, one after another in the whole window: arrows, swipe and zoom are PhotoSwipe's; what it tells of a
// photo, and that the address is that of the photo's page while one looks at it, is done here.

import { amount, ask, at, inLabels, isTyping, make, moment, say, t } from "./core.js";

const SCREEN = 1800, NEAR = 8;
const icon = (paths) => `<svg aria-hidden="true" class="pswp__icn" viewBox="0 0 32 32" width="32" height="32"><g fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">${paths}</g></svg>`;
const INFORMATION = icon('<circle cx="16" cy="16" r="9"/><path d="M16 15v6M16 11v.1"/>');
const LABELS = icon('<path d="M7 8h9l9 9-8 8-9-9zM12 13v.1"/>');

const EARLY = { ArrowLeft: "prev", ArrowRight: "next", Escape: "close" };

let open = null, opening = false, early = [];
const details = new Map();

const tiles = () => [...document.querySelectorAll("#main .tile[data-photo]")].filter((one) => one.querySelector("img"));

function itemOf(tile) {
  const img = tile.querySelector("img");
  const thumbnail = img.getAttribute("src"), address = thumbnail.replace(/&symbol=1.*/, "");
  let width = Number(img.getAttribute("width")), height = Number(img.getAttribute("height"));
  const natural = img.naturalWidth / img.naturalHeight;
  // Of a photo that was not read yet only the small copy tells the proportions.
  if (natural && Math.abs(natural / (width / height) - 1) > 0.05) { width = Math.round(SCREEN * Math.min(1, natural)); height = Math.round(width / natural); }
  const screen = `${address}&size=screen&symbol=1`, share = Math.min(1, SCREEN / Math.max(width, height));
  const item = { src: screen, msrc: img.currentSrc || thumbnail, width, height, alt: img.alt, element: tile };
  if (share < 1) item.srcset = `${screen} ${Math.round(width * share)}w, ${address}&size=full&symbol=1 ${width}w`;
  return item;
}

function told(id) {
  if (!details.has(id)) details.set(id, ask(`/photos/${id}`).catch((error) => { details.delete(id); throw error; }));
  return details.get(id);
}

function facts(photo) {
  const lines = [
    [t("Taken"), photo.taken ? moment(Date.parse(photo.taken) / 1000) : t("unknown")],
    [t("File"), photo.path],
    [t("Picture"), photo.width ? `${photo.format}, ${amount(photo.width)} × ${amount(photo.height)}` : ""],
    [t("Camera"), photo.fields.camera], [t("Lens"), photo.fields.lens], [t("Place"), (photo.fields.place ?? []).join(", ")],
    [t("Your keywords"), (photo.fields.keywords ?? []).join(", ")],
  ].filter(([, value]) => value);
  return [make("dl", {}, ...lines.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])),
    make("p", {}, make("a", { href: at("/photos/" + photo.id) }, t("Everything about it, and corrections")))];
}

function chips(photo) {
  const shown = photo.labels.filter((label) => label.shown);
  return shown.length ? shown.map((label) => make("li", inLabels(label), label.name)) : [make("li", {}, t("None that is sure enough."))];
}

async function show(tile, event) {
  const PhotoSwipe = (await import("./photoswipe/photoswipe.esm.min.js")).default;
  if (open) return;
  const all = tiles(), index = all.indexOf(tile);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const lightbox = open = new PhotoSwipe({
    dataSource: all.map(itemOf), index, initialPointerPos: event.clientX ? { x: event.clientX, y: event.clientY } : null,
    bgOpacity: 1, loop: false, preload: [1, 3], returnFocus: false, wheelToZoom: true, counter: false,
    showHideAnimationType: still ? "none" : "zoom", zoomAnimationDuration: still ? 0 : 250,
    // Zooming in shows the photo's pixels as they are.
    secondaryZoomLevel: (zoom) => zoom.fit < 1 ? 1 : 2 * zoom.fit, maxZoomLevel: (zoom) => Math.max(2, 4 * zoom.fit),
    closeTitle: t("Close"), zoomTitle: t("Zoom"), arrowPrevTitle: t("Previous"), arrowNextTitle: t("Next"), errorMsg: t("The picture cannot be shown."),
  });
  let current = tile;
  const here = () => current;
  const id = () => Number(here().dataset.photo);
  const labels = make("ul", { class: "chips" }), panel = make("div", { class: "facts", hidden: "" });
  const caption = make("div", { class: "told" }, labels);
  labels.hidden = localStorage.getItem("lightbox-labels") === "off";
  let buttons = {};

  async function tell() {
    const asked = id();
    buttons.information?.setAttribute("aria-pressed", String(!panel.hidden));
    buttons.labels?.setAttribute("aria-pressed", String(!labels.hidden));
    if (labels.hidden && panel.hidden) return;
    try {
      const photo = await told(asked);
      if (open !== lightbox || asked !== id()) return;
      labels.replaceChildren(...chips(photo));
      panel.replaceChildren(...facts(photo));
    } catch (error) {
      say(error.message);
    }
  }

  const toggle = {
    information() { panel.hidden = !panel.hidden; tell(); },
    labels() { labels.hidden = !labels.hidden; localStorage.setItem("lightbox-labels", labels.hidden ? "off" : "on"); tell(); },
  };

  lightbox.on("uiRegister", () => {
    const button = (name, title, html, order) => lightbox.ui.registerElement({
      name, title, ariaLabel: title, html, order, isButton: true, onInit: (element) => { buttons[name] = element; }, onClick: () => toggle[name](),
    });
    button("information", t("Information (i)"), INFORMATION, 8);
    button("labels", t("Labels (l)"), LABELS, 9);
    lightbox.ui.registerElement({ name: "told", appendTo: "root", onInit: (element) => element.append(caption, panel) });
  });
  lightbox.on("firstUpdate", () => {
    lightbox.element.setAttribute("aria-modal", "true");
    lightbox.element.setAttribute("aria-label", t("Photos in the whole window"));
    caption.setAttribute("aria-live", "polite");
  });
  lightbox.on("keydown", ({ originalEvent: key }) => {
    if (isTyping(key.target) || key.ctrlKey || key.metaKey || key.altKey) return;
    if (key.key === "i") toggle.information();
    if (key.key === "l") toggle.labels();
  });
  lightbox.on("change", () => {
    current = lightbox.options.dataSource[lightbox.currIndex].element;
    history.replaceState({ lightbox: id() }, "", at("/photos/" + id()));
    labels.replaceChildren();
    panel.replaceChildren();
    tell();
    if (lightbox.currIndex > lightbox.getNumItems() - NEAR) document.dispatchEvent(new Event("grid:more"));
  });
  // What the grid loads meanwhile stands behind what is shown.
  const grown = new MutationObserver(() => {
    const known = lightbox.options.dataSource, now = tiles();
    if (now.length > known.length) known.push(...now.slice(known.length).map(itemOf));
  });
  let came = false;
  const back = () => { came = true; lightbox.close(); };
  // While it opens it takes no keys and cannot be closed.
  lightbox.on("openingAnimationEnd", () => {
    for (const what of early.splice(0)) lightbox[what]();
    if (came) lightbox.close();
  });
  lightbox.on("close", () => {
    // Closing flies back to where the photo stands in the grid.
    here().scrollIntoView({ block: "nearest" });
    removeEventListener("popstate", back);
    if (!came) history.back();
  });
  lightbox.on("destroy", () => {
    grown.disconnect();
    open = null;
    // The browser would go back to where the grid stood when the first photo was opened.
    setTimeout(() => { history.scrollRestoration = "auto"; }, 500);
    // Until it is gone it takes the focus back.
    setTimeout(() => here().focus({ preventScroll: true }));
  });
  history.scrollRestoration = "manual";
  history.pushState({ lightbox: id() }, "", at("/photos/" + id()));
  addEventListener("popstate", back);
  lightbox.init();
  grown.observe(document.getElementById("main"), { childList: true, subtree: true });
}

document.addEventListener("click", (event) => {
  const tile = event.target.closest?.("#main .tile[data-photo]");
  if (!tile || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  [opening, early] = [true, []];
  show(tile, event).catch(() => { location.href = tile.href; }).finally(() => { opening = false; });
});

// Keys of the page behind it rest; those that come while it opens count when it is open.
document.addEventListener("keydown", (event) => {
  if (!open && !opening) return;
  const waits = !open?.opener.isOpen && EARLY[event.key];
  if (waits) { event.preventDefault(); early.push(waits); }
  if (waits || event.key === "/") event.stopImmediatePropagation();
}, true);
