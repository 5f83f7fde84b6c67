// Shows what the node finds as it finds it, and tells the node what to do. Everything comes from
// the node itself: there need be no internet.

const words = JSON.parse(document.querySelector("#words").textContent);
const lang = document.documentElement.lang;
const $ = (selector, within = document) => within.querySelector(selector);
const EVERY_MS = 1000;

const say = (key, values = {}) => {
  const [group, name] = key.split(".");
  return (words[group]?.[name] ?? key).replace(/\{(\w+)\}/g, (_, each) => values[each] ?? "–");
};
const number = (value, decimals = 1) =>
  value === null || value === undefined
    ? "–"
    : new Intl.NumberFormat(lang, { minimumFractionDigits: decimals, maximumFractionDigits: decimals, useGrouping: false }).format(value);
// What rounds to zero has no sign.
const signed = (value, decimals = 1) => {
  const rounded = value === null ? null : Number(value.toFixed(decimals)) || 0;
  return (rounded > 0 ? "+" : "") + number(rounded, decimals);
};
const clock = (at) => new Intl.DateTimeFormat("sv-SE", { timeStyle: "medium" }).format(new Date(at));
const moment = (at) => new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short" }).format(new Date(at));
const parse = (text) => (text.trim() === "" ? null : Number(text.trim().replace(",", ".")));

const make = (tag, text, className) => {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
};
const fill = (list, lines) =>
  list.replaceChildren(...lines.map(([text, kind]) => make("li", text, kind)));

// --- what each step found

const speed = (one) => {
  if (one.refused) return say("drives.refused", { reason: say(`refused.${one.refused}`) });
  const towards = { 1: "drives.towards_1", "-1": "drives.towards_back" }[one.direction] ?? "drives.towards_none";
  const told = say("drives.speed", { speed: number(one.speed_kmh), low: number(one.low_kmh), high: number(one.high_kmh) });
  return `${told}, ${say(towards)}`;
};

const results = {
  levels(found) {
    const lines = found.channels.map((one, index) => [
      `${say("levels.channel", { number: index, laeq: number(one.laeq_db), low: number(one.lafmin_db), high: number(one.lafmax_db) })}; ${one.overload ? say("now.overload") : say(`levels.state_${one.state}`)}.`,
      one.state === "ok" && !one.overload ? "" : "bad",
    ]);
    if (found.difference_db !== null) lines.push([say("levels.difference", { difference: signed(found.difference_db) })]);
    return lines;
  },
  calibrator: (found) => [
    [`${say("calibrator.found", { measured: number(found.measured_db, 2), level: number(found.calibrator_level_db, 0), deviation: signed(found.deviation_db, 2), spread: number(found.standard_deviation_db, 3) })}.`],
    [say(`calibrator.result_${found.result}`), found.result === "invalid" ? "bad" : ""],
    ...(found.repeated ? [[say("calibrator.repeated"), "good"]] : []),
  ],
  radar: (found) => [[say("radar.found", { cosine: number(found.cosine, 2), low: number(found.low, 2), high: number(found.high, 2), count: found.drives, angle: number(found.angle_deg, 0) })]],
  network(found) {
    const parts = [found.interface ? say(`network.${found.link}`, found) : say("network.no_route")];
    if (found.signal_dbm !== null) parts.push(say("network.signal", { dbm: number(found.signal_dbm, 0) }));
    if (found.quality_percent !== null) parts.push(say("network.quality", { quality: number(found.quality_percent, 0) }));
    return [[parts.join(", ")], [say(found.broker_reached ? "network.broker_yes" : "network.broker_no"), found.broker_reached ? "good" : "bad"]];
  },
  clock(found) {
    const system = { true: "clock.synchronised", false: "clock.unsynchronised", null: "clock.unknown" }[found.synchronised];
    const values = { offset: signed(found.offset_s, 4), server: found.server ? say("clock.server", found) : "", error: found.error_s === null ? "" : say("clock.error", { error: number(found.error_s, 3) }) };
    return [[say(system, values), found.synchronised ? "good" : "bad"], [say("clock.phone", { offset: signed(found.phone_offset_s) })]];
  },
  delivery: (found) =>
    found.seconds === null
      ? [[say("delivery.open", found), "bad"]]
      : [[say("delivery.found", { seconds: number(found.seconds), seq: found.seq }), "good"]],
  place(found) {
    const mean = (pair) => number((pair[0] + pair[1]) / 2, 2);
    const values = { height: number(found.mic_height_m, 2), distance: mean(found.distance_m), back: found.distance_back_m && mean(found.distance_back_m) };
    const lines = [[say(found.distance_back_m ? "place.found_back" : "place.found", values)]];
    if (found.position) lines.push([say("place.at", { latitude: number(found.position.latitude, 5), longitude: number(found.position.longitude, 5) })]);
    return lines;
  },
};

const showSteps = ({ now, open, applies, taps, mean }) => {
  const left = new Map(now.findings.left_out.map((one) => [one.step, one.reason]));
  for (const step of Object.keys(words.steps)) {
    const section = $(`#step-${step}`);
    section.hidden = !applies.includes(step);
    const found = now.findings[step];
    const done = step === "drives" ? found.length > 0 : found !== null;
    const points = open.filter((one) => one.step === step).map((one) => one.point);
    const lines = done && results[step] ? results[step](found) : [];
    if (step === "order") lines.push(...tapLines(taps, found));
    if (step === "drives" && mean) lines.push([say("drives.mean", { count: mean.count, error: signed(mean.value), interval: mean.low === null ? "" : say("drives.mean_interval", { low: signed(mean.low), high: signed(mean.high) }) })]);
    if (done) lines.push(...points.map((point) => [say(`open_points.${point}`), "bad"]));
    if (left.has(step) && !done) lines.push([say("leave.told", { reason: left.get(step) })]);
    fill($(".results", section), lines);
    const state = done ? (points.length ? "point" : "done") : left.has(step) ? "left_out" : "open";
    const tag = $(".state", section);
    tag.textContent = say(`states.${state}`);
    tag.className = `state state-${state}`;
    leaving(section, step, done, left.has(step));
  }
};

const tapLines = (taps, found) => {
  const lines = taps.map((tap) => {
    const values = { asked: say(`order.asked_${tap.asked}`), nearest: say(`order.nearest_${tap.nearest}`), difference: signed(tap.level_difference_db), delay: tap.delay_ms === null ? "–" : signed(tap.delay_ms, 2) };
    return tap.nearest === null ? [say("order.tap_unclear", values), "bad"] : [say("order.tap", values), tap.nearest === tap.asked ? "good" : "bad"];
  });
  if (found) {
    const right = found.taps.every((tap) => tap.nearest === tap.asked);
    lines.push(right ? [say("order.right_order"), "good"] : [say("order.wrong_order"), "bad"]);
  }
  return lines;
};

const leaving = (section, step, done, isLeft) => {
  let part = $(".leaving", section);
  if (!part) {
    part = make("details", undefined, "leaving");
    const form = make("form");
    const label = make("label", say("leave.reason"));
    const input = make("input");
    Object.assign(input, { id: `leave-${step}`, maxLength: 200 });
    label.htmlFor = input.id;
    const field = make("div", undefined, "field");
    field.append(label, input);
    const button = make("button", say("leave.act"));
    form.append(field, button);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      ask("leave-out", { step, reason: part.dataset.left ? "" : input.value });
    });
    part.append(make("summary", say("leave.summary")), form);
    section.append(part);
  }
  part.hidden = done;
  $(".field", part).hidden = isLeft;
  $("input", part).required = !isLeft;
  $("button", part).textContent = say(isLeft ? "leave.back" : "leave.act");
  part.dataset.left = isLeft ? "yes" : "";
};

// --- vehicles that went past

const showPasses = ({ now, drives }) => {
  const taken = new Set(now.findings.drives.map((one) => one.passed.event));
  const passes = now.passes.filter((one) => !taken.has(one.event));
  $("#no-pass").hidden = passes.length > 0;
  $("#no-pass").textContent = say(now.findings.equipment.mounting ? "drives.none" : "drives.unmounted");
  const list = $("#passes");
  for (const old of [...list.children]) if (!passes.some((one) => `pass-${one.event}` === old.id)) old.remove();
  for (const one of [...passes].reverse()) if (!$(`#pass-${one.event}`)) list.prepend(passForm(one));
  $("#drives-taken").hidden = drives.length === 0;
  $("#drives").replaceChildren(...now.findings.drives.map((one, index) => driveLine(one, drives[index])));
};

const lastKnown = { known_by: "gps", known_kmh: "" };

const passForm = (one) => {
  const form = make("form", undefined, "pass");
  form.id = `pass-${one.event}`;
  const each = one.by.map((by) => `${say(`drives.method_${by.method}`)}: ${by.refused ? say(`refused.${by.refused}`) : number(by.speed_kmh)}`);
  form.append(make("strong", say("drives.pass", { at: clock(one.at), level: number(one.lafmax_db), speed: speed(one.combined) })));
  if (each.length) form.append(make("span", each.join("; "), "quiet"));
  const known = field(form, say("drives.known"), "input", `known-${one.event}`);
  Object.assign(known, { required: true, inputMode: "decimal", value: lastKnown.known_kmh });
  const by = field(form, say("drives.by"), "select", `by-${one.event}`);
  for (const kind of ["gps", "speedometer"]) by.append(new Option(say(`drives.by_${kind}`), kind));
  by.value = lastKnown.known_by;
  const direction = field(form, say("drives.direction"), "select", `direction-${one.event}`);
  direction.required = true;
  direction.append(new Option(say("drives.choose"), ""), new Option(say("drives.towards_1"), "1"), new Option(say("drives.towards_back"), "-1"), new Option(say("drives.towards_none"), "0"));
  form.append(make("button", say("drives.act")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    Object.assign(lastKnown, { known_by: by.value, known_kmh: known.value });
    ask("drive", { event: one.event, known_kmh: parse(known.value), known_by: by.value, direction: Number(direction.value) || null });
  });
  return form;
};

const field = (form, label, tag, id) => {
  const box = make("div", undefined, "field");
  const text = make("label", label);
  const input = make(tag);
  text.htmlFor = input.id = id;
  box.append(text, input);
  form.append(box);
  return input;
};

const driveLine = (one, { error, agrees }) => {
  const line = make("li", undefined, "pass");
  line.append(make("span", say("drives.drive", { known: number(one.known_kmh, 0), by: say(`drives.by_${one.known_by}`), speed: speed(one.passed.combined) })));
  if (error !== null) line.append(make("span", `${say("drives.drive_error", { error: signed(error) })}, ${say(agrees ? "drives.agrees" : "drives.differs")}`, agrees ? "good" : "bad"));
  const button = make("button", say("drives.remove"));
  button.type = "button";
  button.addEventListener("click", () => ask("no-drive", { event: one.passed.event }));
  line.append(button);
  return line;
};

// --- right now, and the end

const showNow = ({ now, simulated }) => {
  $("#simulated").hidden = !simulated;
  const list = $("#channels");
  while (list.children.length < now.channels.length) {
    const row = make("li");
    const bar = make("meter");
    Object.assign(bar, { min: 20, max: 120, low: 20, high: 110, optimum: 60 });
    row.append(make("span"), make("strong"), bar);
    list.append(row);
  }
  now.channels.forEach((one, index) => {
    const row = list.children[index];
    const side = now.channels.length > 1 && index < 2 ? `, ${say(index ? "now.right" : "now.left")}` : "";
    $("span", row).textContent = say("now.channel", { number: index + 1 }) + side;
    $("strong", row).textContent = one.overload ? say("now.overload") : one.laf_db === null ? say("now.none") : say("now.level", { level: number(one.laf_db) });
    $("meter", row).value = one.laf_db ?? 20;
    $("meter", row).setAttribute("aria-label", say("now.channel", { number: index + 1 }));
  });
  const radar = $("#radar-now");
  radar.hidden = now.findings.equipment.radar === null;
  radar.textContent = now.radar_kmh === null ? say("now.radar_none") : say("now.radar", { speed: number(now.radar_kmh) });
};

const showSigning = ({ now, open, unexplained, acked_seq: acked }) => {
  const summary = $("#summary");
  const parts = [];
  if (unexplained.length) parts.push(make("p", say("sign.unexplained", { steps: unexplained.map((step) => say(`steps.${step}`)).join(", ") }), "quiet"));
  const points = make("ul", undefined, "points");
  fill(points, open.map((one) => [say(`open_points.${one.point}`), "bad"]));
  parts.push(make("h3", say(open.length ? "sign.open" : "sign.nothing_open")), points);
  summary.replaceChildren(...parts);
  const signed = now.signed_seq !== null;
  $("#sign form[data-act=sign]").hidden = signed;
  $("#leave").hidden = !signed;
  $("#signed").textContent = signed ? `${say("sign.signed", { seq: now.signed_seq })} ${say(acked >= now.signed_seq ? "sign.signed_acked" : "sign.signed_waiting")}` : "";
};

const showBeginning = (now) => {
  const begun = now !== null;
  $("#begin form").hidden = begun;
  $("#anew").hidden = !begun;
  $("#steps").hidden = !begun;
  if (!begun) return;
  const values = { technician: now.technician, at: moment(now.begun_at), organisation: now.organisation };
  $("#begin-told").textContent = say(now.organisation ? "begin.told" : "begin.told_alone", values);
};

const show = (state) => {
  const now = state.now === null ? null : { ...state.now, organisation: state.organisation };
  showBeginning(now);
  if (now === null) return;
  const all = { ...state, now };
  showNow(all);
  $("#calibrator-explain").textContent = say("calibrator.explain", { channel: now.findings.equipment.measured_channel });
  showSteps(all);
  showPasses(all);
  showSigning(all);
  openNext(all.unexplained);
  $("#listening").hidden = now.listening === null;
  $("#listening form").hidden = now.listening === "delivery";
  if (now.listening) $("#listening span").textContent = say(`listening.${now.listening}`);
  const signed = now.signed_seq !== null;
  for (const button of document.querySelectorAll(".step button")) button.disabled = signed || (now.listening !== null && now.listening !== "delivery");
  if (state.problem) tell(say(`problems.${state.problem}`, { why_not: say(`why_not.${state.why_not}`) }));
};

// Once, the first step that is left; then whoever works opens what is wanted.
let opened = false;
const openNext = (unexplained) => {
  if (opened) return;
  opened = true;
  if (unexplained.length) $(`#step-${unexplained[0]}`).open = true;
};

let told = 0;
const tell = (text) => {
  $("#toast").textContent = text;
  clearTimeout(told);
  told = setTimeout(() => $("#toast").replaceChildren(), 8000);
};

// --- to and from the node

const POINTS = {
  begin: (form) => ({ technician: form.technician.value.trim(), organisation: form.organisation.value.trim() }),
  levels: () => ({}),
  tap: (form) => ({ microphone: Number(form.dataset.microphone) }),
  calibrator: (form) => ({ serial: form.serial.value.trim(), certificate: form.certificate.value.trim(), level_db: parse(form.level.value) }),
  stop: () => ({}),
  network: () => ({}),
  clock: () => ({ phone_s: Date.now() / 1000 }),
  delivery: () => ({}),
  place: () => placed(),
  sign: () => ({ remarks: $("#remarks").value.trim() }),
  leave: () => ({}),
};

let located = null;

const placed = () => {
  const value = (id) => parse($(`#${id}`).value);
  const pair = (name) => (value(`${name}-1`) === null ? null : [value(`${name}-1`), value(`${name}-2`) ?? value(`${name}-1`)]);
  return { position: position(), mic_height_m: value("height"), distance_m: pair("there"), distance_back_m: pair("back"), spacing_m: value("spacing"), facade_m: value("facade"), bearing_deg: value("bearing"), towards: $("#towards").value.trim() };
};

const position = () => {
  const text = $("#position").value.trim();
  if (text === "") return null;
  if (located && text === located.text) return { latitude: located.latitude, longitude: located.longitude, accuracy_m: located.accuracy_m, source: "phone" };
  // 57,48712, 12,07613 and 57.48712 12.07613 alike.
  const parts = text.match(/-?\d+(?:[.,]\d+)?/g) ?? [];
  if (parts.length !== 2) throw new Error(say("place.position_bad"));
  return { latitude: parse(parts[0]), longitude: parse(parts[1]), accuracy_m: null, source: "hand" };
};

const ask = async (name, body) => {
  try {
    const answer = await fetch(`/act/${name}`, { method: "POST", headers: { "Content-Type": "application/json", "X-CSRF-Token": document.body.dataset.csrf }, body: JSON.stringify(body) });
    if (answer.status === 401) return end("page.over");
    const state = await answer.json();
    if (state.error) tell(say(`problems.${state.error}`, { detail: state.detail ?? "" }));
    else if (state.closed) end("page.left");
    else if (!ended) show(state);
  } catch {
    $("#lost").hidden = ended;
  }
};

for (const form of document.querySelectorAll("form[data-act]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    try {
      ask(form.dataset.act, POINTS[form.dataset.act](form));
    } catch (error) {
      tell(error.message);
    }
  });
}
$("#begin-anew").addEventListener("click", () => {
  $("#begin form").hidden = false;
  $("#technician").focus();
  paused = true;
});
$("#begin form").addEventListener("submit", () => { paused = false; });

// Only where the page is as safe as the phone wants for it.
if (isSecureContext && navigator.geolocation) {
  $("#locate").hidden = false;
  $("#locate").addEventListener("click", () =>
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        const text = `${coords.latitude.toFixed(6)}, ${coords.longitude.toFixed(6)}`;
        located = { text, latitude: Number(coords.latitude.toFixed(6)), longitude: Number(coords.longitude.toFixed(6)), accuracy_m: Math.round(coords.accuracy * 10) / 10 };
        $("#position").value = text;
        tell(say("place.located", { accuracy: number(coords.accuracy, 0) }));
      },
      () => tell(say("place.locate_failed")),
      { enableHighAccuracy: true, timeout: 20000, maximumAge: 0 },
    ),
  );
}

// The last that the page says: the node serves it no more, so that there is nothing to load anew.
let ended = false;
const end = (reason) => {
  ended = true;
  $("#lost").hidden = $("#listening").hidden = true;
  for (const gone of [$("#other-language"), $(".skip"), ...document.querySelectorAll("main > :not(h1)")]) gone.remove();
  const told = make("p", "", "card");
  told.role = "status";
  $("main").append(told);
  told.textContent = say(reason);
  scrollTo(0, 0);
};

let paused = false;
const look = async () => {
  try {
    const answer = await fetch("/state");
    if (answer.status === 401) return end("page.over");
    const state = await answer.json();
    if (ended) return;
    $("#lost").hidden = true;
    if (!paused) show(state);
  } catch {
    $("#lost").hidden = ended;
  }
};
// One after the other, whatever each takes.
const again = async () => {
  if (!document.hidden) await look();
  if (!ended) setTimeout(again, EVERY_MS);
};
again();
