// Everything that pages do in the browser beside htmx: one delegated listener per kind of event, no inline handlers.
const root = document.documentElement;
root.classList.add("js");

const cookie = (name, value) => {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${name}=${encodeURIComponent(value)}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
};

// Times are rendered on the server in the zone that this cookie names; the first page of a visitor is mended here.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const localizeTimes = (scope) => {
  if (!zone || root.dataset.zone === zone) return;
  for (const time of scope.querySelectorAll("time[data-style]")) {
    const options = time.dataset.style === "date" ? { dateStyle: "medium" } : { dateStyle: "medium", timeStyle: time.dataset.style === "exact" ? "medium" : "short" };
    time.textContent = new Intl.DateTimeFormat(root.lang, { ...options, timeZone: zone }).format(new Date(time.dateTime));
  }
};
if (zone && root.dataset.zone !== zone) cookie("tollway_zone", zone);

const announce = (text, tone = "good") => {
  const list = document.getElementById("toasts");
  if (!list) return;
  const toast = document.createElement("div");
  toast.className = "k-toast";
  toast.dataset.tone = tone;
  const body = document.createElement("div");
  body.textContent = text;
  toast.append(body);
  list.append(toast);
  setTimeout(() => toast.remove(), 5000);
};

const copy = async (button) => {
  const source = button.dataset.copyFrom ? document.getElementById(button.dataset.copyFrom) : null;
  const shown = source?.querySelector("pre:not([hidden])") && [...source.querySelectorAll("pre")].find((one) => one.offsetParent !== null);
  const text = button.dataset.copy ?? (shown ?? source)?.innerText ?? "";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.setAttribute("readonly", "");
    (button.closest("dialog") ?? document.body).append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  button.dataset.copied = "";
  button.closest("[data-secret-guard]")?.setAttribute("data-copied", "");
  const status = document.getElementById("announcer");
  if (status) status.textContent = "Copied";
  setTimeout(() => {
    delete button.dataset.copied;
    if (status) status.textContent = "";
  }, 1500);
};

const commandsAreNative = "command" in HTMLButtonElement.prototype;

document.addEventListener("click", (event) => {
  const at = event.target instanceof Element ? event.target : null;
  if (!at) return;
  const copying = at.closest("[data-copy], [data-copy-from]");
  if (copying) return void copy(copying);
  const theme = at.closest("[data-theme-toggle]");
  if (theme) {
    const isDark = root.classList.contains("dark") || (!root.classList.contains("light") && matchMedia("(prefers-color-scheme: dark)").matches);
    const dark = !isDark;
    root.classList.toggle("dark", dark);
    root.classList.toggle("light", !dark);
    cookie("tollway_theme", dark ? "dark" : "light");
    return;
  }
  const opener = at.closest("button[commandfor]");
  if (opener && !commandsAreNative) {
    const dialog = document.getElementById(opener.getAttribute("commandfor"));
    if (opener.getAttribute("command") === "show-modal") dialog?.showModal();
    if (opener.getAttribute("command") === "close") dialog?.close();
  }
  const palette = at.closest("[data-palette-open]");
  if (palette) return openPalette();
  const dismiss = at.closest("[data-dismiss]");
  if (dismiss) dismiss.closest("[data-dismissable]")?.remove();
  const reveal = at.closest("[data-reveal]");
  if (reveal) {
    const target = document.getElementById(reveal.dataset.reveal);
    if (target) {
      const hidden = target.dataset.hidden === "";
      target.textContent = hidden ? target.dataset.secret : "•".repeat(24);
      if (hidden) delete target.dataset.hidden;
      else target.dataset.hidden = "";
      reveal.setAttribute("aria-pressed", String(hidden));
    }
  }
  if (at instanceof HTMLDialogElement && at.open && !at.querySelector("[data-secret-guard]")) {
    const box = at.getBoundingClientRect();
    if (event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom) at.close();
  }
  for (const menu of document.querySelectorAll("details.k-menu[open]")) if (!menu.contains(at)) menu.open = false;
});

document.addEventListener("toggle", (event) => {
  const menu = event.target;
  if (!(menu instanceof HTMLElement) || !menu.matches?.("details.k-menu[open]")) return;
  for (const other of document.querySelectorAll("details.k-menu[open]")) if (other !== menu) other.open = false;
}, true);

document.addEventListener("change", (event) => {
  const field = event.target;
  if (field instanceof HTMLElement && field.closest("[data-autosubmit]") && "form" in field) field.form?.requestSubmit();
});

// An identifier follows the name until somebody edits it by hand.
const suggestSlug = (field) => {
  const target = document.getElementById(field.dataset.slugFor);
  if (target && !target.dataset.edited) {
    target.value = field.value.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 40);
  }
};
// What was typed before this script came, where the identifier is still empty.
for (const field of document.querySelectorAll("input[data-slug-for]")) {
  if (field.value && !document.getElementById(field.dataset.slugFor)?.value) suggestSlug(field);
}

document.addEventListener("input", (event) => {
  const field = event.target;
  if (!(field instanceof HTMLInputElement)) return;
  if (field.dataset.slugFor) suggestSlug(field);
  if (field.dataset.slug !== undefined) field.dataset.edited = "1";
  if (field.dataset.filter) {
    const wanted = field.value.trim().toLowerCase();
    for (const row of document.querySelectorAll(field.dataset.filter)) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  }
});

// A form is sent once: a second click while the first is on its way does nothing.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || form.hasAttribute("hx-post") || form.method === "dialog" || form.method === "get") return;
  if (form.dataset.sent) return void event.preventDefault();
  form.dataset.sent = "1";
  const button = event.submitter;
  if (button instanceof HTMLButtonElement) button.setAttribute("aria-busy", "true");
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// A secret is shown once: leaving before it was copied asks first.
const unguarded = () => document.querySelector("[data-secret-guard]:not([data-copied])");
window.addEventListener("beforeunload", (event) => {
  if (unguarded()) event.preventDefault();
});

// Charts: one tooltip per chart, at the part under the pointer or with the keyboard's focus.
const showTip = (part) => {
  const chart = part.closest(".k-chart");
  if (!chart) return;
  let tip = chart.querySelector(".k-tip");
  if (!tip) {
    tip = document.createElement("div");
    tip.className = "k-tip";
    tip.setAttribute("aria-hidden", "true");
    chart.append(tip);
  }
  tip.textContent = part.dataset.tip;
  tip.hidden = false;
  const outer = chart.getBoundingClientRect();
  const inner = (part.querySelector("[data-anchor]") ?? part).getBoundingClientRect();
  const half = tip.offsetWidth / 2;
  const middle = inner.left - outer.left + inner.width / 2;
  tip.style.left = `${Math.min(Math.max(middle, half), outer.width - half)}px`;
  tip.style.top = `${Math.max(inner.top - outer.top, 36)}px`;
};
const hideTip = (event) => {
  const part = event.target instanceof Element ? event.target.closest("[data-tip]") : null;
  const tip = part?.closest(".k-chart")?.querySelector(".k-tip");
  if (tip && !part.contains(event.relatedTarget)) tip.hidden = true;
};
for (const kind of ["pointerover", "focusin"]) {
  document.addEventListener(kind, (event) => {
    const part = event.target instanceof Element ? event.target.closest("[data-tip]") : null;
    if (part) showTip(part);
  });
}
for (const kind of ["pointerout", "focusout"]) document.addEventListener(kind, hideTip);

// Keys: Cmd/Ctrl-K everything, / search, g + letter a page, ? help.
const openPalette = () => {
  const dialog = document.getElementById("palette");
  if (!dialog || dialog.open) return;
  dialog.showModal();
  const input = dialog.querySelector("input");
  input.value = "";
  for (const row of dialog.querySelectorAll("li")) row.hidden = false;
  mark(dialog, 0);
  input.focus();
};
const mark = (dialog, index) => {
  const links = [...dialog.querySelectorAll("li:not([hidden]) a")];
  for (const link of dialog.querySelectorAll("a[data-active]")) delete link.dataset.active;
  const link = links[Math.max(0, Math.min(index, links.length - 1))];
  if (link) {
    link.dataset.active = "";
    link.scrollIntoView({ block: "nearest" });
  }
  dialog.dataset.at = String(links.indexOf(link));
};
document.getElementById("palette")?.addEventListener("input", (event) => mark(event.currentTarget, 0));
document.getElementById("palette")?.addEventListener("keydown", (event) => {
  const dialog = event.currentTarget;
  const at = Number(dialog.dataset.at ?? 0);
  if (event.key === "ArrowDown") mark(dialog, at + 1);
  else if (event.key === "ArrowUp") mark(dialog, at - 1);
  else if (event.key === "Enter") dialog.querySelector("a[data-active]")?.click();
  else return;
  event.preventDefault();
});
let chord = 0;
document.addEventListener("keydown", (event) => {
  if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    return openPalette();
  }
  if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details.k-menu[open]")) {
      menu.open = false;
      menu.querySelector("summary")?.focus();
    }
  }
  const at = event.target instanceof Element ? event.target : null;
  if (event.metaKey || event.ctrlKey || event.altKey || at?.closest("input, textarea, select, [contenteditable], dialog")) return;
  if (event.key === "/") {
    const search = document.querySelector("[data-search]");
    event.preventDefault();
    if (search) search.focus();
    else openPalette();
  } else if (event.key === "?") {
    document.getElementById("keys")?.showModal();
  } else if (event.key === "g") {
    chord = Date.now();
  } else if (Date.now() - chord < 1200) {
    chord = 0;
    document.querySelector(`[data-key="${CSS.escape(event.key)}"]`)?.click();
  }
});

// What the server swapped in is treated as what it sent at first.
document.addEventListener("htmx:after:swap", (event) => localizeTimes(event.target instanceof Element ? event.target : document));
localizeTimes(document);
// On a phone the tab that is shown may lie beyond the edge of its row.
for (const tab of document.querySelectorAll(".k-tabs [aria-current]")) tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 24;
for (const toast of document.querySelectorAll(".k-toast[data-brief]")) setTimeout(() => toast.remove(), 7000);
for (const dialog of document.querySelectorAll("dialog[data-open-at-start]")) {
  // Open in the document for those without script; with it, it is modal.
  if (dialog.open) dialog.close();
  dialog.showModal();
}
for (const bad of document.querySelectorAll("[aria-invalid='true']")) {
  bad.focus();
  break;
}
window.tollway = { announce };
