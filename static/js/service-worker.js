// @ts-check
/* Shows what pages ask it to, on any device, and leads from there to the page. It neither caches nor gets pushes. */

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { url } = event.notification.data;

  async function lead() {
    const pages = await worker.clients.matchAll({ type: "window" });
    const page = pages.find((each) => each.url === url) ?? pages[0];
    if (!page) return worker.clients.openWindow(url);
    if (page.url !== url) await page.navigate(url);
    return page.focus();
  }
  event.waitUntil(lead());
});
