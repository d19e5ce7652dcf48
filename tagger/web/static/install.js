// The page can be installed as an app: its service worker shows a page of its own while the server cannot be reached.

import { at } from "./core.js";

async function install() {
  try {
    await navigator.serviceWorker.register(at("/worker.js"));
  } catch {
    // Private windows and strict settings forbid it; the page is as useful without.
    document.documentElement.dataset.installable = "no";
  }
}

// There is none where the page came without HTTPS from another machine, and nothing to install before somebody logged in.
if ("serviceWorker" in navigator && document.querySelector("header.top")) addEventListener("load", install);
