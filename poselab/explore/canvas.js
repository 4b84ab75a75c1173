// The joint canvas: a picture with joints that move with mouse, touch or keys.
//
// The dot moves here at once; Python hears about it at most once per animation frame.
// Coordinates are image pixels (the centre of the first pixel is 0) as JSON lists.

const COLOUR = { left: "#E69F00", right: "#0072B2", middle: "#000000" };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const HIDDEN = 1, VISIBLE = 2;
const STATE = { 0: "not labelled", 1: "labelled, hidden", 2: "visible" };
const REACH = 14; // CSS pixels around a joint that still take hold of it

function element(parent, tag, css, attributes = {}) {
  const made = document.createElement(tag);
  made.style.cssText = css;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  parent.append(made);
  return made;
}

function outlined(pen, path, colour, width) {
  // A white line under the coloured one keeps it readable on any picture.
  pen.lineCap = "round";
  pen.strokeStyle = "white";
  pen.lineWidth = width + 2.5;
  pen.stroke(path);
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.stroke(path);
}

function shape(side, x, y, r) {
  const path = new Path2D();
  if (side === "left") path.rect(x - r, y - r, 2 * r, 2 * r);
  else if (side === "right") path.arc(x, y, 1.1 * r, 0, 2 * Math.PI);
  else {
    const d = 1.4 * r;
    path.moveTo(x, y - d);
    path.lineTo(x + d, y);
    path.lineTo(x, y + d);
    path.lineTo(x - d, y);
    path.closePath();
  }
  return path;
}

function render({ model, el }) {
  const box = element(el, "div", "max-width:100%; padding:2px; font:14px system-ui, sans-serif");
  const canvas = element(box, "canvas", "display:block; max-width:100%; touch-action:none; cursor:crosshair", {
    tabindex: "0", role: "application", "aria-label": model.get("label"),
  });
  const status = element(box, "div", "padding:4px 0; min-height:1.4em", { "aria-live": "polite" });
  const help = element(box, "div", "opacity:.75; font-size:12.5px; line-height:1.4");
  help.textContent = "Drag a joint, or click to place the selected one. Arrow keys move it " +
    "(Shift: 10 px), Tab selects the next, V or a double click hides or shows it, " +
    "Delete takes its label away.";
  const pen = canvas.getContext("2d");
  const picture = new Image();
  let points = [], visibility = [], selected = 0, number = 0, dragged = false, waiting = false;

  const size = () => model.get("size"); // [H, W]
  const scale = () => canvas.clientWidth / size()[1]; // CSS pixels per image pixel
  const screen = ([x, y]) => [(x + 0.5) * scale(), (y + 0.5) * scale()];

  function fit() {
    const [height, width] = size();
    box.style.width = canvas.style.width = `${model.get("width")}px`;
    canvas.style.aspectRatio = `${width} / ${height}`;
    // Low enough that the controls below it are on the screen too (`layout.py`).
    canvas.style.maxWidth = `min(100%, calc(var(--poselab-tall, 72vh) * ${width / height}))`;
    const dense = window.devicePixelRatio || 1;
    canvas.width = Math.round((canvas.clientWidth || model.get("width")) * dense);
    canvas.height = Math.round((canvas.width * height) / width);
    draw();
  }

  function drawJoint(joint) {
    const [x, y] = screen(points[joint]);
    const colour = COLOUR[model.get("sides")[joint]];
    const path = shape(model.get("sides")[joint], x, y, 5);
    if (joint === selected) {
      const ring = new Path2D();
      ring.arc(x, y, 14, 0, 2 * Math.PI);
      outlined(pen, ring, "#111", 1.5);
    }
    outlined(pen, path, colour, 2);
    pen.fillStyle = visibility[joint] === VISIBLE ? colour : "white";
    pen.fill(path);
  }

  function draw() {
    const dense = canvas.width / (canvas.clientWidth || canvas.width);
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    if (picture.complete && picture.naturalWidth) {
      pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    }
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    const sides = model.get("sides");
    for (const [a, b] of model.get("limbs")) {
      if (!visibility[a] || !visibility[b]) continue;
      const path = new Path2D();
      path.moveTo(...screen(points[a]));
      path.lineTo(...screen(points[b]));
      const side = sides[a] === sides[b] ? sides[a] : "middle";
      pen.setLineDash(visibility[a] + visibility[b] < 2 * VISIBLE ? [6, 6] : []);
      outlined(pen, path, COLOUR[side], 2.5);
    }
    pen.setLineDash([]);
    points.forEach((_, joint) => visibility[joint] && drawJoint(joint));
    const [x, y] = points[selected] || [0, 0];
    const place = visibility[selected] ? ` (${x.toFixed(0)}, ${y.toFixed(0)})` : "";
    const name = (model.get("names")[selected] || "").replaceAll("_", " ");
    status.textContent = `${name}${place}: ${STATE[visibility[selected]]}`;
  }

  function tell() {
    // At most one message per frame, however fast the pointer is.
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      number = Math.max(number, model.get("heard")) + 1;
      const copy = points.map((p) => [...p]);
      model.set("edit", { number, points: copy, visibility: [...visibility], selected });
      model.save_changes();
    });
  }

  function changed() {
    draw();
    tell();
  }

  function listen() {
    if (waiting || model.get("heard") < number) return; // an answer to an older edit
    points = model.get("points").map((p) => [...p]);
    visibility = [...model.get("visibility")];
    selected = model.get("selected");
    draw();
  }

  function move([x, y]) {
    const [height, width] = size();
    const fine = 1 / model.get("step");
    const inside = (v, limit) => Math.min(Math.max(Math.round(v * fine) / fine, 0), limit - 1);
    points[selected] = [inside(x, width), inside(y, height)];
    if (!visibility[selected]) visibility[selected] = VISIBLE;
  }

  function pointer(event) {
    const frame = canvas.getBoundingClientRect();
    const ratio = size()[1] / frame.width;
    return [(event.clientX - frame.left) * ratio - 0.5, (event.clientY - frame.top) * ratio - 0.5];
  }

  function nearest([x, y]) {
    let best = -1, least = REACH / scale();
    points.forEach(([px, py], joint) => {
      const far = Math.hypot(px - x, py - y);
      if (visibility[joint] && far < least) [best, least] = [joint, far];
    });
    return best;
  }

  function toggle() {
    visibility[selected] = visibility[selected] === VISIBLE ? HIDDEN : VISIBLE;
    changed();
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const hit = nearest(pointer(event));
    if (hit < 0 && visibility[selected]) return; // a click beside moves nothing
    if (hit >= 0) selected = hit;
    else move(pointer(event));
    dragged = true;
    canvas.setPointerCapture(event.pointerId);
    canvas.focus({ preventScroll: true });
    event.preventDefault();
    changed();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!dragged) return;
    move(pointer(event));
    changed();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => { dragged = false; });
  }
  canvas.addEventListener("dblclick", (event) => {
    if (nearest(pointer(event)) === selected) toggle();
  });
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key;
    if (key in ARROWS) {
      const step = event.shiftKey ? 10 : 1;
      const [x, y] = points[selected];
      move([x + step * ARROWS[key][0], y + step * ARROWS[key][1]]);
    } else if (key === "Tab") {
      const next = selected + (event.shiftKey ? -1 : 1);
      if (next < 0 || next >= points.length) return; // Tab leaves at either end
      selected = next;
    } else if (key.toLowerCase() === "v") {
      visibility[selected] = visibility[selected] === VISIBLE ? HIDDEN : VISIBLE;
    } else if (key === "Delete" || key === "Backspace") visibility[selected] = 0;
    else return;
    event.preventDefault();
    event.stopPropagation(); // the notebook has its own meaning for these keys
    changed();
  });

  function load() {
    const bytes = model.get("image");
    const url = URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
    picture.onload = () => { URL.revokeObjectURL(url); draw(); };
    picture.src = url;
  }

  const follow = { "change:points": listen, "change:visibility": listen,
    "change:selected": listen, "change:image": load, "change:size": fit, "change:width": fit };
  for (const [name, what] of Object.entries(follow)) model.on(name, what);
  const watcher = new ResizeObserver(fit);
  watcher.observe(box);
  listen();
  load();
  fit();
  return () => {
    watcher.disconnect();
    for (const [name, what] of Object.entries(follow)) model.off(name, what);
  };
}

export default { render };
