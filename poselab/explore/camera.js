// The camera: one button opens it, a second takes a picture, a third closes it.
//
// A browser gives a camera only to pages of this computer (localhost) or with https, and
// only if its user agrees. In a frame of another page (VS Code, Colab) it mostly refuses.

const REFUSED = {
  NotAllowedError: "The browser does not give the camera to this page. Upload a picture instead.",
  NotFoundError: "There is no camera. Upload a picture instead.",
  NotReadableError: "Another program uses the camera. Close it, or upload a picture.",
};
const NEVER = "This page cannot use a camera (it needs https or localhost). Upload a picture instead.";

function button(parent, text, title) {
  const made = document.createElement("button");
  made.textContent = text;
  made.title = title;
  made.className = "jupyter-button widget-button lm-Widget";
  made.style.cssText = "width:auto; padding:0 12px; margin:2px";
  parent.append(made);
  return made;
}

function render({ model, el }) {
  const row = document.createElement("div");
  row.style.cssText = "display:flex; flex-wrap:wrap; align-items:center; gap:4px";
  const open = button(row, "Camera", "Open the camera of this computer");
  const take = button(row, "Take the picture", "Use what the camera sees now");
  const close = button(row, "Close", "Switch the camera off");
  const words = document.createElement("span");
  words.setAttribute("role", "status");
  const video = document.createElement("video");
  Object.assign(video, { autoplay: true, muted: true, playsInline: true });
  video.style.cssText = "display:none; max-width:320px; transform:scaleX(-1)"; // as in a mirror
  row.append(words);
  el.append(row, video);
  let stream = null;

  function tell(state, text = "") {
    const on = state === "open";
    open.style.display = on ? "none" : "";
    take.style.display = close.style.display = on ? "" : "none";
    video.style.display = on ? "block" : "none";
    words.textContent = text;
    model.set("state", state);
    model.save_changes();
  }

  function stop() {
    if (stream) for (const track of stream.getTracks()) track.stop();
    stream = video.srcObject = null;
  }

  async function begin() {
    if (!navigator.mediaDevices) return tell("refused", NEVER);
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        video: { width: { ideal: 1280 }, height: { ideal: 720 } },
      });
    } catch (problem) {
      return tell("refused", REFUSED[problem.name] || `No camera: ${problem.message}`);
    }
    video.srcObject = stream;
    await video.play();
    tell("open");
  }

  async function shoot() {
    const canvas = document.createElement("canvas"); // not mirrored: left stays left
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    if (!canvas.width) return;
    canvas.getContext("2d").drawImage(video, 0, 0);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
    model.send({ kind: "shot" }, undefined, [await blob.arrayBuffer()]);
  }

  function end() {
    stop();
    tell("closed");
  }

  open.addEventListener("click", begin);
  take.addEventListener("click", shoot);
  close.addEventListener("click", end);
  tell("closed");
  return stop;
}

export default { render };
