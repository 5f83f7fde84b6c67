// Keeps the page fresh by what the server sends as it comes, and draws its charts.
// Everything comes from the server that the page came from. Without this file the page works too.

const CHARTS_EVERY_MS = 30000;
const LOOK_EVERY_MS = 1000;
const AGAIN_MS = 5000;
// The server says something every 10 seconds at the latest.
const LOST_AFTER_MS = 15000;

const { live, lost, fresh, zone } = document.body.dataset;
// Swedish writes 21:05:09, whatever the reader's own habit and place.
const clock = new Intl.DateTimeFormat("sv-SE", { timeStyle: "medium", timeZone: zone });
const dark = matchMedia("(prefers-color-scheme: dark)");

// --- live parts

class Parts {
  constructor(address) {
    this.address = address;
    this.seen = new Map();
    this.lastContact = new Date();
    this.source = null;
    this.ended = false;
    for (const part of document.querySelectorAll("[data-part]")) {
      this.seen.set(part.id, part.outerHTML);
    }
  }

  get paused() {
    return this.source === null;
  }

  start() {
    if (this.ended) return;
    this.lastContact = new Date();
    this.source ??= this.listen(new EventSource(this.address));
  }

  stop() {
    this.source?.close();
    this.source = null;
  }

  listen(source) {
    const on = (kind, act) =>
      source.addEventListener(kind, ({ data }) => {
        this.lastContact = new Date();
        act(data);
      });
    on("parts", (data) => this.show(new DOMParser().parseFromString(data, "text/html")));
    on("levels", (data) => showLevels(JSON.parse(data)));
    on("still", () => {});
    on("end", () => {
      this.ended = true;
      this.stop();
    });
    // The session is over: the page that comes says what to do.
    on("over", () => location.reload());
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) this.refused();
    });
    return source;
  }

  // The browser asks again by itself where nobody answers, but not where the answer was no.
  async refused() {
    this.stop();
    try {
      const asked = new AbortController();
      const answer = await fetch(this.address, { signal: asked.signal, cache: "no-store" });
      asked.abort();
      if (answer.status === 401) return location.reload();
    } catch (error) {
      console.info("live parts:", error);
    }
    setTimeout(() => this.start(), AGAIN_MS);
  }

  show(fragment) {
    for (const part of fragment.querySelectorAll("[data-part]")) {
      const old = document.getElementById(part.id);
      const html = part.outerHTML;
      // What somebody is just marking is left alone until it comes again.
      if (!old || this.seen.get(part.id) === html || holdsSelection(old)) continue;
      this.seen.set(part.id, html);
      tellNews(old, part);
      replace(old, part);
    }
  }

  tellContact() {
    const away = !this.paused && new Date() - this.lastContact > LOST_AFTER_MS;
    const box = document.getElementById("lost");
    const text = away ? lost.replace("{clock}", clock.format(this.lastContact)) : "";
    if (box.textContent !== text) box.textContent = text;
    box.hidden = !away;
  }
}

function showLevels(levels) {
  for (const [node, text] of Object.entries(levels)) {
    const place = document.querySelector(`[data-level="${CSS.escape(node)}"]`);
    if (!place || place.textContent.trim() === text) continue;
    const told = document.createElement("strong");
    told.textContent = text;
    place.replaceChildren(told);
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
  let wanted = true;
  const listen = () => (wanted && !document.hidden ? parts.start() : parts.stop());
  for (const element of document.querySelectorAll(".when-script")) element.hidden = false;
  button?.addEventListener("click", () => {
    wanted = !wanted;
    button.setAttribute("aria-pressed", String(!wanted));
    listen();
  });
  document.addEventListener("visibilitychange", listen);
  setInterval(() => parts.tellContact(), LOOK_EVERY_MS);
  listen();
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

function offerPrinting() {
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => print());
  }
}

function showWhereWeAre() {
  // On a phone the row of pages is longer than the screen.
  const here = document.querySelector(".places [aria-current]");
  const row = here?.closest("ul");
  if (row) row.scrollLeft = here.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
}

if (live) keepFresh(live);
showWhereWeAre();
offerPrinting();
drawCharts();
