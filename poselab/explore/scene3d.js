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
const LIGHT = [-0.4, -0.8, -0.45]; // the direction to the light, for meshes
const DARK = 0.45; // of its colour is what a face keeps that the light does not reach
const SHADES = 48; // so many of each colour

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

// Bytes of Python begin anywhere in their message: copied, so that numbers are aligned.
function numbers(view, Kind) {
  if (!view?.byteLength) return new Kind(0);
  return new Kind(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

// The shade of each face, 0 to SHADES - 1, and SHADES more for the second colour.
function lit(points, faces, marked) {
  const long = Math.hypot(...LIGHT), found = new Uint8Array(marked.length);
  for (let i = 0; i < found.length; i++) {
    const [a, b, c] = [3 * faces[3 * i], 3 * faces[3 * i + 1], 3 * faces[3 * i + 2]];
    const [x, y, z] = [points[b] - points[a], points[b + 1] - points[a + 1], points[b + 2] - points[a + 2]];
    const [u, v, w] = [points[c] - points[a], points[c + 1] - points[a + 1], points[c + 2] - points[a + 2]];
    const normal = [y * w - z * v, z * u - x * w, x * v - y * u];
    const along = normal.reduce((sum, n, k) => sum + n * LIGHT[k], 0);
    const share = along / (long * Math.hypot(...normal) || 1);
    found[i] = Math.round(Math.max(0, share) * (SHADES - 1)) + SHADES * marked[i];
  }
  return found;
}

function palette(inks) {
  return inks.flatMap((rgb) => Array.from({ length: SHADES }, (_, i) => {
    const light = DARK + ((1 - DARK) * i) / (SHADES - 1);
    return `rgb(${rgb.map((part) => Math.round(part * light)).join()})`;
  }));
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
  let waiting = false, held = null, skin = null;

  const view = () => model.get("view");

  function button(text, change) {
    const made = element(bar, "button", "font:inherit; padding:2px 10px; cursor:pointer");
    made.textContent = text;
    made.addEventListener("click", () => turn(change));
  }

  // Gives (x, y, z) m -> where it is in the picture, and how far away.
  function eye() {
    const { yaw, pitch, distance, target } = view();
    const [p, q, r] = rotation(yaw, pitch);
    const scale = FIELD * canvas.height;
    const [left, top] = [canvas.width / 2, canvas.height / 2];
    return (x, y, z) => {
      const [a, b, c] = [x - target[0], y - target[1], z - target[2]];
      const depth = r[0] * a + r[1] * b + r[2] * c + distance;
      return [
        left + (scale * (p[0] * a + p[1] * b + p[2] * c)) / depth,
        top + (scale * (q[0] * a + q[1] * b + q[2] * c)) / depth,
        depth,
      ];
    };
  }

  function project(points) {
    const see = eye();
    return points.map((point) => see(...point)).map((seen) => (seen[2] < NEAR ? null : seen));
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

  function unpack() {
    const points = numbers(model.get("vertices"), Float32Array);
    const faces = numbers(model.get("faces"), Uint32Array);
    const marked = numbers(model.get("marked"), Uint8Array);
    skin = {
      points, faces,
      shade: lit(points, faces, marked),
      seen: new Float32Array(points.length),
      depth: new Float32Array(marked.length),
      order: new Uint32Array(marked.length),
      colours: palette(model.get("inks")),
    };
  }

  // How many faces look at the eye; they are the first of `order`, far ones first.
  function facing({ points, faces, seen, depth, order }) {
    const see = eye();
    for (let i = 0; i < points.length; i += 3) {
      seen.set(see(points[i], points[i + 1], points[i + 2]), i);
    }
    let count = 0;
    for (let i = 0; i < depth.length; i++) {
      const [a, b, c] = [3 * faces[3 * i], 3 * faces[3 * i + 1], 3 * faces[3 * i + 2]];
      const area = (seen[b] - seen[a]) * (seen[c + 1] - seen[a + 1])
        - (seen[b + 1] - seen[a + 1]) * (seen[c] - seen[a]);
      if (area > 0 || Math.min(seen[a + 2], seen[b + 2], seen[c + 2]) < NEAR) continue;
      depth[i] = seen[a + 2] + seen[b + 2] + seen[c + 2];
      order[count++] = i;
    }
    order.subarray(0, count).sort((m, n) => depth[n] - depth[m]);
    return count;
  }

  function mesh() {
    if (!skin) unpack();
    const { faces, seen, order, shade, colours } = skin;
    const count = facing(skin);
    pen.lineWidth = 1;
    for (let k = 0; k < count; k++) {
      const i = order[k];
      const [a, b, c] = [3 * faces[3 * i], 3 * faces[3 * i + 1], 3 * faces[3 * i + 2]];
      pen.fillStyle = pen.strokeStyle = colours[shade[i]];
      pen.beginPath();
      pen.moveTo(seen[a], seen[a + 1]);
      pen.lineTo(seen[b], seen[b + 1]);
      pen.lineTo(seen[c], seen[c + 1]);
      pen.closePath();
      pen.fill();
      pen.stroke(); // closes the hairlines between faces
    }
  }

  function draw() {
    waiting = false;
    pen.clearRect(0, 0, canvas.width, canvas.height);
    mesh();
    for (const shape of model.get("shapes")) lines(shape);
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
  const parts = ["change:vertices", "change:faces", "change:marked", "change:inks"];
  const again = () => {
    skin = null; // another mesh
    later();
  };
  for (const name of names) model.on(name, later);
  for (const name of parts) model.on(name, again);
  const watcher = new ResizeObserver(fit);
  watcher.observe(box);
  fit();
  return () => {
    watcher.disconnect();
    for (const name of names) model.off(name, later);
    for (const name of parts) model.off(name, again);
  };
}

export default { render };
