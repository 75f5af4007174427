"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const drawn = new Map();  // by the element of a plot, the sources of its chart

// Curves ------------------------------------------------------------------------------------------

/** The mean weighted by a Gaussian over steps, whose width is a share of all steps. */
function smooth(steps, values, share) {
  const n = steps.length, width = share * (steps[n - 1] - steps[0]);
  if (!(width > 0)) return values;
  const result = new Array(n);
  let first = 0;
  for (let i = 0; i < n; i++) {
    while (steps[first] < steps[i] - 3 * width) first++;
    let sum = 0, weights = 0;
    for (let j = first; j < n && steps[j] <= steps[i] + 3 * width; j++) {
      const weight = Math.exp(-0.5 * ((steps[j] - steps[i]) / width) ** 2);
      sum += weight * values[j];
      weights += weight;
    }
    result[i] = sum / weights;
  }
  return result;
}

/** What a chart shows of a metric, as the columns of its sources. */
function columns(metric) {
  const share = byId("smoothing").value / 100, log = byId("log").checked;
  const positive = (values) => log ? values.map((y) => y > 0 ? y : NaN) : values;
  const hidden = new Set([...document.querySelectorAll(".shown:not(:checked)")].map((box) => +box.value));
  const empty = () => ({xs: [], ys: [], colour: []});
  const bands = empty(), edges = empty(), lines = {...empty(), dash: [], name: []};
  const dots = {x: [], y: [], colour: [], name: []};
  for (const curve of data.metrics[metric].filter((each) => !hidden.has(each.arm))) {
    const {name, colour, dash} = data.arms[curve.arm], steps = curve.steps;
    const low = positive(curve.low ?? curve.mean), high = positive(curve.high ?? curve.mean);
    if (curve.low && (!log || curve.low.every((y) => y > 0))) {
      bands.xs.push([...steps, ...[...steps].reverse()]);
      bands.ys.push([...low, ...[...high].reverse()]);
      bands.colour.push(colour);
    }
    for (const ys of curve.low ? [low, high] : [low]) {
      edges.xs.push(steps); edges.ys.push(ys); edges.colour.push(colour);
    }
    const mean = positive(smooth(steps, curve.mean, share));
    lines.xs.push(steps); lines.ys.push(mean);
    lines.colour.push(colour); lines.dash.push(dash); lines.name.push(name);
    if (steps.length <= 12) {
      for (let i = 0; i < steps.length; i++) {
        dots.x.push(steps[i]); dots.y.push(mean[i]); dots.colour.push(colour); dots.name.push(name);
      }
    }
  }
  return {bands, edges, lines, dots};
}

function fill(plot) {
  const sources = drawn.get(plot);
  for (const [name, of] of Object.entries(columns(plot.dataset.metric))) sources[name].data = of;
}

async function draw(plot) {
  if (drawn.has(plot)) return;
  drawn.set(plot, null);
  const axis = byId("log").checked ? "log" : "linear";
  const chart = JSON.parse(byId(axis + "-chart").textContent);
  const views = await Bokeh.embed.embed_item(chart, plot);
  const document = [...views][0].model.document;
  const names = ["bands", "edges", "lines", "dots"];
  drawn.set(plot, Object.fromEntries(names.map((name) => [name, document.get_model_by_name(name)])));
  fill(plot);
}

const plots = [...document.querySelectorAll(".plot")];
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) draw(entry.target);
}, {rootMargin: "600px"});

function refill() {
  byId("smoothed").textContent = byId("smoothing").value + " % of the steps";
  for (const [plot, sources] of drawn) if (sources) fill(plot);
}

if (plots.length) {
  // On a phone the controls that stay in view would hide what they are for.
  if (innerWidth < 640 && byId("which")) byId("which").open = false;
  keep("smoothing", "value");
  keep("log", "checked");
  plots.forEach((plot) => watcher.observe(plot));
  byId("smoothing").addEventListener("input", refill);
  document.querySelectorAll(".shown").forEach((box) => box.addEventListener("change", refill));
  byId("log").addEventListener("change", () => {
    const again = [...drawn.keys()];
    drawn.clear();
    for (const plot of again) { plot.replaceChildren(); draw(plot); }
  });
  refill();
}

// Samples -----------------------------------------------------------------------------------------

const strips = [...document.querySelectorAll(".strip")].map((strip) => ({
  which: strip.querySelector(".which"), images: [...strip.querySelectorAll("img[data-step]")],
}));
const steps = [...new Set(strips.flatMap((strip) => strip.images.map((image) => +image.dataset.step)))];
steps.sort((a, b) => a - b);

/** Each run at its newest picture that is no later than the step; the earliest where it has none. */
function show() {
  const at = steps[byId("step").value];
  byId("at").textContent = at;
  byId("step").setAttribute("aria-valuetext", "step " + at);
  for (const {which, images} of strips) {
    if (!images.length) continue;
    const known = images.filter((image) => +image.dataset.step <= at);
    const chosen = known.length ? known[known.length - 1] : images[0];
    images.forEach((image) => { image.hidden = image !== chosen; });
    which.textContent = "step " + chosen.dataset.step;
  }
}

if (steps.length) {
  const slider = byId("step");
  let playing = 0;
  slider.max = steps.length - 1;  // first: a value beyond it would be cut off
  slider.value = slider.max;
  slider.addEventListener("input", show);
  byId("play").addEventListener("click", () => {
    clearInterval(playing);
    const start = byId("play").textContent === "Play";
    byId("play").textContent = start ? "Stop" : "Play";
    if (start) playing = setInterval(() => {
      slider.value = (+slider.value + 1) % steps.length;
      show();
    }, 400);
  });
  show();
}

// Following ---------------------------------------------------------------------------------------

/** Has a control as it was before the page was loaded anew. */
function keep(id, property) {
  const stored = sessionStorage.getItem(id);
  if (document.body.dataset.state && stored !== null) byId(id)[property] = JSON.parse(stored);
  byId(id).addEventListener("input", () => sessionStorage.setItem(id, JSON.stringify(byId(id)[property])));
}

if (document.body.dataset.state) {
  setInterval(async () => {
    if (!byId("follow").checked) return;
    try {
      const now = await (await fetch("/state")).text();
      byId("said").textContent = "";
      if (now !== document.body.dataset.state) location.reload();
    } catch {
      byId("said").textContent = "The server has stopped.";
    }
  }, 2000);
}
