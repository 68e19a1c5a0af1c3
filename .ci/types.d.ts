// Globals that pages have besides the browser's: htmx and its request events.

declare namespace htmx {
  function trigger(element: Element, event: string): void;
  function ajax(
    verb: string,
    path: string,
    context: { target?: Element; source?: Element; swap?: string; select?: string },
  ): Promise<void>;
}

interface HtmxRequest {
  elt: Element;
  xhr: XMLHttpRequest;
  requestConfig: { elt: Element; verb: string };
}

interface GlobalEventHandlersEventMap {
  "htmx:configRequest": CustomEvent<{ elt: Element; parameters: Record<string, unknown>; triggeringEvent?: Event }>;
  "htmx:beforeRequest": CustomEvent<HtmxRequest>;
  "htmx:afterRequest": CustomEvent<HtmxRequest & { successful: boolean }>;
  "htmx:beforeOnLoad": CustomEvent<HtmxRequest>;
  "htmx:beforeSwap": CustomEvent<HtmxRequest & { serverResponse: string }>;
  "htmx:oobAfterSwap": CustomEvent<{ target: Element }>;
  "htmx:oobBeforeSwap": CustomEvent<{ target: Element; fragment: DocumentFragment; shouldSwap: boolean }>;
  "htmx:afterSwap": CustomEvent<HtmxRequest>;
  "htmx:afterSettle": CustomEvent<HtmxRequest>;
  "htmx:load": CustomEvent<{ elt: Element }>;
  "htmx:responseError": CustomEvent<HtmxRequest>;
  "htmx:sendError": CustomEvent<HtmxRequest>;
  "htmx:timeout": CustomEvent<HtmxRequest>;
}

interface Navigator {
  readonly connection?: { readonly saveData: boolean };
}

interface HTMLVideoElement {
  // Of Safari on phones, which fill the screen with nothing else.
  webkitEnterFullscreen?(): void;
}

// As far as the service worker needs it: its own library can't be loaded beside the pages'.
interface WorkerPage {
  readonly url: string;
  navigate(url: string): Promise<unknown>;
  focus(): Promise<unknown>;
}

interface NotificationClick {
  readonly notification: Notification;
  waitUntil(work: Promise<unknown>): void;
}

interface ServiceWorkerGlobalScope {
  readonly clients: {
    matchAll(options: { type: "window" }): Promise<WorkerPage[]>;
    openWindow(url: string): Promise<unknown>;
  };
  addEventListener(type: "notificationclick", listener: (event: NotificationClick) => void): void;
}
