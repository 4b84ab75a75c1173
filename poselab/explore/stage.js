// The live explorer in place of its saved picture.
//
// JupyterLab shows `Error displaying widget: model not found` wherever a saved notebook
// holds the view of a widget whose kernel is gone. So no view is ever an output: the
// outputs are the explorer's picture and, in a line of HTML under it, its caption and how
// to get the sliders. This model has no view either. It waits for that line (the class
// tells whose it is), hides it and the picture above it, and puts the sliders there.

const PAGE = { ArrowLeft: "PageDown", ArrowDown: "PageDown", ArrowRight: "PageUp", ArrowUp: "PageUp" };

// A widget of Lumino wants to be told that it is on the page.
function attach(view, place) {
  const widget = view.luminoWidget || view.pWidget;
  const tell = (type) => widget?.processMessage?.({ type, isConflatable: false, conflate: () => false });
  tell("before-attach");
  place.append(view.el);
  tell("after-attach");
}

// The output above: the picture that stands for the explorer where nothing is live.
function still(line) {
  const output = line.closest(".jp-OutputArea-child, .output_area");
  const above = output?.previousElementSibling;
  return above?.querySelector("img") ? above : null;
}

function hide(part, hidden) {
  if (part) part.style.display = hidden ? "none" : "";
}

async function show(manager, child, line) {
  const place = document.createElement("div");
  // JupyterLab's own keys (arrows: the next cell) rest while the sliders have the focus.
  place.dataset.lmSuppressShortcuts = "true";
  place.className = "jupyter-widgets-view";
  const model = await manager.get_model(child);
  const view = await manager.create_view(model);
  line.after(place);
  attach(view, place);
  const picture = still(line);
  [line, picture].forEach((part) => hide(part, true));
  // The kernel is gone: sliders would still move, and nothing would follow them.
  const rest = () => {
    place.remove();
    [line, picture].forEach((part) => hide(part, false));
  };
  model.on("comm_live_update", () => model.comm_live || rest()); // restarted
  const kernel = manager.context?.sessionContext?.kernelChanged;
  kernel?.connect((_, change) => change.newValue || rest()); // shut down
  place.addEventListener("keydown", stride, true);
  name(place);
  new MutationObserver(() => name(place)).observe(place, { childList: true, subtree: true });
}

// What a screen reader says of a slider's handle.
function name(place) {
  for (const slider of place.querySelectorAll(".widget-slider")) {
    const handle = slider.querySelector(".noUi-handle");
    const label = slider.querySelector(".widget-label");
    if (handle && label) handle.setAttribute("aria-label", label.textContent);
  }
}

// Long sliders: an arrow key moves five steps, with Shift one.
function stride(event) {
  const handle = event.target.closest?.(".noUi-handle");
  const page = PAGE[event.key];
  if (!handle || !page || !event.isTrusted) return;
  const low = Number(handle.getAttribute("aria-valuemin"));
  const high = Number(handle.getAttribute("aria-valuemax"));
  const long = handle.closest(".poselab-long");
  if (!long || event.shiftKey || !(high > low)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  handle.dispatchEvent(new KeyboardEvent("keydown", { key: page, bubbles: true, cancelable: true }));
}

async function initialize({ model }) {
  const manager = model.widget_manager, child = model.get("child");
  const done = new WeakSet();
  const look = () => {
    for (const line of document.getElementsByClassName(model.get("token"))) {
      if (done.has(line)) continue;
      done.add(line);
      show(manager, child, line).catch((error) => console.error("poselab:", error));
    }
  };
  const watch = new MutationObserver(look);
  watch.observe(document.body, { childList: true, subtree: true });
  look();
  return () => watch.disconnect();
}

export default { initialize, render() {} };
