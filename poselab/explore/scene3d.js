// People in three dimensions on a 2D canvas: perspective, orbit by mouse, touch or keys.
//
// Coordinates are metres in the camera's frame: x to the right, y down, z away. The view
// is an eye that looks at `target` from `distance`, turned by `yaw` around the vertical
// and by `pitch` above the horizon (degrees). scene3d.py draws the same view as a picture.

const KEYS = {
  ArrowLeft: [-5, 0], ArrowRight: [5, 0], ArrowUp: [0, 5], ArrowDown: [0, -5],
};
const NEAR = 0.05; // metres in front of the eye: what is closer is not drawn
const FIELD = 0.9; // the eye's focal length in heights of the canvas

function element(parent, tag, css, attributes = {}) {
  const made = document.createElement(tag);
  made.style.cssText = css;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  parent.append(made);
  return made;
}

function rotation(yaw, pitch) {
  const [a, b] = [(yaw * Math.PI) / 180, (-pitch * Math.PI) / 180]; // y points down
  const [ca, sa, cb, sb] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b)];
  return [[ca, 0, sa], [-sa * sb, cb, ca * sb], [-sa * cb, -sb, ca * cb]];
}

function render({ model, el }) {
  const box = element(el, "div", "max-width:100%; font:14px system-ui, sans-serif");
  const canvas = element(box, "canvas",
    "display:block; width:100%; touch-action:none; cursor:grab; background:#fff; border-radius:4px",
    { tabindex: "0", role: "application", "aria-label": model.get("label") });
  const bar = element(box, "div", "display:flex; gap:6px; flex-wrap:wrap; padding:4px 0");
  const help = element(box, "div", "opacity:.75; font-size:12.5px");
  help.textContent = "Drag to orbit, wheel or + and - to come closer, arrow keys turn.";
  const pen = canvas.getContext("2d");
  let waiting = false, held = null;

  const view = () => model.get("view");

  function button(text, change) {
    const made = element(bar, "button", "font:inherit; padding:2px 10px; cursor:pointer");
    made.textContent = text;
    made.addEventListener("click", () => turn(change));
  }

  function project(points) {
    const { yaw, pitch, distance, target } = view();
    const r = rotation(yaw, pitch);
    const scale = FIELD * canvas.height;
    return points.map((p) => {
      const d = [p[0] - target[0], p[1] - target[1], p[2] - target[2]];
      const [x, y, z] = r.map((row) => row[0] * d[0] + row[1] * d[1] + row[2] * d[2]);
      const depth = z + distance;
      if (depth < NEAR) return null;
      return [canvas.width / 2 + (scale * x) / depth, canvas.height / 2 + (scale * y) / depth, depth];
    });
  }

  function lines(shape) {
    const points = project(shape.points);
    pen.strokeStyle = shape.colour;
    pen.lineWidth = shape.width * (canvas.height / 400);
    pen.globalAlpha = shape.alpha;
    pen.lineCap = "round";
    pen.setLineDash(shape.dash ? [6, 6] : []);
    pen.beginPath();
    for (const [a, b] of shape.lines) {
      if (!points[a] || !points[b]) continue;
      pen.moveTo(points[a][0], points[a][1]);
      pen.lineTo(points[b][0], points[b][1]);
    }
    pen.stroke();
    pen.setLineDash([]);
    pen.fillStyle = shape.colour;
    const r = shape.radius * (canvas.height / 400);
    if (r) for (const p of points) if (p) {
      pen.beginPath();
      pen.arc(p[0], p[1], r, 0, 2 * Math.PI);
      pen.fill();
    }
    pen.globalAlpha = 1;
  }

  function mesh(shape) {
    const points = project(shape.points);
    const [red, green, blue] = shape.rgb;
    const faces = [];
    shape.faces.forEach(([a, b, c], i) => {
      const [p, q, s] = [points[a], points[b], points[c]];
      if (!p || !q || !s) return;
      const area = (q[0] - p[0]) * (s[1] - p[1]) - (q[1] - p[1]) * (s[0] - p[0]);
      if (area <= 0) faces.push([p[2] + q[2] + s[2], p, q, s, shape.shade[i]]);
    });
    faces.sort((m, n) => n[0] - m[0]); // far ones first
    for (const [, p, q, s, light] of faces) {
      pen.fillStyle = pen.strokeStyle =
        `rgb(${Math.round(red * light)},${Math.round(green * light)},${Math.round(blue * light)})`;
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(p[0], p[1]);
      pen.lineTo(q[0], q[1]);
      pen.lineTo(s[0], s[1]);
      pen.closePath();
      pen.fill();
      pen.stroke(); // closes the hairlines between faces
    }
  }

  function draw() {
    waiting = false;
    pen.clearRect(0, 0, canvas.width, canvas.height);
    for (const shape of model.get("shapes")) {
      if (shape.faces) mesh(shape);
      else lines(shape);
    }
    pen.font = `${13 * (canvas.height / 400)}px system-ui, sans-serif`;
    pen.fillStyle = "#333";
    for (const { text, at } of model.get("labels")) {
      const [p] = project([at]);
      if (p) pen.fillText(text, p[0] + 4, p[1] - 4);
    }
  }

  function later() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(draw);
  }

  function turn(change) {
    const next = { ...view(), ...change };
    next.pitch = Math.min(90, Math.max(-20, next.pitch));
    next.distance = Math.min(60, Math.max(0.5, next.distance));
    model.set("view", next);
    later();
    clearTimeout(turn.timer); // Python hears of it when the hand rests
    turn.timer = setTimeout(() => model.save_changes(), 150);
  }

  function fit() {
    const dense = window.devicePixelRatio || 1;
    const width = box.clientWidth || model.get("width");
    canvas.width = Math.round(width * dense);
    canvas.height = Math.round(canvas.width * model.get("aspect"));
    later();
  }

  box.style.width = `${model.get("width")}px`;
  for (const { name, view: change } of model.get("views")) button(name, change);
  canvas.addEventListener("pointerdown", (event) => {
    held = [event.clientX, event.clientY, view()];
    canvas.setPointerCapture(event.pointerId);
    canvas.style.cursor = "grabbing";
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!held) return;
    const [x, y, from] = held;
    turn({ yaw: from.yaw + 0.4 * (event.clientX - x), pitch: from.pitch + 0.4 * (event.clientY - y) });
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => { held = null; canvas.style.cursor = "grab"; });
  }
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    turn({ distance: view().distance * Math.exp(event.deltaY * 0.001) });
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const { yaw, pitch, distance } = view();
    if (KEYS[event.key]) {
      const [a, b] = KEYS[event.key];
      turn({ yaw: yaw + a, pitch: pitch + b });
    } else if (event.key === "+" || event.key === "=") turn({ distance: distance * 0.9 });
    else if (event.key === "-") turn({ distance: distance / 0.9 });
    else return;
    event.preventDefault();
    event.stopPropagation(); // the notebook has its own meaning for these keys
  });
  const names = ["change:shapes", "change:labels", "change:view"];
  for (const name of names) model.on(name, later);
  const watcher = new ResizeObserver(fit);
  watcher.observe(box);
  fit();
  return () => {
    watcher.disconnect();
    for (const name of names) model.off(name, later);
  };
}

export default { render };
