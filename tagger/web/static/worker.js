// The service worker of the installed page: it has one page to show while the server cannot be reached. Photos, pages and
// answers of the API are never kept. It goes when somebody logs out.

const NAME = "offline-1";

self.addEventListener("install", (event) => {
  const keep = async () => {
    const cache = await caches.open(NAME);
    await cache.addAll(["offline", "static/app.css", "static/icon.svg"]);
    await self.skipWaiting();
  };
  event.waitUntil(keep());
});

self.addEventListener("activate", (event) => {
  const tidy = async () => {
    for (const name of await caches.keys()) if (name !== NAME) await caches.delete(name);
    await self.clients.claim();
  };
  event.waitUntil(tidy());
});

// Only what leads to another page is answered here, and only where the server does not; everything else goes its own way.
self.addEventListener("fetch", (event) => {
  if (event.request.mode === "navigate") event.respondWith(fetch(event.request).catch(offline));
  else if (event.request.destination === "style" || event.request.destination === "image") standIn(event);
});

async function offline() {
  return await caches.match("offline") ?? Response.error();
}

// The style and the sign of the offline page, while there are no others.
function standIn(event) {
  const path = new URL(event.request.url).pathname;
  if (!["/static/app.css", "/static/icon.svg"].some((one) => path.endsWith(one))) return;
  event.respondWith(fetch(event.request).catch(async () => await caches.match(event.request) ?? Response.error()));
}
