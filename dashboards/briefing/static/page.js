// Keeps the page fresh: fetches its live parts every second, and draws its charts.
// Everything comes from the server that the page came from. Without this file the page works too.

const PARTS_EVERY_MS = 1000;
const CHARTS_EVERY_MS = 30000;
const LOST_AFTER_MS = 5000;
const TIMEOUT_MS = 5000;

const { live, lost, fresh, zone } = document.body.dataset;
// Swedish writes 21:05:09, whatever the reader's own habit and place.
const clock = new Intl.DateTimeFormat("sv-SE", { timeStyle: "medium", timeZone: zone });
const dark = matchMedia("(prefers-color-scheme: dark)");

// --- live parts

class Parts {
  constructor(address) {
    this.address = address;
    this.tag = null;
    this.seen = new Map();
    this.lastContact = new Date();
    this.paused = false;
    for (const part of document.querySelectorAll("[data-part]")) {
      this.seen.set(part.id, part.outerHTML);
    }
  }

  async poll() {
    if (!this.paused && !document.hidden) {
      try {
        await this.fetch();
        this.lastContact = new Date();
      } catch (error) {
        console.warn("live parts:", error);
      }
      this.tellContact();
    }
  }

  async fetch() {
    const headers = this.tag ? { "If-None-Match": this.tag } : {};
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(this.address, { headers, signal, cache: "no-store" });
    if (response.status === 304) return;
    // The session is over: the page itself leads to the login, and back.
    if (response.status === 401) {
      location.reload();
      return;
    }
    if (!response.ok) throw new Error(`status ${response.status}`);
    const text = await response.text();
    const kept = this.show(new DOMParser().parseFromString(text, "text/html"));
    // Where a part could not be replaced now, the next answer must come whole.
    this.tag = kept ? null : response.headers.get("ETag");
  }

  show(fragment) {
    let kept = false;
    for (const part of fragment.querySelectorAll("[data-part]")) {
      const old = document.getElementById(part.id);
      const html = part.outerHTML;
      if (!old || this.seen.get(part.id) === html) continue;
      if (holdsSelection(old)) {
        kept = true;
        continue;
      }
      this.seen.set(part.id, html);
      tellNews(old, part);
      replace(old, part);
    }
    return kept;
  }

  tellContact() {
    const away = new Date() - this.lastContact > LOST_AFTER_MS;
    const box = document.getElementById("lost");
    const text = away ? lost.replace("{clock}", clock.format(this.lastContact)) : "";
    if (box.textContent !== text) box.textContent = text;
    box.hidden = !away;
  }
}

function holdsSelection(part) {
  const selection = getSelection();
  return !selection.isCollapsed && part.contains(selection.anchorNode);
}

function replace(old, part) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  old.replaceWith(part);
  if (focused?.hasAttribute("href")) {
    const again = part.querySelector(`a[href="${CSS.escape(focused.getAttribute("href"))}"]`);
    again?.focus({ preventScroll: true });
  }
}

function tellNews(old, part) {
  const before = new Set([...old.querySelectorAll("[data-event]")].map((row) => row.dataset.event));
  const rows = [...part.querySelectorAll("[data-event]")];
  // Rows behind the first known one are older events that moved up, not news.
  const known = rows.findIndex((row) => before.has(row.dataset.event));
  const news = known < 0 && before.size ? [] : rows.slice(0, known < 0 ? rows.length : known);
  for (const row of news) row.classList.add("fresh");
  if (news.length) {
    const box = document.getElementById("news");
    box.textContent = fresh.replace("{text}", news[0].dataset.text);
  }
}

function keepFresh(address) {
  const parts = new Parts(address);
  const button = document.getElementById("pause");
  for (const element of document.querySelectorAll(".when-script")) element.hidden = false;
  button?.addEventListener("click", () => {
    parts.paused = !parts.paused;
    button.setAttribute("aria-pressed", String(parts.paused));
    if (!parts.paused) parts.lastContact = new Date();
  });
  document.addEventListener("visibilitychange", () => {
    parts.lastContact = new Date();
    parts.poll();
  });
  const loop = async () => {
    await parts.poll();
    setTimeout(loop, PARTS_EVERY_MS);
  };
  loop();
}

// --- charts

let library;

function loadLibrary(address) {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.addEventListener("load", () => resolve(window.vegaEmbed));
    script.addEventListener("error", () => reject(new Error(`${address} did not load`)));
    document.head.append(script);
  });
  return library;
}

class Chart {
  constructor(plot) {
    this.plot = plot;
    this.label = plot.querySelector("img").alt;
    this.tag = null;
    this.drawn = null;
    this.visible = false;
    this.busy = false;
  }

  address() {
    return `${this.plot.dataset.chart}&theme=${dark.matches ? "dark" : "light"}`;
  }

  async refresh() {
    if (!this.visible || this.busy || document.hidden) return;
    this.busy = true;
    try {
      const embed = await loadLibrary(this.plot.dataset.script);
      const headers = this.tag ? { "If-None-Match": this.tag } : {};
      const response = await fetch(this.address(), { headers, cache: "no-store" });
      if (response.ok) {
        await this.draw(embed, await response.json());
        this.tag = response.headers.get("ETag");
      }
    } catch (error) {
      // The drawing that is there stays.
      console.warn("chart:", error);
    } finally {
      this.busy = false;
    }
  }

  async draw(embed, spec) {
    const target = document.createElement("div");
    // Beside the old drawing, which is there until the new one is.
    target.className = "drawn waiting";
    this.plot.append(target);
    const drawn = await embed(target, { ...spec, description: this.label }, {
      // Expressions are interpreted: the page's policy forbids making code from text.
      ast: true,
      actions: false,
      defaultStyle: false,
      renderer: "canvas",
      tooltip: { disableDefaultStyle: true, id: "chart-tip" },
    });
    this.drawn?.finalize();
    this.drawn = drawn;
    target.classList.remove("waiting");
    for (const other of [...this.plot.children]) if (other !== target) other.remove();
  }
}

function drawCharts() {
  const charts = new Map();
  const watch = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        const chart = charts.get(entry.target);
        chart.visible = entry.isIntersecting;
        if (chart.visible) chart.refresh();
      }
    },
    { rootMargin: "200px" },
  );
  for (const plot of document.querySelectorAll("[data-chart]")) {
    charts.set(plot, new Chart(plot));
    watch.observe(plot);
  }
  const all = () => charts.forEach((chart) => chart.refresh());
  setInterval(all, CHARTS_EVERY_MS);
  dark.addEventListener("change", all);
  document.addEventListener("visibilitychange", all);
}

if (live) keepFresh(live);
drawCharts();
