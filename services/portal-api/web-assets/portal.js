// What only the Developer Portal's pages do: count down, try a call, open the Explain drawer, show the reference.
const inWords = (seconds) => {
  if (seconds <= 0) return "expired: generate a new one";
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return `in ${h ? `${h} h ` : ""}${h || m ? `${m} min ` : ""}${s} s`;
};
const countDown = () => {
  for (const one of document.querySelectorAll("[data-countdown]")) {
    const left = Math.floor((Date.parse(one.dataset.countdown) - Date.now()) / 1000);
    one.textContent = inWords(left);
    one.classList.toggle("text-bad", left <= 0);
  }
};
if (document.querySelector("[data-countdown]")) {
  countDown();
  setInterval(countDown, 1000);
}

// A call from the browser through the gateway, which answers CORS for our origin.
const cures = {
  "missing-credentials": "Send the header Authorization: Bearer <access token>.",
  "invalid-token": "Generate a new access token under Manage Keys.",
  "expired-token": "The access token has expired. Generate a new one under Manage Keys.",
  "no-subscription": "Subscribe this application to a plan of the API.",
  "subscription-ended": "The subscription has ended. Subscribe again, or see Billing, Billed Subscriptions.",
  "payment-pending": "Complete the payment at Stripe first.",
  "payment-overdue": "Pay the open invoice: Billing, Invoices.",
};
const tryCall = async (button) => {
  const target = document.getElementById(button.dataset.try);
  const token = document.getElementById(button.dataset.tokenFrom)?.dataset.secret ?? "";
  button.setAttribute("aria-busy", "true");
  const began = performance.now();
  const box = document.createElement("div");
  try {
    const answer = await fetch(button.dataset.url, { headers: { Authorization: `Bearer ${token}` }, credentials: "omit" });
    const text = await answer.text();
    const took = Math.round(performance.now() - began);
    let shown = text;
    let problem = "";
    try {
      const body = JSON.parse(text);
      shown = JSON.stringify(body, null, 2);
      problem = String(body.type ?? "").split("/").pop();
    } catch {}
    const line = document.createElement("p");
    line.className = "mb-2 flex flex-wrap gap-2 items-center";
    const pill = document.createElement("span");
    pill.className = "k-pill";
    pill.dataset.tone = answer.ok ? "good" : "bad";
    pill.textContent = `${answer.status} ${answer.statusText}`.trim();
    const rest = document.createElement("span");
    rest.className = "text-sm text-muted-foreground";
    rest.textContent = [`${took} ms`, answer.headers.get("ratelimit") ? `RateLimit ${answer.headers.get("ratelimit")}` : "", cures[problem] ?? ""].filter(Boolean).join(" · ");
    line.append(pill, rest);
    const code = document.createElement("div");
    code.className = "k-code";
    const pre = document.createElement("pre");
    pre.className = "max-h-80 overflow-auto";
    pre.tabIndex = 0;
    pre.textContent = shown.slice(0, 20000);
    code.append(pre);
    box.append(line, code);
  } catch {
    box.className = "text-sm text-bad";
    box.textContent = "The gateway could not be reached from this browser. Is it running, and does it allow this origin?";
  }
  button.removeAttribute("aria-busy");
  target?.replaceChildren(box);
};
document.addEventListener("click", (event) => {
  const at = event.target instanceof Element ? event.target.closest("[data-try]") : null;
  if (at) void tryCall(at);
});

// htmx has brought the way to Stripe: go; or has put something into a drawer: show it.
let isGoing = false;
document.addEventListener("htmx:after:swap", () => {
  const way = document.querySelector("a[data-go]");
  if (way && !isGoing) {
    isGoing = true;
    // In the history the page that waited would lead here again: Back goes to where it was asked for.
    location.replace(way.href);
  }
  for (const body of document.querySelectorAll("[data-drawer]")) {
    const dialog = document.getElementById(body.dataset.drawer);
    if (body.childElementCount && body.dataset.shown !== body.textContent && dialog instanceof HTMLDialogElement) {
      body.dataset.shown = body.textContent;
      if (!dialog.open) dialog.showModal();
    }
  }
});
document.addEventListener("close", (event) => {
  const body = event.target instanceof HTMLDialogElement ? event.target.querySelector("[data-drawer]") : null;
  if (body) {
    body.replaceChildren();
    delete body.dataset.shown;
  }
}, true);

// The API reference: its viewer is large, so it is loaded by this page only.
const place = document.getElementById("reference");
if (place) {
  const page = document.documentElement.classList;
  const preferred = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => page.contains("dark") || (!page.contains("light") && preferred.matches);
  const configuration = (token) => ({
    url: place.dataset.contract,
    withDefaultFonts: false,
    telemetry: false,
    showDeveloperTools: "never",
    hideClientButton: true,
    hideDarkModeToggle: true,
    forceDarkModeState: isDark() ? "dark" : "light",
    agent: { disabled: true },
    mcp: { disabled: true },
    persistAuth: false,
    authentication: { preferredSecurityScheme: "accessToken", securitySchemes: { accessToken: { token } } },
    defaultHttpClient: { targetKey: "shell", clientKey: "curl" },
  });
  const viewer = import(place.dataset.viewer).then((module) => {
    place.replaceChildren();
    return module.createApiReference(place, configuration(""));
  });
  viewer.catch(() => {
    place.textContent = "The reference could not be loaded. The OpenAPI document is at " + place.dataset.contract;
  });
  // The viewer colours the whole page by a class of the body, which it sets only once; after it, we do.
  const follow = () => requestAnimationFrame(() => {
    document.body.classList.toggle("dark-mode", isDark());
    document.body.classList.toggle("light-mode", !isDark());
  });
  preferred.addEventListener("change", follow);
  new MutationObserver(follow).observe(document.documentElement, { attributeFilter: ["class"] });
  const form = document.querySelector("[data-reference-token]");
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    const state = document.getElementById("reference-state");
    try {
      const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      if (!answer.ok) throw new Error(String(answer.status));
      const { access_token: token } = await answer.json();
      (await viewer).updateConfiguration(configuration(token));
      state.textContent = "A new access token is filled in. Calls made here are real and count.";
    } catch {
      state.textContent = "No token could be made: reload the page, and check that the application still exists.";
    }
  });
}
